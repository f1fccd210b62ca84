"""Two ways to do the same thing, timed in turns in one run, and the ratio of each turn: machines are noisy."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Pair:
    """Seconds of ours and of the measure, turn by turn; `limit` is the ratio that we promise not to pass."""

    name: str
    measure: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return statistics.median(mine / yours for mine, yours in zip(self.ours, self.theirs, strict=True))

    @property
    def kept(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


def in_turns(
    name: str,
    measure: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    *,
    turns: int = 5,
    limit: float | None = None,
) -> Pair:
    """Runs both once to warm up, then in turns. Each callable gives the seconds that it measured."""
    theirs()
    ours()
    pairs = [(ours(), theirs()) for _ in range(turns)]
    return Pair(name, measure, tuple(a for a, _ in pairs), tuple(b for _, b in pairs), limit)


def whole_process(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> float:
    """Seconds of a process from start to end. Raises CalledProcessError."""
    begun = time.perf_counter()
    subprocess.run(argv, check=True, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - begun


def show(title: str, pairs: Sequence[Pair]) -> int:
    """Prints the table; 1 where a promise was not kept."""
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("against")
    for heading in ("ours, ms", "theirs, ms", "ratio (median of turns)", "promised"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        ours, theirs = (f"{1000 * statistics.median(times):.1f}" for times in (pair.ours, pair.theirs))
        ratio = f"[{'green' if pair.kept else 'bold red'}]{pair.ratio:.2f}[/]"
        limit = f"≤ {pair.limit:g}" if pair.limit is not None else ""
        table.add_row(pair.name, pair.measure, ours, theirs, ratio, limit)
    Console().print(table)
    return 0 if all(pair.kept for pair in pairs) else 1
