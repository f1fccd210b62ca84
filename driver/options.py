"""Options that several verbs take, and how their values are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from driver.invocation import Invocation

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """Seconds, from `90`, `90s`, `5m` or `1h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no duration: write 90s, 5m or 1h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


class Gate(click.ParamType[tuple[str, str]]):
    """`NAME=off` or `NAME=warn`."""

    name = "gate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        from driver.gates import GATES

        if isinstance(value, tuple):
            return value
        name, _, leniency = str(value).partition("=")
        if name not in GATES or leniency not in {"off", "warn"}:
            known = ", ".join(GATES)
            self.fail(f"{value!r}: write NAME=off or NAME=warn, with one of {known}", param, ctx)
        return name, leniency


class Weights(click.ParamType[tuple[int, ...]]):
    """Shares in percent, `5,25,50`. Whether they can be passed through is the plan's to say."""

    name = "weights"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(re.fullmatch(r"\s*\d{1,3}\s*%?\s*", word) for word in words):
            self.fail(f"{value!r}: write percentages that rise, such as 5,25,50", param, ctx)
        return tuple(int(word.strip(" %")) for word in words)


DURATION = Duration()
WEIGHTS = Weights()

dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
no_wait = click.option("--no-wait", is_flag=True, help="Don't wait for targets to become healthy.")


def _lock_named(context: click.Context, _: click.Parameter, value: str | None) -> None:
    called = context.find_object(Invocation)
    if called is not None:
        called.break_lock = (value or "").removesuffix(".json")


break_lock = click.option(
    "--break-lock",
    metavar="ID",
    expose_value=False,
    callback=_lock_named,
    help="Take away the lock of this id, whose update is dead.",
)
"""Whoever opens the stack finds it in the invocation: no verb does anything with it."""


def timeout(default: str) -> Callable[[F], F]:
    """`--timeout`, with this default."""
    return click.option(
        "--timeout", type=DURATION, default=default, show_default=True, metavar="TIME", help="Give up after this long."
    )
