"""`wait`: until nothing is in progress."""

from __future__ import annotations

import click

from driver.errors import Refused, Unfinished
from driver.invocation import Invocation
from driver.options import timeout
from driver.release.snapshot import NOTHING
from driver.result import Result
from driver.session import Session


@click.command()
@timeout("30m")
@click.pass_obj
def wait(called: Invocation, timeout: float) -> Result:
    """Until no transition and no rollback is in progress."""
    session = Session(called, changes=False)
    clock, said = session.ports.clock, ""
    deadline = clock.elapsed() + timeout
    while True:
        stored = session.cloud.stored()
        if stored.deployed is None:
            raise Refused("there is no release yet", NOTHING, ("up", "sync --from-live"))
        transition = stored.deployed.record.transition
        if transition is None and stored.pending is None:
            active = stored.deployed.record.active
            return Result("steady", f"record {stored.deployed.generation}: {active} serves", ("status",))
        doing = "a rollback" if stored.pending else f"a transition, at {transition.weight if transition else 0} %"
        if clock.elapsed() >= deadline:
            raise Unfinished(f"{doing} is still in progress", f"after {timeout:.0f} s", ("resume", "rollback"))
        if doing != said:
            called.tell(f"waiting for {doing}")
            said = doing
        clock.sleep(2.0)
