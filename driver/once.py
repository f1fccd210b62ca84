"""Running a command of the new release on one of its instances, once: begun, found again, and how it ended."""

from __future__ import annotations

import shlex
import uuid
from dataclasses import replace

from driver.errors import Refused, ReleaseFailed, Unfinished
from driver.gates import Verdict
from driver.images import named_again, short
from driver.journey import Taken
from driver.launches import lost
from driver.observe import observe
from driver.ports import Ports, Ran
from driver.release.moves import RunOnce
from driver.release.once import Once
from infra.record import Deployed, Slot

SCRIPT = "/opt/bluegreen/release/run-once.sh"
_POLL = 2.0
_SHORTEST = 60
_LINES = 5
_NOISE = "failed to run commands:"


def run_once(ports: Ports, move: RunOnce, deployed: Deployed, deadline: float) -> Taken:
    """Raises Refused where the command fails, Unfinished where it has not ended by then."""
    slot = deployed.record.colors[move.color]
    started, group = ports.clock.elapsed(), deployed.capacity[move.color]
    kept = ports.cloud.stored().once
    once = kept if kept and kept.fill == slot.fill and kept.words == move.words else Once(slot.fill, move.words)
    id = ""
    if once.state == "begun" and once.instance in _instances(ports, group):
        id = ports.cloud.remote().sent(once.instance, once.comment)
        ports.tell(f"{once.instance} was told to run it before: waits for that")
    else:
        instance = _reachable(ports, move, group, deadline)
        once = replace(once, state="begun", attempt=uuid.uuid4().hex[:12], instance=instance)
        # Kept before it is sent: whoever comes later looks for it, whatever happens to this driver.
        ports.cloud.put_once(once.text())
    if not id:
        limit = max(_SHORTEST, int(deadline - ports.clock.elapsed()))
        id = ports.cloud.remote().send(once.instance, _lines(once), once.comment, limit)
        ports.tell(f"{once.instance} runs `{shlex.join(once.words)}`")
    ran = _ended(ports, once, id, slot, group, deadline)
    ports.cloud.put_once(replace(once, state="failed" if ran.code else "done").text())
    said = "\n".join(_last(ran.said))
    if ran.code:
        what = f"the command of {short(slot.image)} failed" + (f": exit code {ran.code}" if ran.code > 0 else "")
        facts = {"run": {**_facts(once, id), "exit_code": ran.code, "log": _last(ran.said)}}
        why = f"{said or 'it said nothing'}\nnothing that serves was touched; {move.color} can't be promoted"
        raise Refused(what, why, (f"deploy {named_again(slot.image)}", f"logs {move.color}", "status"), facts)
    reason = f"`{shlex.join(once.words)}` succeeded on {once.instance}"
    return Taken(move, waited_seconds=ports.clock.elapsed() - started, verdicts=(Verdict("run", True, reason, said),))


def _lines(once: Once) -> tuple[str, ...]:
    """The agent answers before the bundle is there."""
    return (
        f"until [ -x {SCRIPT} ]; do sleep 2; done",
        f"exec {SCRIPT} {once.attempt} {shlex.join(once.words)}",
    )


def _ended(ports: Ports, once: Once, id: str, slot: Slot, group: str, deadline: float) -> Ran:
    """How it ended. A code below zero: it never got to one."""
    while True:
        ran = ports.cloud.remote().outcome(once.instance, id)
        if ran.code is not None:
            return ran
        if once.instance not in _instances(ports, group):
            return Ran(-1, f"{ran.said}\n{once.instance} is gone: nobody knows how far it came")
        if ports.clock.elapsed() >= deadline:
            raise Unfinished(
                f"the command of {short(slot.image)} has not ended",
                f"`{shlex.join(once.words)}` goes on, on {once.instance} as command {id}; "
                "the same deploy waits for that and runs no second one",
                (f"deploy {named_again(slot.image)}", "status"),
                {"run": _facts(once, id)},
            )
        ports.clock.sleep(_POLL)


def _reachable(ports: Ports, move: RunOnce, group: str, deadline: float) -> str:
    """The first of the color's instances, by id, that takes commands. Raises ReleaseFailed when none does in time."""
    while True:
        if found := ports.cloud.remote().reachable(_instances(ports, group)):
            return min(found)
        if ports.clock.elapsed() >= deadline:
            fleet = observe(ports.cloud, ports.clock.now()).fleet(move.color)
            why = "; ".join(lost(ports.cloud, move.color, fleet)) or "none registered with Systems Manager in time"
            what = f"no instance of {move.color} could be told to run the command"
            raise ReleaseFailed(what, why, (f"logs {move.color}", "deploy IMAGE", "status"))
        ports.clock.sleep(_POLL)


def _instances(ports: Ports, group: str) -> tuple[str, ...]:
    held = ports.cloud.capacity([group]).get(group)
    return held.instances if held else ()


def _last(said: str) -> list[str]:
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    return lines[-_LINES:]


def _facts(once: Once, id: str) -> dict[str, object]:
    return {"command": shlex.join(once.words), "instance": once.instance, "command_id": id}
