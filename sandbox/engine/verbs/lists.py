"""Lists for people, as the real CLI prints them: stacks, a stack's resources as a tree, its updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_UNITS = ((31536000, "year"), (2592000, "month"), (604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"))


def ago(then: str, now: datetime | None = None) -> str:
    """How long it is since a time of the state or the history."""
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(then)).total_seconds())
    if seconds < 1:
        return "now"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "second"))
    count = seconds // size
    return f"{count} {unit}{'s' if count > 1 else ''} ago"


def columns(rows: Sequence[Sequence[str]], indent: int = 0) -> Iterator[str]:
    """Aligned, two blanks apart; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"{' ' * indent}{cells}".rstrip()


def tree(resources: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Type, drawn below what it belongs to, and name."""
    urns = {entry["urn"] for entry in resources}
    root = next((entry["urn"] for entry in resources if entry["type"] == "pulumi:pulumi:Stack"), "")
    children: dict[str, list[Mapping[str, Any]]] = {}
    # What has no parent, such as a default provider, is shown last below the stack.
    for entry in sorted(resources, key=lambda one: one["urn"] != root and not one.get("parent")):
        parent = entry.get("parent") or ("" if entry["urn"] == root else root)
        children.setdefault(parent if parent in urns else "", []).append(entry)

    def drawn(parent: str, stem: str, *, top: bool) -> Iterator[tuple[str, str]]:
        below = children.get(parent, [])
        for number, entry in enumerate(below):
            last = number == len(below) - 1
            branch = "" if top else stem + ("└─ " if last else "├─ ")
            yield branch + entry["type"], entry["urn"].rpartition("::")[2]
            yield from drawn(entry["urn"], "" if top else stem + ("   " if last else "│  "), top=False)

    return drawn("", "", top=True)


def update(entry: Mapping[str, Any], now: datetime | None = None) -> Iterator[str]:
    """One update of the history."""
    yield f"Version: {entry['version']}"
    yield f"UpdateKind: {entry['kind']}"
    yield f"Status: {entry['result']}"
    yield f"Message: {entry['message']}"
    if "endTime" in entry:
        changes = entry["resourceChanges"]
        counts = "".join(
            f"{sign}{changes.get(op, 0)}" for sign, op in (("+", "create"), ("-", "delete"), ("~", "update"))
        )
        seconds = _seconds(entry["startTime"], entry["endTime"])
        yield f"{counts} {changes.get('same', 0)} Updated {ago(entry['startTime'], now)} took {seconds}s"
    yield from (f"    {name}: {value}" for name, value in sorted(entry["environment"].items()))
    yield ""


def _seconds(start: str, end: str) -> int:
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
