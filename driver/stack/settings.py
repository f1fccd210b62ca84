"""The stack's settings, read from the checkout; every mistake is one failure's reason. Imports no Pulumi."""

from __future__ import annotations

from driver.checkout import Checkout
from driver.errors import Invalid
from infra.settings import Settings, SettingsError, load


def read(checkout: Checkout) -> Settings:
    """Raises Invalid, with each mistake and its key."""
    try:
        return load(checkout.texts(), checkout.project, checkout.stack)
    except SettingsError as error:
        raise invalid(error) from error


def invalid(error: SettingsError) -> Invalid:
    """The failure that lists every mistake."""
    problems = [{"key": problem.key, "found": problem.found, "allowed": problem.allowed} for problem in error.problems]
    number = f"{len(problems)} mistakes" if len(problems) > 1 else "one mistake"
    why = "\n".join(str(problem) for problem in error.problems)
    return Invalid(f"the settings have {number}", why, ("config validate",), facts={"problems": problems})
