"""`history`: what happened to the stack, when, by whom, and why."""

from __future__ import annotations

import click

from driver.checkout import Checkout
from driver.cloud.failures import CORRUPT
from driver.errors import Failure, Invalid
from driver.invocation import Invocation
from driver.release.history import Story, Update, told
from driver.report import history as report
from driver.result import Result
from driver.session import Session


@click.command()
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first."
)
@click.pass_obj
def history(called: Invocation, limit: int) -> Result:
    """What happened: each record with who, when and why, and Pulumi's updates beside them.

    The records are the versions that AWS keeps of the record's parameter, a hundred at the most.
    """
    session = Session(called, changes=False)
    _of_our_account(session)
    updates, unread = pulumi_s(session.checkout)
    story = told(session.cloud.versions(), updates)
    return result(story, limit, unread)


def _of_our_account(session: Session) -> None:
    """Raises Invalid in another account. What happened can be read also where the record itself can't."""
    try:
        session.known_account()
    except Invalid as failure:
        if failure.facts != CORRUPT:
            raise


def pulumi_s(checkout: Checkout) -> tuple[list[Update], str]:
    """Pulumi's updates, or none and why they can't be read: the records tell enough without them."""
    from driver.stack.updates import updates

    try:
        return updates(checkout), ""
    except Failure as failure:
        return [], f"{failure.what}: {failure.why}" if failure.why else failure.what


def result(story: Story, limit: int, unread: str) -> Result:
    facts = report.document(story, limit, unread)
    if not story.entries:
        return Result("empty", story.ends, ("up",), facts=facts)
    more = len(story.entries) - limit
    parts = [f"{more} older ones are not shown"] if more > 0 else []
    parts.append(story.ends)
    parts += [f"Pulumi's updates are missing ({unread})"] if unread else []
    hints = (f"history --limit {len(story.entries)}",) if more > 0 else ("status",)
    return Result("told", "; ".join(parts), hints, facts=facts, body=report.table(story, limit))
