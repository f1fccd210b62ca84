"""`destroy`: takes everything down."""

from __future__ import annotations

import click

from driver.errors import Refused
from driver.invocation import Invocation
from driver.locks import patiently
from driver.options import dry_run, timeout
from driver.result import Result
from driver.session import Session


@click.command()
@dry_run
@timeout("2m")
@click.pass_obj
def destroy(called: Invocation, dry_run: bool, timeout: float) -> Result:
    """Take everything down: traffic, both colors, network and record."""
    session = Session(called, changes=not dry_run)
    where = f"{session.checkout.project} · {session.checkout.stack}"
    if not called.interactive:
        called.agree("", dry_run=dry_run)
    account = session.known_account()
    called.agree(f"destroy ALL of {where} in account {account}, what serves included?", dry_run=dry_run)
    if kept := session.stack.protected():
        why = f"{', '.join(kept)} are kept from deletion; set `bluegreen:protect` and the balancer's `protect` to false"
        raise Refused(f"{where} is protected", why, ("up", "destroy"))
    if dry_run:
        deployed = session.cloud.stored().deployed
        serves = f"{deployed.record.active} serves there" if deployed else "no record is there"
        return Result("planned", f"everything of {where} in account {account} would go; {serves}")
    changes = patiently(session.ports, timeout, session.stack.destroy)
    session.cloud.drop_intent()
    session.stack.forget()
    facts = {"counts": dict(changes.counts), "stack_updates": 1}
    return Result("destroyed", f"{sum(changes.counts.values())} resources of {where} are gone", ("up",), facts=facts)
