"""`promote`: shifts traffic to the candidate."""

from __future__ import annotations

from typing import cast

import click

from driver.images import named
from driver.invocation import Invocation
from driver.options import DURATION, WEIGHTS, Gate, break_lock, dry_run, timeout
from driver.release.requests import Leniency, Promote
from driver.result import Result
from driver.transition import Limits
from driver.verbs.acting import act, dry, opened


@click.command()
@click.argument("image", required=False)
@click.option("--again", is_flag=True, help="Promote a release although it was rolled back.")
@click.option("--strategy", metavar="S", help="all-at-once, canary, linear or weights; the settings' own if not given.")
@click.option("--weights", type=WEIGHTS, metavar="W,W…", help="Shares to pass through, e.g. 5,25,50; 100 follows.")
@click.option("--bake", type=DURATION, metavar="TIME", help="How long to watch each of them.")
@click.option("--max-bake", type=DURATION, metavar="TIME", help="How long where too few requests come to judge by.")
@click.option("--pause-after", type=click.IntRange(1, 99), metavar="W", help="End at this weight; `resume` goes on.")
@click.option("--gate", "gates", type=Gate(), multiple=True, metavar="NAME=off|warn", help="Do without a gate.")
@break_lock
@dry_run
@timeout("15m")
@click.pass_obj
def promote(
    called: Invocation,
    image: str | None,
    again: bool,
    strategy: str | None,
    weights: tuple[int, ...] | None,
    bake: float | None,
    max_bake: float | None,
    pause_after: int | None,
    gates: tuple[tuple[str, str], ...],
    dry_run: bool,
    timeout: float,
) -> Result:
    """Shift traffic to the candidate, and back by itself if a gate fails. IMAGE: only if it is this one."""
    if image:
        named(image)
    session = opened(called, "promote the candidate", dry_run=dry_run)
    request = Promote(
        session.ports.cloud.image(image) if image else None,
        again,
        strategy,
        {name: cast(Leniency, leniency) for name, leniency in gates},
        weights,
        None if bake is None else round(bake),
        None if max_bake is None else round(max_bake),
        pause_after,
    )
    if dry_run:
        return dry(session.ports, request)
    return act(session, request, Limits(timeout=timeout), done="promoted", next=("status", "rollback"))
