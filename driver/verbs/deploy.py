"""`deploy`: fills the standby."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import cast

import click

from driver.errors import Invalid, Refused
from driver.images import named
from driver.invocation import Invocation
from driver.keeping import hold, let_go
from driver.options import DURATION, Gate, break_lock, dry_run, no_wait, timeout
from driver.release.processor import check_processor
from driver.release.requests import Deploy, InPlace, Leniency, Promote
from driver.release.scan import check
from driver.result import Result
from driver.transition import Limits
from driver.verbs.acting import act, dry, opened, together

_LONGEST = 1000
"""Characters of a command: it is kept in a parameter of 4 KB."""


@click.command()
@click.argument("image")
@click.option("--platform", metavar="P", help="What runs it; the settings' first platform if not given.")
@click.option("--capacity", type=click.IntRange(min=1), metavar="N", help="Targets; as many as serve now if not given.")
@click.option("--run", metavar="CMD", help="Run this command of the new release once, before it counts as deployed.")
@click.option("--promote", is_flag=True, help="Promote it as soon as it is healthy.")
@click.option("--in-place", is_flag=True, help="Replace the targets that serve: one first, watched, then the rest.")
@click.option("--bake", type=DURATION, metavar="TIME", help="In place: how long to watch what has come.")
@click.option("--max-bake", type=DURATION, metavar="TIME", help="In place: how long where too few requests come.")
@click.option("--pause", is_flag=True, help="In place: end when that is watched; `resume` goes on.")
@click.option("--gate", "gates", type=Gate(), multiple=True, metavar="NAME=off|warn", help="In place: do without one.")
@click.option("--end-hold", is_flag=True, help="Replace the previous release although it is still kept.")
@break_lock
@dry_run
@no_wait
@timeout("15m")
@click.pass_obj
def deploy(
    called: Invocation,
    image: str,
    platform: str | None,
    capacity: int | None,
    run: str | None,
    promote: bool,
    in_place: bool,
    bake: float | None,
    max_bake: float | None,
    pause: bool,
    gates: tuple[tuple[str, str], ...],
    end_hold: bool,
    dry_run: bool,
    no_wait: bool,
    timeout: float,
) -> Result:
    """Fill the standby with IMAGE and wait until it is healthy. No traffic moves, unless with --promote.

    With --in-place the active color itself gets it, without a second fleet: a rollback on the way takes minutes, and
    after it the other color is no way back any more.
    """
    named(image)  # a malformed name is told before anyone is asked
    way = InPlace(_whole(bake), _whole(max_bake), {name: cast(Leniency, word) for name, word in gates}, pause)
    _fits(way, in_place=in_place, others={"--capacity": bool(capacity), "--promote": promote, "--no-wait": no_wait})
    words = None if run is None else split(run)
    session = opened(called, f"deploy {image}", dry_run=dry_run)
    ports = session.ports
    terms = ports.stack.terms()
    listed = terms.platforms
    if platform is not None and platform not in listed:
        why = f"the settings list {', '.join(listed)}"
        raise Refused(f"this stack does not run on {platform}", why, (f"deploy {image} --platform {listed[0]}",))
    exact = ports.cloud.image(image)
    if forbidden := ports.stack.forbidden():
        check(exact, ports.cloud.registry().scan(exact), forbidden)
    deployed = ports.cloud.stored().deployed if in_place else None
    chosen = platform or (deployed.record.active_slot.platform if deployed else listed[0])
    if processor := terms.architectures.get(chosen):
        check_processor(exact, ports.cloud.registry().processors(exact), chosen, processor)
    release = ports.stack.release(chosen, exact)
    run_first = split(shlex.join(terms.run)) if words is None else words
    request = Deploy(release, capacity, end_hold, run=run_first, in_place=way if in_place else None)
    if dry_run:
        return dry(ports, request)
    limits = Limits(timeout=timeout, wait=not no_wait)
    if promote and no_wait:
        raise Invalid("--promote needs to wait", "a release is promoted only when it is healthy", ("deploy --promote",))
    if request.run and no_wait:
        why = f"the release is deployed only when `{shlex.join(request.run)}` has succeeded"
        raise Invalid("a command to run needs to be waited for", why, (f"deploy {image}",))
    hold(ports, exact)
    if in_place:
        placed = act(session, request, limits, done="deployed", next=("status",))
        let_go(ports)
        return placed
    filled = act(session, request, limits, done="deployed", next=("promote",))
    let_go(ports)
    if not promote:
        return filled
    promoted = act(session, Promote(release.image), limits, done="promoted", next=("status", "rollback"))
    return together(filled, promoted)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _fits(way: InPlace, *, in_place: bool, others: Mapping[str, bool]) -> None:
    """Raises Invalid for options that have no meaning together."""
    if in_place and (wrong := [name for name, given in others.items() if given]):
        why = "in place the active color is changed: as large as it is, with its traffic, and under watch"
        raise Invalid(f"{wrong[0]} does not go with --in-place", why, ("deploy --help",))
    if not in_place and way != InPlace():
        why = "--bake, --max-bake, --pause and --gate are for --in-place; a promotion has its own"
        raise Invalid("these options need --in-place", why, ("deploy IMAGE --in-place", "promote --help"))


def split(line: str) -> tuple[str, ...]:
    """The words of a command line. Raises Invalid for what is none, or what Systems Manager would not take as it is."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise Invalid(f"--run: {line!r} is no command line", str(error), ("deploy --help",)) from None
    if len(line) > _LONGEST or not line.isprintable() or "{{" in line:
        why = f"one line of {_LONGEST} characters at most, without {{{{, which Systems Manager reads itself"
        raise Invalid("the command to run can't be sent", why, ("deploy --help",))
    return words
