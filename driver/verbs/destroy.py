"""`destroy`: takes everything down."""

from __future__ import annotations

import click

from driver.counting import many
from driver.errors import Invalid, Refused
from driver.invocation import Invocation
from driver.locks import patiently
from driver.once import end_left
from driver.options import break_lock, dry_run, timeout
from driver.result import Result
from driver.session import Session


@click.command()
@break_lock
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
    if session.stack.blank():
        return _nothing_there(session, where)
    called.agree(f"destroy ALL of {where} in account {account}, what serves included?", dry_run=dry_run)
    if kept := session.stack.protected():
        why = f"{', '.join(kept)} are kept from deletion; set `bluegreen:protect` and the balancer's `protect` to false"
        raise Refused(f"{where} is protected", why, ("up", "destroy"))
    if dry_run:
        deployed = session.cloud.stored().deployed
        serves = f"{deployed.record.active} serves there" if deployed else "no record is there"
        return Result("planned", f"everything of {where} in account {account} would go; {serves}")
    if deployed := session.cloud.stored().deployed:
        end_left(session.ports, deployed, deployed.record.idle)  # the cluster can't go while a task runs
    changes = patiently(session.ports, timeout, session.stack.destroy)
    session.cloud.drop_intent()
    session.cloud.drop_once()
    session.cloud.drop_claims()
    session.stack.forget()
    facts = {"counts": dict(changes.counts), "stack_updates": 1}
    gone = sum(changes.counts.values())
    what = f"{many(gone, 'resource')} of {where} {'is' if gone == 1 else 'are'} gone"
    return Result("destroyed", what, ("up",), facts=facts)


def _nothing_there(session: Session, where: str) -> Result:
    """Of a backend that holds nothing of the stack. Raises Invalid where something is deployed all the same."""
    deployed = session.cloud.stored().deployed
    if deployed is None:
        return Result(
            "nothing to do", f"nothing of {where} is there", ("up",), facts={"counts": {}, "stack_updates": 0}
        )
    why = f"record {deployed.generation} is deployed, but the backend in use holds nothing of {where}"
    raise Invalid("this is another backend than the stack's own", why, ("$ pulumi whoami -v", "doctor"))
