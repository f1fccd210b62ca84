"""How far a release has come, for whoever watches: lines off a terminal, one screen that is redrawn on one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from driver.gates import Verdict
    from driver.invocation import Invocation
    from driver.ports import Clock, Tell
    from infra.record import Color


class Progress(Protocol):
    """What a transition says of itself while it runs. Each call replaces what the last one of its kind said."""

    def plan(self, what: str, titles: Sequence[str]) -> None:
        """What is going to be done, in one line, and the titles of its steps."""

    def step(self, number: int, of: int, title: str) -> None:
        """A step begins; the first is 1."""

    def weights(self, shares: Mapping[Color, int]) -> None:
        """Percent of the traffic by color."""

    def health(self, color: Color, healthy: int, wanted: int) -> None: ...
    def served(
        self, color: Color, rate: float | None = None, errors: int | None = None, p95: float | None = None
    ) -> None:
        """Requests a second, answers with 5xx in this step, seconds that 95 of 100 stay below. None: unknown."""

    def gates(self, verdicts: Sequence[Verdict]) -> None: ...
    def left(self, seconds: float) -> None:
        """Until the step is over, if nothing gets in the way."""

    def close(self) -> None:
        """Nothing follows: what is on the screen stays there."""


class Unseen:
    """Nobody watches."""

    def plan(self, what: str, titles: Sequence[str]) -> None: ...
    def step(self, number: int, of: int, title: str) -> None: ...
    def weights(self, shares: Mapping[Color, int]) -> None: ...
    def health(self, color: Color, healthy: int, wanted: int) -> None: ...
    def served(
        self, color: Color, rate: float | None = None, errors: int | None = None, p95: float | None = None
    ) -> None: ...
    def gates(self, verdicts: Sequence[Verdict]) -> None: ...
    def left(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Lines(Unseen):
    """A line for each step. What a step finds out is told by the step itself, and a log can't take a line back."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def step(self, number: int, of: int, title: str) -> None:
        self._tell(f"step {number} of {of}: {title}" if of > 1 else title)


def chosen(called: Invocation, clock: Clock) -> Progress:
    """The one that fits: a screen where someone sees standard error, unless Pulumi's own lines run through it."""
    if called.verbose or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
        return Lines(called.tell)
    return Later(lambda: _screen(called.verb, clock))


def _screen(verb: str, clock: Clock) -> Progress:
    from driver.report.live import Screen  # what it is drawn with takes time that a rollback has not

    return Screen(verb, clock)


class Later:
    """A screen that is there from the first plan on: a verb that has nothing to do draws none."""

    def __init__(self, make: Callable[[], Progress]) -> None:
        self._make = make
        self._made: Progress = Unseen()

    def plan(self, what: str, titles: Sequence[str]) -> None:
        self._made.close()
        self._made = self._make()
        self._made.plan(what, titles)

    def step(self, number: int, of: int, title: str) -> None:
        self._made.step(number, of, title)

    def weights(self, shares: Mapping[Color, int]) -> None:
        self._made.weights(shares)

    def health(self, color: Color, healthy: int, wanted: int) -> None:
        self._made.health(color, healthy, wanted)

    def served(
        self, color: Color, rate: float | None = None, errors: int | None = None, p95: float | None = None
    ) -> None:
        self._made.served(color, rate, errors, p95)

    def gates(self, verdicts: Sequence[Verdict]) -> None:
        self._made.gates(verdicts)

    def left(self, seconds: float) -> None:
        self._made.left(seconds)

    def close(self) -> None:
        self._made.close()
        self._made = Unseen()
