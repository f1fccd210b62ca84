"""`sync`: copies the deployed record into the stack's file."""

from __future__ import annotations

import click

from driver.errors import Refused
from driver.invocation import Invocation
from driver.options import dry_run
from driver.result import Result
from driver.session import Session
from infra.record import deployed_data


@click.command()
@click.option("--from-live", is_flag=True, help="Make a lost record again, from the stack's state and the live rule.")
@dry_run
@click.pass_obj
def sync(called: Invocation, from_live: bool, dry_run: bool) -> Result:
    """Copy the deployed record into Pulumi.STACK.yaml, comments kept."""
    session = Session(called, changes=True)
    if from_live:
        _rebuild(session, called, dry_run=dry_run)
    session.known_account()
    deployed = session.cloud.stored().deployed
    if deployed is None:
        why = f"nothing lies at {session.cloud.path}/record"
        raise Refused("there is no deployed record", why, ("up", "sync --from-live"))
    facts = {"record": deployed_data(deployed), "file": str(session.checkout.file)}
    if dry_run:
        return Result("planned", f"record {deployed.generation} would be copied", facts=facts)
    changed = session.checkout.adopt(deployed)
    reason = f"{session.checkout.file.name} holds record {deployed.generation}"
    return Result("synced" if changed else "nothing to do", reason, ("preview",), facts=facts)


def _rebuild(session: Session, called: Invocation, *, dry_run: bool) -> None:
    from driver.restore import is_lost, restore

    if not is_lost(session.ports):
        return
    if dry_run:
        raise Refused("the record is lost", "--dry-run does not make it again", ("sync --from-live",))
    called.agree(f"make the record of {session.checkout.project} · {session.checkout.stack} again?")
    deployed = restore(session.ports)
    called.tell(f"record {deployed.generation} is back")
