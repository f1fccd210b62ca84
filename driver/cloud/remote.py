"""Systems Manager's Run Command: a few shell lines on one instance. Used by `driver.cloud.aws` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from driver.cloud.failures import spoken
from driver.ports import Ran

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_DOCUMENT = "AWS-RunShellScript"
_MOST = 50
"""Instances in one question."""
_RUNNING = {"Pending", "InProgress", "Delayed", "Cancelling"}


class Ssm:
    """Commands on instances."""

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def reachable(self, instances: Sequence[str]) -> tuple[str, ...]:
        found: list[str] = []
        with spoken("instances in Systems Manager (ssm:DescribeInstanceInformation)"):
            for at in range(0, len(instances), _MOST):
                wanted = {"Key": "InstanceIds", "Values": list(instances[at : at + _MOST])}
                answer = self._client.describe_instance_information(Filters=[wanted])  # type: ignore[list-item]
                found += [
                    one["InstanceId"] for one in answer["InstanceInformationList"] if one.get("PingStatus") == "Online"
                ]
        return tuple(found)

    def sent(self, instance: str, comment: str) -> str:
        with spoken("commands (ssm:ListCommands)"):
            pages = self._client.get_paginator("list_commands").paginate(InstanceId=instance)
            for page in pages:
                for command in page["Commands"]:
                    if command.get("Comment") == comment:
                        return command["CommandId"]
        return ""

    def send(self, instance: str, lines: Sequence[str], comment: str, limit: int) -> str:
        with spoken(f"Run Command on {instance} (ssm:SendCommand)"):
            answer = self._client.send_command(
                DocumentName=_DOCUMENT,
                InstanceIds=[instance],
                Comment=comment,
                Parameters={"commands": list(lines), "executionTimeout": [str(limit)]},
            )
        return answer["Command"]["CommandId"]

    def outcome(self, instance: str, id: str) -> Ran:
        try:
            with spoken("a command (ssm:GetCommandInvocation)"):
                found = self._client.get_command_invocation(CommandId=id, InstanceId=instance)
        except LookupError:
            return Ran(None)  # known a moment after it was sent
        said = "\n".join((found.get("StandardOutputContent", ""), found.get("StandardErrorContent", "")))
        if found["Status"] in _RUNNING:
            return Ran(None, said)
        if found["Status"] == "Success":
            return Ran(0, said)
        code = found.get("ResponseCode", -1)
        if code <= 0:
            return Ran(-1, f"{said}\nSystems Manager says: {found.get('StatusDetails') or found['Status']}")
        return Ran(code, said)
