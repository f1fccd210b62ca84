"""`sync`: copies the deployed record into the stack's file."""

from __future__ import annotations

import click

from driver.errors import Invalid, Refused
from driver.invocation import Invocation
from driver.options import dry_run
from driver.result import Result
from driver.session import Session
from infra.record import deployed_data


@click.command()
@click.option("--from-live", is_flag=True, help="Rebuild a lost record from what is there.")
@dry_run
@click.pass_obj
def sync(called: Invocation, from_live: bool, dry_run: bool) -> Result:
    """Copy the deployed record into Pulumi.STACK.yaml, comments kept."""
    if from_live:
        raise Invalid("--from-live can't rebuild a record yet", "this version only copies a record that is there")
    session = Session(called, changes=True)
    session.known_account()
    deployed = session.cloud.stored().deployed
    if deployed is None:
        raise Refused("there is no deployed record", f"nothing lies at {session.cloud.path}/record", ("up",))
    facts = {"record": deployed_data(deployed), "file": str(session.checkout.file)}
    if dry_run:
        return Result("planned", f"record {deployed.generation} would be copied", facts=facts)
    changed = session.checkout.adopt(deployed)
    reason = f"{session.checkout.file.name} holds record {deployed.generation}"
    return Result("synced" if changed else "nothing to do", reason, ("preview",), facts=facts)
