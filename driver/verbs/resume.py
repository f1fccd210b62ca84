"""`resume`: carries on what a driver left unfinished."""

from __future__ import annotations

from typing import cast

import click

from driver.errors import Busy
from driver.invocation import Invocation
from driver.observe import observe
from driver.options import Gate, break_lock, dry_run, timeout
from driver.ports import Ports
from driver.release.in_place import put_back
from driver.release.requests import Leniency, Resume
from driver.release.snapshot import Snapshot
from driver.release.watcher import parse
from driver.result import Result
from driver.rollback import Haste, roll_back
from driver.transition import Limits
from driver.verbs.acting import act, dry, opened

_POLL = 5.0


@click.command()
@click.option("--pause-after", type=click.IntRange(1, 99), metavar="W", help="End at this weight; `resume` goes on.")
@click.option("--gate", "gates", type=Gate(), multiple=True, metavar="NAME=off|warn", help="Do without a gate.")
@break_lock
@dry_run
@timeout("15m")
@click.pass_obj
def resume(
    called: Invocation, pause_after: int | None, gates: tuple[tuple[str, str], ...], dry_run: bool, timeout: float
) -> Result:
    """Carry on a transition that was paused, or whose driver died, or finish a rollback.

    The time in which nobody watched is judged first. With nothing in progress there is nothing to do.
    """
    session = opened(called, "resume", dry_run=dry_run)
    ports = session.ports
    seen = observe(ports.cloud, ports.clock.now())
    if seen.stored.pending:
        if dry_run:
            return Result("planned", "a rollback would be finished", facts={"dry_run": True})
        journey = roll_back(ports, Haste(at_once=True, why="resume", timeout=timeout))
        return Result("rolled back", journey.reason, ("status",), facts=journey.facts(), body=journey)
    _unless_watched(ports, seen, dry_run=dry_run)
    request = Resume({name: cast(Leniency, leniency) for name, leniency in gates}, pause_after)
    if dry_run:
        return dry(ports, request)
    done, then = _ends(seen)
    return act(session, request, Limits(timeout=timeout), done=done, next=then)


def _ends(seen: Snapshot) -> tuple[str, tuple[str, ...]]:
    """The outcome's word for what is carried on, and what comes next."""
    record = seen.record
    if record is not None and record.transition is not None and record.transition.kind == "in-place":
        return "deployed", ("status",)
    if record is not None and put_back(seen, record) is not None:
        return "rolled back", ("status",)
    return "promoted", ("status", "rollback")


def _unless_watched(ports: Ports, seen: Snapshot, *, dry_run: bool) -> None:
    """Raises Busy where another driver is at it.

    The lease of one that was killed runs on for a moment; on the same machine its process tells that it is over.
    """
    first = watcher = parse(seen.stored.watcher)
    while first and watcher and watcher.alive(ports.clock.now()):
        from driver.stack.lease import gone  # a resume that needs no proof need not load what gives one

        if gone(watcher.process):
            return
        if dry_run or watcher.until != first.until:
            raise Busy(f"{watcher.named} is at it", f"{watcher.doing}, since {watcher.since}", ("wait", "status"))
        ports.tell(f"{watcher.named} may still be at it: waiting whether its lease is renewed")
        ports.clock.sleep(_POLL)
        watcher = parse(ports.cloud.watcher())
