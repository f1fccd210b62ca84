"""`resume`: carries on what a driver left unfinished."""

from __future__ import annotations

import click

from driver.errors import Refused
from driver.invocation import Invocation
from driver.observe import observe
from driver.options import dry_run, timeout
from driver.release.requests import Promote
from driver.release.snapshot import Snapshot
from driver.result import Result
from driver.rollback import Haste, roll_back
from driver.transition import Limits, finish
from driver.verbs.acting import opened


@click.command()
@dry_run
@timeout("15m")
@click.pass_obj
def resume(called: Invocation, dry_run: bool, timeout: float) -> Result:
    """Finish a rollback, or a promotion whose update did not end. With nothing in progress there is nothing to do."""
    session = opened(called, "resume", dry_run=dry_run)
    ports = session.ports
    seen = observe(ports.cloud, ports.clock.now())
    if dry_run:
        return Result("planned", _found(seen), facts={"dry_run": True})
    if seen.stored.pending:
        journey = roll_back(ports, Haste(at_once=True, why="resume", timeout=timeout))
        return Result("rolled back", journey.reason, ("status",), facts=journey.facts(), body=journey)
    if _half_promoted(seen):
        journey = finish(ports, Promote(again=True), Limits(timeout=timeout))
        return Result("promoted", journey.reason, ("status",), facts=journey.facts(), body=journey)
    if seen.drift:
        raise Refused("it is not known what was in progress", seen.drift[0], ("rollback", "up"))
    return Result("nothing to do", "nothing is in progress", ("status",))


def _found(seen: Snapshot) -> str:
    if seen.stored.pending:
        return "a rollback would be finished"
    if _half_promoted(seen):
        return "a promotion would be finished"
    return seen.drift[0] if seen.drift else "nothing is in progress"


def _half_promoted(seen: Snapshot) -> bool:
    """Whether the rule has all traffic on a filled standby that the record has not yet flipped to."""
    record = seen.record
    if record is None or record.transition or seen.live is None:
        return False
    slot = record.standby_slot
    return slot is not None and slot.filled and seen.live[record.idle] == 100
