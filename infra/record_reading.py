"""Reads a record out of JSON values, from a config file edited by hand too: every fault at once, each with its key.

Its import place is `infra.record`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, cast

from infra.record_values import (
    COLORS,
    PLATFORMS,
    STANDINGS,
    Color,
    Record,
    Release,
    Slot,
    Standing,
    Transition,
    instant,
    precise,
)


class RecordError(ValueError):
    """A record that cannot be read. `problems` has one line for each fault, each with the key it was found at."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class NewerRecord(RecordError):
    """A whole record, as far as one can tell, of a schema that only a later version of this program reads."""


class Reader:
    """Reads a record's parts and gathers every fault before it raises."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[str] = []

    def record(self, data: Mapping[str, Any]) -> Record:
        active = self.word(data, "activeColor", COLORS)
        colors = dict(self.slots(data.get("colors")))
        standby = self.word(data, "standby", STANDINGS, default="candidate" if len(colors) > 1 else "empty")
        transition = self.transition(data["transition"]) if data.get("transition") else None
        held = self.moment(data, "heldUntil") if data.get("heldUntil") else None
        if active in COLORS and active not in colors and not self.problems:
            self.fault("colors", f"the active color {active} has no release")
        if self.problems:
            raise RecordError(self.problems)
        return Record(cast(Color, active), cast(Standing, standby), colors, transition, held)

    def fault(self, key: str, reason: str) -> None:
        self.problems.append(f"{self.where}{key}: {reason}")

    def word(self, data: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        found = data.get(key, default)
        if found not in allowed:
            self.fault(key, f"{found!r} is not one of {', '.join(allowed)}")
        return str(found)

    def text(self, data: Mapping[str, Any], key: str) -> str:
        found = data.get(key)
        if not isinstance(found, str | int) or isinstance(found, bool) or not str(found):
            self.fault(key, "missing" if found is None else f"{found!r} is not text")
        return str(found)

    def number(self, data: Mapping[str, Any], key: str, *, least: int = 0, most: int | None = None) -> int:
        found = data.get(key)
        number = _whole(found)
        if number is None or number < least or (most is not None and number > most):
            upper = f" to {most}" if most is not None else " or more"
            self.fault(key, f"{found!r} is not a whole number, {least}{upper}")
            return least
        return number

    def moment(self, data: Mapping[str, Any], key: str) -> str:
        found = data.get(key)
        try:
            return precise(instant(found.isoformat() if isinstance(found, datetime) else str(found)))
        except (ValueError, OverflowError):
            self.fault(key, f"{found!r} is not a time such as 2026-01-31T12:00:00Z")
            return ""

    def slots(self, data: Any) -> Iterator[tuple[Color, Slot]]:
        if not isinstance(data, Mapping) or not data:
            self.fault("colors", "missing" if data is None else f"{data!r} is not a mapping of blue and green")
            return
        for color, value in data.items():
            inner = Reader(f"{self.where}colors.{color}.")
            if color not in COLORS:
                self.fault("colors", f"{color!r} is neither blue nor green")
            elif not isinstance(value, Mapping):
                self.fault(f"colors.{color}", f"{value!r} is not a release")
            else:
                fill, floor = inner.number(value, "fill", least=1), inner.number(value, "floor")
                yield color, Slot(*inner.release(value), fill, floor)
            self.problems += inner.problems

    def release(self, data: Mapping[str, Any]) -> tuple[str, str, str]:
        return self.word(data, "platform", PLATFORMS), self.text(data, "image"), self.text(data, "digest")

    def transition(self, data: Any) -> Transition | None:
        if not isinstance(data, Mapping):
            self.fault("transition", f"{data!r} is not a mapping")
            return None
        inner = Reader(f"{self.where}transition.")
        kind = inner.word(data, "kind", ("shift", "in-place"))
        asked = data.get("asked") or {}
        source = data.get("from")
        if not isinstance(asked, Mapping):
            inner.fault("asked", f"{asked!r} is not a mapping")
        if source is not None and not isinstance(source, Mapping):
            inner.fault("from", f"{source!r} is not a release")
        paused = data.get("paused", False)
        found = Transition(
            kind=cast(Literal["shift", "in-place"], kind),
            weight=inner.number(data, "weight", most=100),
            step=inner.number(data, "step"),
            since=inner.moment(data, "since"),
            step_since=inner.moment(data, "stepSince"),
            paused=paused is True or str(paused).lower() == "true",
            asked=_normal(asked) if isinstance(asked, Mapping) else {},
            source=Release(*inner.release(source)) if isinstance(source, Mapping) else None,
        )
        self.problems += inner.problems
        return found


def _whole(found: Any) -> int | None:
    """A whole number from a number or its text; None for anything else, booleans included."""
    if isinstance(found, int):
        return None if isinstance(found, bool) else found
    if not isinstance(found, float | str):
        return None
    try:
        exact = float(found)
    except ValueError:
        return None
    return int(exact) if exact.is_integer() else None


def _normal(value: Any) -> Any:
    """JSON values with one way to write each number, so that a digest over them doesn't hang on who wrote them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _normal(inner) for key, inner in value.items()}
    return [_normal(inner) for inner in value] if isinstance(value, list | tuple) else value
