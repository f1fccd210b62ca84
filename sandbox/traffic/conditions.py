"""Whether a request fits a rule: a load balancer's patterns, where * is any characters and ? is exactly one. Pure."""

import re
from collections.abc import Callable, Sequence

Fits = Callable[[str], bool]


def pattern(values: Sequence[str], *, any_case: bool) -> Fits | None:
    """Whether a text fits one of these patterns as a whole; None where every text does."""
    if not values or "*" in values:
        return None
    wanted = "|".join(f"(?:{_expression(value)})" for value in values)
    compiled = re.compile(wanted, re.DOTALL | (re.IGNORECASE if any_case else 0))
    return lambda text: compiled.fullmatch(text) is not None


def path_pattern(values: Sequence[str]) -> Fits | None:
    """Paths are compared as they are, case and all; the query is no part of them."""
    # Every path of a request that reaches a rule begins with a slash, so this one needs no look.
    return None if "/*" in values else pattern(values, any_case=False)


def host_pattern(values: Sequence[str]) -> Fits | None:
    return pattern(values, any_case=True)


def header_patterns(headers: Sequence[tuple[str, Sequence[str]]]) -> tuple[tuple[bytes, Fits], ...]:
    """Of each header that a rule names: its name in lower case, and what one of its values has to fit."""
    return tuple(
        (name.lower().encode(), pattern(values, any_case=True) or (lambda _: True)) for name, values in headers
    )


def _expression(value: str) -> str:
    signs = {"*": ".*", "?": "."}
    return "".join(signs.get(sign) or re.escape(sign) for sign in value)
