"""`deploy`: fills the standby."""

from __future__ import annotations

import shlex

import click

from driver.errors import Invalid, Refused
from driver.images import named
from driver.invocation import Invocation
from driver.keeping import hold, let_go
from driver.options import break_lock, dry_run, no_wait, timeout
from driver.release.processor import check_processor
from driver.release.requests import Deploy, Promote
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
    end_hold: bool,
    dry_run: bool,
    no_wait: bool,
    timeout: float,
) -> Result:
    """Fill the standby with IMAGE and wait until it is healthy. No traffic moves, unless with --promote."""
    named(image)  # a malformed name is told before anyone is asked
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
    chosen = platform or listed[0]
    if processor := terms.architectures.get(chosen):
        check_processor(exact, ports.cloud.registry().processors(exact), chosen, processor)
    release = ports.stack.release(chosen, exact)
    request = Deploy(release, capacity, end_hold, run=split(shlex.join(terms.run)) if words is None else words)
    if dry_run:
        return dry(ports, request)
    limits = Limits(timeout=timeout, wait=not no_wait)
    if promote and no_wait:
        raise Invalid("--promote needs to wait", "a release is promoted only when it is healthy", ("deploy --promote",))
    if request.run and no_wait:
        why = f"the release is deployed only when `{shlex.join(request.run)}` has succeeded"
        raise Invalid("a command to run needs to be waited for", why, (f"deploy {image}",))
    hold(ports, exact)
    filled = act(session, request, limits, done="deployed", next=("promote",))
    let_go(ports)
    if not promote:
        return filled
    promoted = act(session, Promote(release.image), limits, done="promoted", next=("status", "rollback"))
    return together(filled, promoted)


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
