"""`freeze` and `thaw`: nothing is released for now, and why."""

from __future__ import annotations

import click

from driver.errors import Invalid
from driver.invocation import Invocation
from driver.options import dry_run
from driver.ports import Ports
from driver.release.freeze import Freeze, says
from driver.release.snapshot import Stored
from driver.result import Result
from driver.verbs.acting import opened
from driver.who import who
from infra.record import stamp

LONGEST = 500
"""Characters of a reason: whoever is refused reads it in one look."""


@click.command()
@click.argument("reason")
@dry_run
@click.pass_obj
def freeze(called: Invocation, reason: str, dry_run: bool) -> Result:
    """Let no `deploy` and no `promote` begin, for REASON, until `thaw`. A rollback always may.

    A transition under way goes on: `rollback` ends it.
    """
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST:
        why = f"those who are refused will read it; 1 to {LONGEST} characters"
        raise Invalid("a freeze needs a reason", why, ("freeze 'why nothing goes out'",))
    return frozen(opened(called, "freeze releases", dry_run=dry_run).ports, said, dry_run=dry_run)


def frozen(ports: Ports, reason: str, *, dry_run: bool = False) -> Result:
    """Freezes a stack, or says that it is frozen for this reason already."""
    stored = ports.cloud.stored()
    wanted = Freeze(reason, who(), stamp(ports.clock.now()))
    if says(stored.freeze, reason):
        return Result("nothing to do", f"frozen already: {stored.freeze}", ("thaw", "status"), facts=_facts(stored))
    meanwhile = _under_way(stored)
    if dry_run:
        return Result("planned", f"releases would be frozen: {reason}{meanwhile}", facts={"dry_run": True})
    ports.cloud.put_freeze(wanted.text())
    facts = {"freeze": str(wanted), "was": stored.freeze or None}
    instead = f"; it was: {stored.freeze}" if stored.freeze else ""
    return Result("frozen", f"{wanted}{instead}{meanwhile}", ("thaw", "status"), facts=facts)


@click.command()
@dry_run
@click.pass_obj
def thaw(called: Invocation, dry_run: bool) -> Result:
    """Let `deploy` and `promote` begin again."""
    return thawed(opened(called, "thaw releases", dry_run=dry_run).ports, dry_run=dry_run)


def thawed(ports: Ports, *, dry_run: bool = False) -> Result:
    """Thaws a stack, or says that it is not frozen."""
    stored = ports.cloud.stored()
    if not stored.freeze:
        return Result("nothing to do", "releases are not frozen", ("status",), facts=_facts(stored))
    if dry_run:
        return Result("planned", f"releases would be thawed; they are frozen: {stored.freeze}", facts={"dry_run": True})
    ports.cloud.drop_freeze()
    facts = {"freeze": None, "was": stored.freeze}
    return Result("thawed", f"releases may begin again; it was: {stored.freeze}", ("status",), facts=facts)


def _facts(stored: Stored) -> dict[str, object]:
    return {"freeze": stored.freeze or None}


def _under_way(stored: Stored) -> str:
    """What a freeze does not stop, in words."""
    record = stored.deployed.record if stored.deployed else None
    if stored.pending is not None:
        return "; the rollback in progress goes on"
    if record is not None and record.transition is not None:
        return (
            f"; the transition in progress ({record.transition.weight} % on {record.idle}) goes on, `rollback` ends it"
        )
    return ""
