"""Two ways to do the same thing, timed in turns in one run, and the ratio of each turn: machines are noisy."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

SKIPPED = 77
"""Exit code of a benchmark that has nothing to measure here; it has said why."""


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


def whole_process(argv: Sequence[str], environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Seconds of a process from start to end. Raises RuntimeError where it fails."""
    begun = time.perf_counter()
    done = subprocess.run(
        argv, check=False, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)[:200]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return seconds


def show(title: str, pairs: Sequence[Pair]) -> int:
    """Prints the table; 1 where a promise was not kept."""
    table = Table(title=f"{title} (medians of turns)", title_justify="left")
    table.add_column("what")
    table.add_column("against")
    for heading in ("ours, ms", "theirs, ms", "ratio", "promised"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        ours, theirs = (f"{1000 * statistics.median(times):.1f}" for times in (pair.ours, pair.theirs))
        ratio = f"[{'green' if pair.kept else 'bold red'}]{pair.ratio:.2f}[/]"
        limit = f"≤ {pair.limit:g}" if pair.limit is not None else ""
        table.add_row(pair.name, pair.measure, ours, theirs, ratio, limit)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0 if all(pair.kept for pair in pairs) else 1


def ended(main: Callable[[], int]) -> NoReturn:
    """Runs a benchmark as a program: 0 where all promises were kept, 1 where not, 2 with the reason if it can't run."""
    try:
        code = main()
    except Exception as error:
        print(f"can't run: {type(error).__name__}: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
