"""Run Command on sandbox instances: what was sent where, and how it goes. Commands are simulated, not executed.

The words decide (`simulated`). A release's own run-once script waits for the boot, and answers an attempt again as it
did before.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud.clock import Clock
from sandbox.cloud.events import EventLog
from sandbox.cloud.instances import Instances, Machine
from sandbox.cloud.refusals import Refused
from sandbox.cloud.simulated import simulated

REGISTERS = 15.0  # simulated seconds from running until the agent has registered
DELIVERY = 1.0
SHORTEST = 2.0
RUN_ONCE = "/opt/bluegreen/release/run-once.sh"


@dataclass(frozen=True)
class State:
    """Of a command on one instance; `code` is -1 until it has ended."""

    status: str
    code: int = -1
    out: str = ""
    error: str = ""
    details: str = ""

    @property
    def over(self) -> bool:
        return self.status not in ("Pending", "InProgress")


@dataclass
class Sent:
    """On one instance. `first`: the same attempt of a run-once script, sent before."""

    id: str
    instance: str
    lines: tuple[str, ...]
    at: float
    limit: float
    first: "Sent | None" = None
    began: float | None = None
    end: State | None = field(default=None)


class Commands:
    def __init__(self, clock: Clock, instances: Instances, events: EventLog) -> None:
        self._clock = clock
        self._instances = instances
        self._events = events
        self._sent: dict[tuple[str, str], Sent] = {}
        self._attempts: dict[tuple[str, str], Sent] = {}

    def managed(self) -> list[Machine]:
        """Instances whose agent has registered."""
        return [machine for machine in self._instances.machines.values() if self._online(machine)]

    def send(self, id: str, targets: Sequence[str], lines: Sequence[str], limit: float) -> None:
        for target in targets:
            machine = self._instances.machines.get(target)
            if machine is None or not self._online(machine):
                raise Refused("InvalidInstanceId", f"Instances [[{target}]] not in a valid state for account")
        for target in targets:
            sent = Sent(id, target, tuple(lines), self._clock.now(), limit)
            if attempt := _attempt(lines):
                sent.first = self._attempts.setdefault((target, attempt), sent)
            self._sent[id, target] = sent

    def state(self, id: str, instance: str) -> State | None:
        """None where nothing of that id was sent there."""
        sent = self._sent.get((id, instance))
        if sent is None:
            return None
        if sent.end is None:
            found = self._now(sent)
            sent.end = found if found.over else None
            return found
        return sent.end

    def _now(self, sent: Sent) -> State:
        now = self._clock.now()
        machine = self._instances.machines[sent.instance]
        if sent.first is not None and sent.first is not sent:
            return self.state(sent.first.id, sent.instance) or State("Pending")
        if not machine.alive:
            return State("Failed", -1, details="Terminated")
        if now < sent.at + DELIVERY:
            return State("Pending")
        if now >= sent.at + DELIVERY + sent.limit:
            return State("TimedOut", -1, details="Execution Timed Out")
        if sent.first is sent and not machine.app_ran:
            return State("InProgress")
        if sent.first is sent and machine.release is None:
            return State("Failed", 127, error=f"{RUN_ONCE}: the release never got here", details="Failed")
        if sent.began is None:
            sent.began = max(sent.at + DELIVERY, machine.app_at if sent.first is sent else 0.0)
            self._events.add("instance", sent.instance, f"runs once (simulated): {_words(sent.lines)}")
        text = _words(sent.lines)
        if now < sent.began + max(SHORTEST, simulated(text).seconds):
            return State("InProgress")
        return _ended(text)

    def _online(self, machine: Machine) -> bool:
        running = machine.instance.state == "running"
        return running and self._clock.now() >= machine.running_at + REGISTERS


def information(machine: Machine) -> dict[str, Any]:
    """An entry of DescribeInstanceInformation."""
    return {
        "InstanceId": machine.id,
        "PingStatus": "Online",
        "AgentVersion": "3.3.1611.0",
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": "Amazon Linux",
        "PlatformVersion": "2023",
        "ResourceType": "EC2Instance",
        "ComputerName": f"{machine.id}.internal",
    }


def _ended(text: str) -> State:
    code = simulated(text).code
    said = f"simulated by the sandbox: {text}\n"
    if code:
        return State("Failed", code, said, f"simulated failure of: {text}\nfailed to run commands: exit status {code}")
    return State("Success", 0, said)


def _attempt(lines: Sequence[str]) -> str:
    words = _run_once(lines)
    return words[1] if len(words) > 1 else ""


def _words(lines: Sequence[str]) -> str:
    """What is run in the end: the words behind the release's own script, or all of them."""
    words = _run_once(lines)
    return " ".join(words[2:]) if words else "\n".join(lines)


def _run_once(lines: Sequence[str]) -> list[str]:
    """The script's call, from its name on."""
    for line in lines:
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        if words[:2] == ["exec", RUN_ONCE]:
            return words[1:]
    return []
