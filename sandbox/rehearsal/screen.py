"""What a person sees of a rehearsal while it plays: redrawn on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.record import COLORS
from sandbox.rehearsal.acts import Act
from sandbox.rehearsal.clients import Clients
from sandbox.rehearsal.outcome import Played, Tally
from sandbox.rehearsal.seen import production_weights
from sandbox.rehearsal.stage import Stage

BAR = 30


class Lines:
    """Plain progress: a line as an act begins, one whenever the weights have changed, one as it ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._weights: dict[str, int] = {}
        self._begun = time.monotonic()

    def opened(self, act: Act) -> None:
        self._say(f"{act.title} ...")

    def watching(self, stage: Stage, clients: Clients | None) -> None:
        weights = production_weights(stage.state())
        if weights != self._weights and weights:
            self._weights = weights
            self._say(f"  weights {said_weights(weights)}{said_tally(clients)}")

    def closed(self, played: Played) -> None:
        self._say(f"  {verdict(played)}")

    def _say(self, text: str) -> None:
        self.console.print(f"{time.monotonic() - self._begun:6.1f} s  {text}", highlight=False, markup=False)


class Screen:
    """Live progress: the acts so far, and the two colors with their weights, requests and failures."""

    def __init__(self, console: Console) -> None:
        self._acts: list[Text] = []
        self._now: Text = Text("")
        self._colors: RenderableType = Text("")
        self._begun = time.monotonic()
        self.live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._drawn)

    def opened(self, act: Act) -> None:
        self._now = Text(f"▶ {act.title}", style="bold")

    def watching(self, stage: Stage, clients: Clients | None) -> None:
        self._colors = color_table(stage.state(), clients)

    def closed(self, played: Played) -> None:
        good = played.as_it_should
        self._acts.append(Text(f"{'✓' if good else '✗'} {verdict(played)}", style="green" if good else "bold red"))
        self._now = Text("")

    def _drawn(self) -> RenderableType:
        elapsed = Text(f"{time.monotonic() - self._begun:.0f} s", style="dim")
        return Group(*self._acts, self._now, self._colors, elapsed)


def color_table(state: Mapping[str, Any], clients: Clients | None) -> Table:
    """A row per color: share of the rule, bar, requests so far and in the last second."""
    table = Table.grid(padding=(0, 2))
    weights = production_weights(state)
    tally = clients.tally() if clients else Tally()
    last = clients.last_second().get("by_color", {}) if clients else {}
    for color in COLORS:
        share = weights.get(color, 0)
        style = "blue" if color == "blue" else "green"
        bar = Text("█" * round(share * BAR / 100), style=style)
        bar.pad_right(BAR - len(bar))
        requests = f"{tally.by_color.get(color, 0):>7,} requests" if clients else ""
        table.add_row(Text(color, style=style), f"{share:>3} %", bar, requests, f"{last.get(color, 0):>5,}/s")
    if clients:
        table.add_row("failed", f"{tally.failed}", Text("none" if not tally.failed else "", style="dim"), "", "")
    return table


def said_weights(weights: Mapping[str, int]) -> str:
    return " · ".join(f"{color} {share} %" for color, share in sorted(weights.items()))


def said_tally(clients: Clients | None) -> str:
    if clients is None:
        return ""
    tally = clients.tally()
    served = " · ".join(f"{color} {count:,}" for color, count in sorted(tally.by_color.items()))
    return f"   served {served or 0}   failed {tally.failed}"


def verdict(played: Played) -> str:
    """One line on an act that is over."""
    updates = played.stack_updates
    told = [f"{played.act.title}: {played.told}"]
    told.append(f"{played.seconds:.1f} s, {updates} stack update{'' if updates == 1 else 's'}")
    if played.requests.by_color:
        told.append(", ".join(f"{color} {count:,}" for color, count in played.requests.by_color.items() if count))
        told.append(f"{played.requests.failed} failed")
    if played.exit_code:
        told.append(str(played.document.get("reason") or played.errors.strip().rpartition("\n")[2]))
    return " · ".join(told)
