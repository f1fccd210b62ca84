"""`config validate`: every mistake in the settings at once."""

from __future__ import annotations

import click

from driver.invocation import Invocation
from driver.result import Result
from driver.session import Session


@click.group()
def config() -> None:
    """The stack's settings."""


@config.command()
@click.pass_obj
def validate(called: Invocation) -> Result:
    """Check the settings of a stack; lists every mistake with its key."""
    from driver.stack.settings import read

    session = Session(called, changes=False)
    settings = read(session.checkout)
    facts = {"settings": settings.model_dump(mode="json", by_alias=True)}
    return Result("valid", f"the settings of {session.checkout.stack} are in order", ("preview",), facts=facts)
