"""`retire`: takes the standby's capacity away."""

from __future__ import annotations

from typing import cast

import click

from driver.invocation import Invocation
from driver.options import break_lock, dry_run, timeout
from driver.release.requests import Retire
from driver.result import Result
from driver.transition import Limits
from driver.verbs.acting import act, dry, opened
from infra.record import Color


@click.command()
@click.argument("color", type=click.Choice(["blue", "green"]), required=False)
@click.option("--due", is_flag=True, help="Only if its hold has ended; else there is nothing to do.")
@break_lock
@dry_run
@timeout("10m")
@click.pass_obj
def retire(called: Invocation, color: str | None, due: bool, dry_run: bool, timeout: float) -> Result:
    """Take the standby's capacity away, so that it costs nothing. COLOR: only if it is this one."""
    session = opened(called, "retire the standby", dry_run=dry_run)
    request = Retire(cast("Color | None", color), due)
    if dry_run:
        return dry(session.ports, request)
    return act(session, request, Limits(timeout=timeout), done="retired", next=("deploy IMAGE",))
