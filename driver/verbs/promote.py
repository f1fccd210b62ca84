"""`promote`: shifts traffic to the candidate."""

from __future__ import annotations

from typing import cast

import click

from driver.images import named
from driver.invocation import Invocation
from driver.options import Gate, dry_run, timeout
from driver.release.requests import Leniency, Promote
from driver.result import Result
from driver.transition import Limits
from driver.verbs.acting import act, dry, opened


@click.command()
@click.argument("image", required=False)
@click.option("--again", is_flag=True, help="Promote a release although it was rolled back.")
@click.option("--strategy", type=click.Choice(["all-at-once"]), default="all-at-once", show_default=True)
@click.option("--gate", "gates", type=Gate(), multiple=True, metavar="NAME=off|warn", help="Do without a gate.")
@dry_run
@timeout("15m")
@click.pass_obj
def promote(
    called: Invocation,
    image: str | None,
    again: bool,
    strategy: str,
    gates: tuple[tuple[str, str], ...],
    dry_run: bool,
    timeout: float,
) -> Result:
    """Shift traffic to the candidate, and back by itself if a gate fails. IMAGE: only if it is this one."""
    if image:
        named(image)
    session = opened(called, "promote the candidate", dry_run=dry_run)
    expected = session.ports.cloud.image(image) if image else None
    lenient = {name: cast(Leniency, leniency) for name, leniency in gates}
    request = Promote(expected, again, strategy, lenient)
    if dry_run:
        return dry(session.ports, request)
    return act(session, request, Limits(timeout=timeout), done="promoted", next=("status", "rollback"))
