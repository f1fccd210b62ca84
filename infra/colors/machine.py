"""The machine image of a release: the one that is set, else Amazon Linux 2023 for the instance type's processor."""

from __future__ import annotations

import pulumi_aws as aws

from infra.setting_compose import architecture

_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}"


def machine_image(instance_type: str, ami: str | None, *, look_up: bool) -> str:
    """An AMI id. It is looked up where the release is made, and stays: the latest one changes under a fleet.

    In any other update the input is ignored; what stands there serves only a template that somebody deleted, and
    EC2 resolves it at launch.
    """
    if ami is not None:
        return ami
    parameter = _PARAMETER.format(architecture(instance_type))
    return aws.ssm.get_parameter(name=parameter).value if look_up else f"resolve:ssm:{parameter}"
