"""A command on an instance of a scaling group, by Systems Manager's Run Command. Used by `driver.cloud.runs` alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from driver.cloud.failures import spoken
from driver.cloud.fleets import capacities
from driver.ports import Ran
from driver.release.once import NotNow

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from driver.release.once import Once

SCRIPT = "/opt/bluegreen/release/run-once.sh"
_DOCUMENT = "AWS-RunShellScript"
_MOST = 50
"""Instances in one question."""
_RUNNING = {"Pending", "InProgress", "Delayed", "Cancelling"}


class Remote:
    """Commands on one scaling group's instances."""

    def __init__(self, clients: Callable[[str], Any], group: str) -> None:
        self._clients, self._group = clients, group
        self._ssm: SSMClient = clients("ssm")

    def place(self) -> str:
        """The first by id of the instances that take commands."""
        if found := self._reachable(self._instances()):
            return min(found)
        raise NotNow(f"no instance of {self._group} is registered with Systems Manager")

    def known(self, once: Once) -> bool:
        """The instance itself runs an attempt once, however often it is told to."""
        return once.place in self._instances()

    def begun(self, once: Once) -> str:
        if not self.known(once):
            return ""
        with spoken("commands (ssm:ListCommands)"):
            pages = self._ssm.get_paginator("list_commands").paginate(InstanceId=once.place)
            for page in pages:
                for command in page["Commands"]:
                    if command.get("Comment") == _comment(once):
                        return command["CommandId"]
        return ""

    def begin(self, once: Once, limit: int) -> str:
        with spoken(f"Run Command on {once.place} (ssm:SendCommand)"):
            answer = self._ssm.send_command(
                DocumentName=_DOCUMENT,
                InstanceIds=[once.place],
                Comment=_comment(once),
                Parameters={"commands": list(_lines(once)), "executionTimeout": [str(limit)]},
            )
        return answer["Command"]["CommandId"]

    def outcome(self, once: Once, id: str) -> Ran:
        with spoken("a command (ssm:GetCommandInvocation)"):
            found = self._ssm.get_command_invocation(CommandId=id, InstanceId=once.place)
        said = "\n".join((found.get("StandardOutputContent", ""), found.get("StandardErrorContent", "")))
        if found["Status"] in _RUNNING:
            if self.known(once):
                return Ran(None, said)
            return Ran(-1, f"{said}\n{once.place} is gone: nobody knows how far it came")
        if found["Status"] == "Success":
            return Ran(0, said)
        code = found.get("ResponseCode", -1)
        if code <= 0:
            return Ran(-1, f"{said}\nSystems Manager says: {found.get('StatusDetails') or found['Status']}")
        return Ran(code, said)

    def end(self, once: Once) -> str:  # noqa: ARG002 - a command ends with its instance, and that with the release
        return ""

    def named(self, once: Once, id: str) -> str:
        return f"command {id} on {once.place}"

    def _instances(self) -> tuple[str, ...]:
        held = capacities(self._clients, [self._group]).get(self._group)
        return held.instances if held else ()

    def _reachable(self, instances: Sequence[str]) -> list[str]:
        found: list[str] = []
        with spoken("instances in Systems Manager (ssm:DescribeInstanceInformation)"):
            for at in range(0, len(instances), _MOST):
                wanted = {"Key": "InstanceIds", "Values": list(instances[at : at + _MOST])}
                answer = self._ssm.describe_instance_information(Filters=[wanted])  # type: ignore[list-item]
                found += [
                    one["InstanceId"] for one in answer["InstanceInformationList"] if one.get("PingStatus") == "Online"
                ]
        return found


def _comment(once: Once) -> str:
    """By which an attempt is found again among an instance's commands."""
    return f"bluegreen run-once {once.attempt}"


def _lines(once: Once) -> tuple[str, ...]:
    """The agent answers before the bundle is there."""
    return (
        f"until [ -x {SCRIPT} ]; do sleep 2; done",
        f"exec {SCRIPT} {once.attempt} {shlex.join(once.words)}",
    )
