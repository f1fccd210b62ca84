"""`wait`: until nothing is in progress."""

from __future__ import annotations

import click

from driver.errors import Refused, Unfinished
from driver.invocation import Invocation
from driver.options import timeout
from driver.ports import Clock, Ports
from driver.release.snapshot import NOTHING, Stored
from driver.release.watcher import spoken, unwatched_since
from driver.result import Result
from driver.session import Session
from driver.watching import LASTS, SHORTEST_LEASE


@click.command()
@timeout("30m")
@click.pass_obj
def wait(called: Invocation, timeout: float) -> Result:
    """Until no transition and no rollback is in progress."""
    session = Session(called, changes=False)
    session.known_account()
    return awaited(session.ports, timeout)


def awaited(ports: Ports, timeout: float) -> Result:
    """Looks until nothing is in progress. Raises Unfinished where that can't come by itself, or not in time."""
    clock, said = ports.clock, ""
    deadline = clock.elapsed() + timeout
    while True:
        stored = ports.cloud.stored()
        if stored.deployed is None:
            raise Refused("there is no release yet", NOTHING, ("up", "sync --from-live"))
        transition = stored.deployed.record.transition
        if transition is None and stored.pending is None:
            active = stored.deployed.record.active
            return Result("steady", f"record {stored.deployed.generation}: {active} serves", ("status",))
        doing = "a rollback" if stored.pending else f"a transition at {transition.weight if transition else 0} %"
        _unless_left(stored, doing, clock)
        if clock.elapsed() >= deadline:
            raise Unfinished(f"{doing} is still in progress", f"after {timeout:.0f} s", ("resume", "rollback"))
        if doing != said:
            ports.tell(f"waiting for {doing}")
            said = doing
        clock.sleep(2.0)


def _unless_left(stored: Stored, doing: str, clock: Clock) -> None:
    """Raises Unfinished for what nobody carries on: to wait for it would be to wait for ever."""
    transition = stored.deployed.record.transition if stored.deployed else None
    now = clock.now()
    since = unwatched_since(stored, transition, now)
    if since is None:
        return
    if transition is not None and transition.paused and stored.pending is None:
        raise Unfinished(f"{doing} is paused as asked", "a person says when it goes on", ("resume", "rollback"))
    # A driver acts before it is seen to watch; and for as long as its lease may be on its way, someone may be there.
    grace = max(clock.later(LASTS) - now, SHORTEST_LEASE)
    if now >= since + grace:
        raise Unfinished(
            f"{doing} is not carried on by anyone", spoken(stored, transition, now), ("resume", "rollback")
        )
