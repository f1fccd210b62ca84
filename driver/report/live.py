"""The screen of a release under way: who has how much traffic, how both colors do, what the gates say, how long yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from driver.report.terminal import terminal
from infra.record import COLORS, Color

if TYPE_CHECKING:
    from driver.gates import Verdict
    from driver.ports import Clock

_BAR = 30
"""Columns of a bar that is full."""

_JUSTIFY: tuple[Literal["left", "right"], ...] = ("left", "left", "right", "right", "right", "right", "right")


@dataclass
class _Seen:
    """What is known of a color."""

    weight: int | None = None
    healthy: int | None = None
    wanted: int = 0
    rate: float | None = None
    errors: int | None = None
    p95: float | None = None


class Screen:
    """Drawn on standard error, redrawn a few times a second; what is told meanwhile appears above it."""

    def __init__(self, verb: str, clock: Clock, console: Console | None = None) -> None:
        self._verb = verb
        self._clock = clock
        self._what = ""
        self._at = (0, 0, "")
        self._colors: dict[Color, _Seen] = {color: _Seen() for color in COLORS}
        self._verdicts: tuple[Verdict, ...] = ()
        self._ends: float | None = None
        self._live = Live(
            console=console or terminal(stderr=True),
            get_renderable=self.render,
            refresh_per_second=4,
            redirect_stdout=False,
        )

    def plan(self, what: str, titles: Sequence[str]) -> None:
        self._what, self._at = what, (0, len(titles), "")
        self._live.start()

    def step(self, number: int, of: int, title: str) -> None:
        self._at, self._ends = (number, of, title), None

    def weights(self, shares: Mapping[Color, int]) -> None:
        for color, share in shares.items():
            self._colors[color].weight = share

    def health(self, color: Color, healthy: int, wanted: int) -> None:
        self._colors[color].healthy, self._colors[color].wanted = healthy, wanted

    def served(
        self, color: Color, rate: float | None = None, errors: int | None = None, p95: float | None = None
    ) -> None:
        seen = self._colors[color]
        seen.rate, seen.errors, seen.p95 = rate, errors, p95

    def gates(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts = tuple(verdicts)

    def left(self, seconds: float) -> None:
        self._ends = self._clock.elapsed() + seconds

    def close(self) -> None:
        self._live.stop()

    def render(self) -> Group:
        """The screen as it is now."""
        number, of, title = self._at
        head = _apart(
            f"[bold]{escape(self._verb)}[/]  {escape(self._what)}", f"step {number} of {of}" if number else ""
        )
        return Group(head, self._rows(), _apart(self._last(title), self._rest()))

    def _rows(self) -> Table:
        rows = Table.grid(padding=(0, 2))
        for justify in _JUSTIFY:
            rows.add_column(justify=justify)
        for color, seen in self._colors.items():
            if seen.weight is None and seen.healthy is None:
                continue
            errors = "" if seen.errors is None else f"{seen.errors:,} {'error' if seen.errors == 1 else 'errors'}"
            rows.add_row(
                Text(color, style=color),
                Text("█" * round(_BAR * (seen.weight or 0) / 100), style=color),
                "" if seen.weight is None else f"{seen.weight:>3} %",
                "" if seen.healthy is None else f"{seen.healthy}/{seen.wanted} healthy",
                "" if seen.rate is None else f"{seen.rate:,.0f} req/s",
                Text(errors, style="red" if seen.errors else ""),
                "" if seen.p95 is None else f"p95 {seen.p95 * 1000:.0f} ms",
            )
        return rows

    def _last(self, title: str) -> str:
        """The gates where any has been asked, else the step."""
        if not self._verdicts:
            return escape(title)
        return "gates  " + "   ".join(f"{escape(one.gate)} {_sign(one)}" for one in self._verdicts)

    def _rest(self) -> str:
        if self._ends is None:
            return ""
        seconds = max(0, round(self._ends - self._clock.elapsed()))
        return f"{seconds // 60}:{seconds % 60:02} left"


def _sign(verdict: Verdict) -> str:
    if verdict.passed:
        return "[green]✓[/]"
    if verdict.warned:
        return "[yellow]! " + escape(verdict.reason) + "[/]"
    if getattr(verdict, "held", False):
        return "[yellow]… " + escape(verdict.reason) + "[/]"
    return "[red]✗ " + escape(verdict.reason) + "[/]"


def _apart(left: str, right: str) -> Table:
    """Two texts at the two ends of a line."""
    line = Table.grid(expand=True)
    line.add_column(ratio=1, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(left, right)
    return line
