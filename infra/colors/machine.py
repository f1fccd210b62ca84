"""The machine image of a release: the one that is set, else Amazon Linux 2023 for the instance type's processor."""

from __future__ import annotations

import re

import pulumi_aws as aws

_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}"
# Graviton families carry a g behind the generation (t4g, m7gd, c7gn); a1 is the one before that rule.
_GRAVITON = re.compile(r"(a1|[a-z]+\d+[a-z]*g[a-z]*)\..+")


def architecture(instance_type: str) -> str:
    """`arm64` or `x86_64`."""
    return "arm64" if _GRAVITON.fullmatch(instance_type) else "x86_64"


def machine_image(instance_type: str, ami: str | None, *, look_up: bool) -> str:
    """An AMI id. It is looked up where the release is made, and stays: the latest one changes under a fleet.

    In any other update the input is ignored; what stands there serves only a template that somebody deleted, and
    EC2 resolves it at launch.
    """
    if ami is not None:
        return ami
    parameter = _PARAMETER.format(architecture(instance_type))
    return aws.ssm.get_parameter(name=parameter).value if look_up else f"resolve:ssm:{parameter}"
