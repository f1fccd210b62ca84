"""The fault matrix: which of its cells are played, and its table in the docs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e.cell import PLACES
from tests.e2e.faults import FAULTS
from tests.e2e.ways import WAYS, Way

FEW = ("100 % errors", "no traffic", "answer lost", "stale lock", "second driver")


def chosen() -> list[tuple[Way, str, str]]:
    """A few faults over ways and places in turn; with BLUEGREEN_SOAK each fault at each place on each way.

    In place there is no other color, and none of these places: what a driver's death does there, `test_kills` plays.
    """
    ways = [way for way in WAYS if not way.in_place]
    if os.environ.get("BLUEGREEN_SOAK"):
        return [(way, fault, place) for way in ways for fault in FAULTS for place in PLACES]
    return [(ways[at % 3], fault, PLACES[at % len(PLACES)]) for at, fault in enumerate(FEW)]


def table(lines: list[str], way: Way) -> str:
    """The notes of a run as a table of `docs/fault-matrix.md`."""
    noted = {(one["fault"], one["place"]): one for one in map(json.loads, lines) if one["way"] == way.name}
    rows = ["| fault | " + " | ".join(PLACES) + " |", "|" + "---|" * (len(PLACES) + 1)]
    for fault in FAULTS:
        cells = [_shown(noted.get((fault, place))) for place in PLACES]
        rows.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _shown(one: dict[str, Any] | None) -> str:
    if one is None:
        return "not run"
    code = "killed" if one["code"] < 0 else str(one["code"])
    return f"{code}, then `{one['then']}`" if one["then"] else code


if __name__ == "__main__":
    notes = Path(sys.argv[1]).read_text().splitlines()
    for one in WAYS:
        if any(json.loads(line)["way"] == one.name for line in notes):
            print(f"## {one.name}\n\n{table(notes, one)}\n")
