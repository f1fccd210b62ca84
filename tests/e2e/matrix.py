"""The fault matrix: which of its cells are played, and its table in the docs."""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e.faults import FAULTS
from tests.e2e.ways import BY_PLATFORM, WAYS, Way


def chosen() -> list[tuple[Way, str, str]]:
    """Each fault once, over ways and places in turn; with BLUEGREEN_SOAK each fault at each place on each way."""
    if os.environ.get("BLUEGREEN_SOAK"):
        return [(way, name, place) for way in BY_PLATFORM for name in FAULTS for place in _places(way, name)]
    found = []
    for at, (name, way) in enumerate(zip(FAULTS, itertools.cycle(WAYS), strict=False)):
        places = _places(way, name)
        # A place further each time round, else each way would meet one place alone.
        found.append((way, name, places[(at + at // len(WAYS)) % len(places)]))
    return sorted(found, key=lambda one: BY_PLATFORM.index(one[0]))


def table(lines: list[str], way: Way) -> str:
    """The notes of a run as a table of `docs/fault-matrix.md`."""
    noted = {(one["fault"], one["place"]): one for one in map(json.loads, lines) if one["way"] == way.name}
    rows = ["| fault | " + " | ".join(way.places) + " |", "|" + "---|" * (len(way.places) + 1)]
    for name, fault in FAULTS.items():
        cells = [_shown(noted.get((name, place))) if fault.can_come(way, place) else "–" for place in way.places]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _places(way: Way, name: str) -> list[str]:
    return [place for place in way.places if FAULTS[name].can_come(way, place)]


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
