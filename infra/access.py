"""What an instance may do: pull its own image, and be reached by Session Manager. Nothing else."""

from __future__ import annotations

import json
from typing import Any

from infra.images import Image

# Session Manager's core, of AmazonSSMManagedInstanceCore without its leave to read every parameter of the account.
_SESSION = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def trust(service: str) -> str:
    """The policy that lets one AWS service take a role."""
    return _document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def instance_policy(image: Image) -> str:
    """The policy of the instances that run this image. These actions of SSM and ECR's login know no resources."""
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": list(_SESSION), "Resource": "*"}]
    if image.registry is not None:
        account, region = image.registry
        partition = "aws-cn" if image.host.endswith(".cn") else "aws"
        repository = f"arn:{partition}:ecr:{region}:{account}:repository/{image.name}"
        statements += [
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Effect": "Allow", "Action": list(_PULL), "Resource": repository},
        ]
    return _document(statements)


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
