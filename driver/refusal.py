"""A plan's refusal, as the end that it is."""

from __future__ import annotations

from driver.errors import BY_CODE, Failure, Refused
from driver.release.moves import Refusal


def refusal(decision: Refusal) -> Failure:
    """The failure with the refusal's exit code."""
    facts = {"gate": decision.gate} if decision.gate else {}
    return BY_CODE.get(decision.code, Refused)(decision.what, decision.why, decision.next, facts)
