"""`up`: the first deploy, or whatever is pending."""

from __future__ import annotations

import click

from driver.invocation import Invocation
from driver.keeping import hold
from driver.options import break_lock, dry_run, no_wait, timeout
from driver.pending import bring_up, foreseen
from driver.result import Result
from driver.session import Session
from driver.verbs.preview import preview
from driver.watching import watched


@click.command()
@break_lock
@dry_run
@no_wait
@timeout("20m")
@click.pass_context
def up(context: click.Context, dry_run: bool, no_wait: bool, timeout: float) -> Result:
    """Make the first deploy, or bring about what is pending, and say what that means for traffic."""
    called = context.obj
    assert isinstance(called, Invocation)
    if dry_run:
        result = context.invoke(preview)
        assert isinstance(result, Result)
        return result
    session = Session(called, changes=True)
    account = session.known_account()
    if called.interactive and not called.yes:
        called.tell(foreseen(session.ports))
    called.agree(f"update {session.checkout.project} · {session.checkout.stack} in account {account}?")
    with watched(session.ports, "up"):
        done = bring_up(session.ports, timeout=timeout, wait=not no_wait)
    hold(session.ports)
    return done
