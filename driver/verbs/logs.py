"""`logs`: what a color's instances have written: their boot, and their apps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from driver.errors import Refused
from driver.invocation import Invocation
from driver.options import DURATION
from driver.release.snapshot import NOTHING
from driver.report.logs import show_lines
from driver.result import Result
from driver.session import Session

if TYPE_CHECKING:
    from driver.cloud.aws import AwsCloud
    from driver.release.lines import Line
    from infra.record import Color

_LOOK = 2.0
_LATE = timedelta(seconds=30)
"""How much later than others a line may come in: agents send every few seconds."""


@click.command()
@click.argument("color", type=click.Choice(["blue", "green"]), required=False)
@click.option("--since", type=DURATION, default="1h", show_default=True, metavar="TIME", help="How far back.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until interrupted.")
@click.option("-n", "--limit", type=click.IntRange(1), default=1000, show_default=True, help="How many, the latest.")
@click.pass_obj
def logs(called: Invocation, color: Color | None, since: float, follow: bool, limit: int) -> Result | int:
    """Show the boot and the apps of a COLOR, the active one if none is named.

    They are read from its log group in CloudWatch Logs, which keeps also what instances wrote that are gone.
    """
    session = Session(called, changes=False)
    color = color or _active(session)
    begin = datetime.now(UTC) - timedelta(seconds=since)
    found = _read(session.cloud, color, begin, limit)
    if not found and not follow:
        group = session.cloud.log_group(color)
        why = f"no instance of {color} has written to {group} since {begin:%Y-%m-%d %H:%M} UTC"
        return Result("empty", why, ("status", f"logs {color} --since 24h"), facts={"color": color, "lines": 0})
    show_lines(found, color, called)
    if follow:
        _go_on(session.cloud, color, found, begin, called)
    return 0


def _active(session: Session) -> Color:
    seen = session.observed()
    if seen.record is None:
        raise Refused("there is no release yet", NOTHING, ("logs blue", "up"))
    return seen.record.active


def _read(cloud: AwsCloud, color: Color, since: datetime, limit: int) -> Sequence[Line]:
    try:
        return cloud.log_lines(color, since, limit)
    except LookupError:
        why = f"{cloud.log_group(color)} does not exist: `up` makes it"
        raise Refused(f"{color} has no log group", why, ("up", "status")) from None


def _go_on(cloud: AwsCloud, color: Color, shown: Iterable[Line], begin: datetime, called: Invocation) -> None:
    """Each line once, also those that come in late. Ends when it is interrupted."""
    known = {line.id: line.when for line in shown}
    while True:
        time.sleep(_LOOK)  # a person's time: a sandbox's speed makes nobody read faster
        latest = max(known.values(), default=begin)
        fresh = [line for line in _read(cloud, color, max(begin, latest - _LATE), 10_000) if line.id not in known]
        show_lines(fresh, color, called)
        known |= {line.id: line.when for line in fresh}
        known = {id: when for id, when in known.items() if when >= latest - 2 * _LATE}
