"""What an instance may do: what its own boot and release need, each on its own things. Pure.

`tests/infra/test_access.py` lists every statement with a `*`, each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
_LOG = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


@dataclass(frozen=True)
class Place:
    """Where ARNs are of."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Needs:
    """What one release's instances need beyond a session."""

    place: Place
    images: tuple[Image, ...]
    log_group: str
    group: str
    """The pattern of the scaling group's name."""
    namespace: str
    """Of metrics."""
    owner: tuple[str, str]
    """Project and stack, as the scaling group's tags have them."""
    bundle: str = ""
    """ARN of the object."""
    version: str = ""
    """The one version of the object."""
    secrets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """ARNs of keys of the account's own that the secrets are encrypted with; those of aliases too."""
    tools: str = ""
    """ARN of the objects that a mirror in S3 has; empty: it is none."""
    record: str = ""
    """ARN of the record's parameter, where an instance has to know which color is active."""


def trust(service: str) -> str:
    """The policy that lets one AWS service take a role."""
    return _document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def instance_policy(needs: Needs) -> str:
    """The policy of the instances that run one release."""
    place, (project, stack) = needs.place, needs.owner
    statements = [
        _allow("Session", _SESSION, "*"),
        _allow("Log", _LOG, place.arn("logs", f"log-group:{needs.log_group}:*")),
        # The group is made after the policy, so its name is known as a pattern only; the tags say whose it is.
        _allow(
            "Hook",
            "autoscaling:CompleteLifecycleAction",
            place.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{needs.group}"),
            StringEquals={
                "aws:ResourceTag/bluegreen:project": project,
                "aws:ResourceTag/bluegreen:stack": stack,
            },
        ),
        _allow("Metrics", "cloudwatch:PutMetricData", "*", StringEquals={"cloudwatch:namespace": needs.namespace}),
        _allow("OwnTags", "ec2:DescribeTags", "*"),
    ]
    if needs.bundle:
        version = {"s3:VersionId": needs.version}
        statements.append(_allow("Bundle", "s3:GetObjectVersion", needs.bundle, StringEquals=version))
    statements += _pulling(place, needs.images)
    if needs.secrets:
        statements.append(_allow("Secrets", "secretsmanager:GetSecretValue", list(needs.secrets)))
    statements += _keys(place, needs.keys)
    if needs.tools:
        statements.append(_allow("Tools", "s3:GetObject", needs.tools))
    if needs.record:
        statements.append(_allow("Record", "ssm:GetParameter", needs.record))
    return _document(statements)


def task_trust(place: Place) -> str:
    """The policy that lets ECS take a role for tasks of this account, and for no one else's."""
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
            }
        ]
    )


def execution_policy(place: Place, image: Image, log_group: str, secrets: Sequence[str], keys: Sequence[str]) -> str:
    """What ECS does for a task of one release before it starts: pull, fetch secrets, open the log.

    `secrets` are ARNs, `keys` as in `Needs`.
    """
    log = ("logs:CreateLogStream", "logs:PutLogEvents")
    statements = [_allow("Log", log, place.arn("logs", f"log-group:{log_group}:*")), *_pulling(place, [image])]
    if secrets:
        statements.append(_allow("Secrets", "secretsmanager:GetSecretValue", list(secrets)))
    return _document([*statements, *_keys(place, keys)])


def shell_policy() -> str:
    """What a task itself may do where `aws ecs execute-command` may open a shell in it."""
    return _document([_allow("Session", _SESSION[1:], "*")])


def bucket_policy(bucket: str) -> str:
    """Refuses everybody, the account's own included, who comes without TLS 1.2. `bucket` is its ARN."""
    whole = [bucket, f"{bucket}/*"]
    deny: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": whole}
    return _document(
        [
            {"Sid": "TlsOnly", **deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Sid": "NoOldTls", **deny, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
        ]
    )


def _keys(place: Place, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Leave to decrypt, through Secrets Manager only. A key known by alias is any key that has the alias."""
    through = f"secretsmanager.{place.region}.amazonaws.com{'.cn' if place.partition == 'aws-cn' else ''}"
    named = [key for key in keys if ":alias/" not in key]
    found = [_allow("SecretKeys", "kms:Decrypt", named, StringEquals={"kms:ViaService": through})] if named else []
    aliases = [key for key in keys if ":alias/" in key]
    if aliases:
        found.append(
            {
                **_allow("SecretKeysByAlias", "kms:Decrypt", place.arn("kms", "key/*")),
                "Condition": {
                    "StringEquals": {"kms:ViaService": through},
                    "ForAnyValue:StringEquals": {"kms:ResourceAliases": [key.rpartition(":")[2] for key in aliases]},
                },
            }
        )
    return found


def _pulling(place: Place, wanted: Sequence[Image]) -> list[dict[str, Any]]:
    """Leave to pull what lies in ECR; nothing of it where no image does."""
    repositories = [_repository(place, image) for image in wanted if image.registry]
    if not repositories:
        return []
    return [
        _allow("RegistryLogin", "ecr:GetAuthorizationToken", "*"),
        _allow("Pull", _PULL, list(dict.fromkeys(repositories))),
    ]


def _repository(place: Place, image: Image) -> str:
    account, region = image.registry or (place.account, place.region)
    return Place(account, region).arn("ecr", f"repository/{image.name}")


def _allow(
    sid: str, actions: str | Sequence[str], resources: str | list[str], **conditions: dict[str, str]
) -> dict[str, Any]:
    action = actions if isinstance(actions, str) else list(actions)
    resource = resources[0] if isinstance(resources, list) and len(resources) == 1 else resources
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": conditions} if conditions else {}),
    }


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
