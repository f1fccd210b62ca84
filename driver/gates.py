"""Checks that must hold before or after a step. Pure: each judges a snapshot and gives its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from driver.counting import many
from driver.release.requests import Leniency
from driver.release.snapshot import Fleet, Snapshot
from infra.record import Color, other


@dataclass(frozen=True)
class Verdict:
    """What a gate says. A failed one stops the release unless a person asked to be only warned.

    `held`: it can't say yet. Nothing goes on and nothing goes back until it can. `passing`: what it says no for may
    well be over soon, and is no fault of the release where that has had no traffic yet.
    """

    gate: str
    passed: bool
    reason: str
    why: str = ""
    next: tuple[str, ...] = ()
    warned: bool = False
    held: bool = False
    passing: bool = False

    @property
    def stops(self) -> bool:
        return not self.passed and not self.warned and not self.held

    @property
    def blocks(self) -> bool:
        """Whether no traffic may be moved towards the color: it says no, or can't say yet."""
        return not self.passed and not self.warned

    def data(self) -> dict[str, Any]:
        said = {"gate": self.gate, "passed": self.passed, "warned": self.warned, "reason": self.reason}
        return {**said, "held": True} if self.held else said


Gate = Callable[[Snapshot, Color], Verdict]


def health(seen: Snapshot, color: Color) -> Verdict:
    """Whether a color has all the healthy targets that its record asks for, and none that is ailing."""
    record, fleet = seen.record, seen.fleet(color)
    slot = record.colors.get(color) if record else None
    floor = slot.floor if slot else 0
    if fleet.healthy >= max(1, floor) and not fleet.ailing:
        return _unmixed(fleet, color, serves=record is not None and color == record.active)
    ill = "; ".join(f"{target.id} {target.reason or target.state}" for target in fleet.ailing)
    registered = f"{many(len(fleet.targets), 'target')} {'is' if len(fleet.targets) == 1 else 'are'} registered"
    missing = f"{registered}, {max(1, floor)} needed"
    return Verdict(
        "health",
        False,
        f"{color} has {fleet.healthy} of {many(max(fleet.wanted, floor, 1), 'target')} healthy",
        ill or missing,
        (f"logs {color}", "status"),
    )


def _unmixed(fleet: Fleet, color: Color, *, serves: bool) -> Verdict:
    """A color that is healthy, unless something that was broken off left targets of another release in its group.

    The balancer would send them traffic too. Those on their way in or out have none.
    """
    if left := [target.id for target in fleet.strangers if target.healthy]:
        what = f"{len(left)} healthy {'target' if len(left) == 1 else 'targets'} of {color} run another release"
        if serves and any(target.healthy for target in fleet.stale):
            why = f"left by a release in place that was taken back, they share the traffic: {', '.join(left)}"
            return Verdict("health", False, what, why, ("resume", "status"))
        why = f"left by a fill that was broken off, they would share the traffic: {', '.join(left)}"
        return Verdict("health", False, what, why, ("up", "status"))
    return Verdict("health", True, f"{fleet.healthy} of {many(fleet.wanted, 'target')} of {color} healthy")


def capacity(seen: Snapshot, color: Color, weight: int = 100, carries: Mapping[str, float] | None = None) -> Verdict:
    """Whether a color can carry its share: as large a part of what the other one serves with now.

    `carries`: what one target of a platform carries, relative to the others'.
    """
    mine, theirs = seen.fleet(color).healthy, seen.fleet(other(color)).healthy
    needed = targets_for(seen, color, weight, carries)
    serves = f"{other(color)} serves with {theirs}"
    if mine >= needed:
        return Verdict("capacity", True, f"{mine} healthy targets, {serves}")
    load = "twice the" if needed == 2 * mine else f"{needed / mine:.1f} times the" if mine else "all the"
    return Verdict(
        "capacity",
        False,
        f"{color} has {mine} healthy {'target' if mine == 1 else 'targets'}, {serves}",
        f"at {weight} % each {color} target would carry {load} load (gate: capacity)",
        (f"deploy {{image}} --capacity {needed}", "promote --gate capacity=warn"),
    )


def targets_for(seen: Snapshot, color: Color, weight: int, carries: Mapping[str, float] | None = None) -> int:
    """How many healthy targets a color needs for a share of the traffic that the other one serves now; 1 at least."""
    theirs = seen.fleet(other(color)).healthy
    slots = seen.record.colors if seen.record else {}
    ours, serving = slots.get(color), slots.get(other(color))
    known = carries or {}
    ratio = known.get(serving.platform, 1.0) / known.get(ours.platform, 1.0) if ours and serving else 1.0
    return scaled(theirs, weight * ratio / 100)


def scaled(targets: int, by: float) -> int:
    """So many targets times a factor, in whole ones; 1 at least."""
    # Rounded first: of 10 at 70 % a product of floats may be a bit more than 7.
    return max(1, math.ceil(round(targets * by, 6)))


BEFORE_SHIFT: Mapping[str, Gate] = {"health": health, "capacity": capacity}

GATES = ("health", "capacity", "smoke", "command", "alarms", "requests")
"""All of them, in the order in which they are asked: first what costs nothing."""


def judge(
    seen: Snapshot,
    color: Color,
    leniency: Mapping[str, Leniency] | None = None,
    weight: int = 100,
    carries: Mapping[str, float] | None = None,
) -> tuple[Verdict, ...]:
    """The verdicts of health and capacity before a share of the traffic may go to a color."""
    wished = leniency or {}
    verdicts = (health(seen, color), capacity(seen, color, weight, carries))
    return tuple(lenient(verdict, wished) for verdict in verdicts if wished.get(verdict.gate) != "off")


def lenient(verdict: Verdict, leniency: Mapping[str, Leniency]) -> Verdict:
    """The same verdict, which only warns where a person asked for that."""
    if verdict.passed or leniency.get(verdict.gate) != "warn":
        return verdict
    return replace(verdict, warned=True, held=False)
