"""`wait`: until nothing is in progress."""

from __future__ import annotations

from datetime import datetime

import click

from driver.errors import Drifted, Refused, Unfinished
from driver.invocation import Invocation
from driver.observe import look, observe, witnessed
from driver.options import timeout
from driver.ports import Ports
from driver.release.snapshot import NOTHING, Stored
from driver.release.watcher import parse, spoken, unwatched_since, watched
from driver.result import Result
from driver.session import Session
from driver.watching import LASTS, SHORTEST_LEASE

_SETTLE = ("up", "rollback")


@click.command()
@timeout("30m")
@click.pass_obj
def wait(called: Invocation, timeout: float) -> Result:
    """Until no transition and no rollback is in progress, and no other driver is at work."""
    session = Session(called, changes=False)
    session.known_account()
    return awaited(session.ports, timeout)


def awaited(ports: Ports, timeout: float) -> Result:
    """Looks until nothing is in progress and nobody is at work.

    Raises Unfinished where that can't come by itself, or does not come in time.
    """
    clock, said, strays, orphaned = ports.clock, "", 0, None
    deadline = clock.elapsed() + timeout
    while True:
        stored = witnessed(ports.cloud.stored())
        if not stored.died:
            orphaned = None
        elif orphaned is None:
            orphaned = clock.now()
        if stored.deployed is None:
            raise Refused("there is no release yet", NOTHING, ("up", "sync --from-live"))
        transition = stored.deployed.record.transition
        if transition is None and stored.pending is None:
            seen = observe(ports.cloud, clock.now())
            at_work = watched(seen.stored, seen.now)
            if not seen.weights_drifted and not at_work:
                active = stored.deployed.record.active
                return Result("steady", f"record {stored.deployed.generation}: {active} serves", ("status",))
            # A driver is seen to watch a moment after it began to act.
            strays += 1
            if strays > 1 and not at_work:
                raise Drifted("nothing is in progress, but AWS disagrees with the record", seen.drift[0], _SETTLE)
            watcher = parse(seen.stored.watcher)
            doing = f"`{watcher.doing}`, by {watcher.named}" if watcher and at_work else "an update"
        else:
            doing = _named(stored)
            _unless_left(ports, stored, doing, orphaned)
        if clock.elapsed() >= deadline:
            raise Unfinished(f"{doing} is still in progress", f"after {timeout:.0f} s", _onward(ports, stored))
        if doing != said:
            ports.tell(f"waiting for {doing}")
            said = doing
        clock.sleep(2.0)


def _named(stored: Stored) -> str:
    transition = stored.deployed.record.transition if stored.deployed else None
    if stored.pending or transition is None:
        return "a rollback"
    return "a transition in place" if transition.kind == "in-place" else f"a transition at {transition.weight} %"


def _onward(ports: Ports, stored: Stored) -> tuple[str, ...]:
    transition = stored.deployed.record.transition if stored.deployed else None
    if transition is None and stored.pending is None:
        drifted = look(ports.cloud, stored, ports.clock.now()).weights_drifted
        return _SETTLE if drifted else ("wait", "status")
    astray = look(ports.cloud, stored, ports.clock.now()).weights_drifted and stored.pending is None
    return ("rollback", "up") if astray else ("resume", "rollback")


def _unless_left(ports: Ports, stored: Stored, doing: str, orphaned: datetime | None) -> None:
    """Raises Unfinished for what nobody carries on: to wait for it would be to wait for ever.

    `orphaned`: since when its driver was seen to be dead.
    """
    transition, clock = stored.deployed.record.transition if stored.deployed else None, ports.clock
    now = clock.now()
    since = unwatched_since(stored, transition, now)
    if since is None:
        return
    if transition is not None and transition.paused and stored.pending is None:
        raise Unfinished(f"{doing} is paused as asked", "a person says when it goes on", _onward(ports, stored))
    # A driver acts before it is seen to watch; and for as long as its lease may be on its way, someone may be there.
    grace = max(clock.later(LASTS) - now, SHORTEST_LEASE)
    if now >= since + grace or (orphaned and now >= orphaned + SHORTEST_LEASE):
        raise Unfinished(
            f"{doing} is not carried on by anyone", spoken(stored, transition, now), _onward(ports, stored)
        )
