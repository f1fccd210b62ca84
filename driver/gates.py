"""Checks that must hold before or after a step. Pure: each judges a snapshot and gives its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from driver.release.requests import Leniency
from driver.release.snapshot import Fleet, Snapshot
from infra.record import Color, other


@dataclass(frozen=True)
class Verdict:
    """What a gate says. A failed one stops the release unless a person asked to be only warned."""

    gate: str
    passed: bool
    reason: str
    why: str = ""
    next: tuple[str, ...] = ()
    warned: bool = False

    @property
    def stops(self) -> bool:
        return not self.passed and not self.warned

    def data(self) -> dict[str, Any]:
        return {"gate": self.gate, "passed": self.passed, "warned": self.warned, "reason": self.reason}


Gate = Callable[[Snapshot, Color], Verdict]


def health(seen: Snapshot, color: Color) -> Verdict:
    """Whether a color has all the healthy targets that its record asks for, and none that is ailing."""
    record, fleet = seen.record, seen.fleet(color)
    slot = record.colors.get(color) if record else None
    floor = slot.floor if slot else 0
    if fleet.healthy >= max(1, floor) and not fleet.ailing:
        return _unmixed(fleet, color)
    ill = "; ".join(f"{target.id} {target.reason or target.state}" for target in fleet.ailing)
    missing = f"{len(fleet.targets)} targets are registered, {max(1, floor)} are needed"
    return Verdict(
        "health",
        False,
        f"{color} has {fleet.healthy} of {max(fleet.wanted, floor, 1)} targets healthy",
        ill or missing,
        (f"logs {color}", "status"),
    )


def _unmixed(fleet: Fleet, color: Color) -> Verdict:
    """A color that is healthy, unless a fill that was broken off left targets of another release in its group.

    The balancer would send them traffic too. Those on their way in or out have none.
    """
    if left := [target.id for target in fleet.strangers if target.healthy]:
        what = f"{len(left)} healthy {'target' if len(left) == 1 else 'targets'} of {color} run another release"
        why = f"left by a fill that was broken off, they would share the traffic: {', '.join(left)}"
        return Verdict("health", False, what, why, ("up", "status"))
    return Verdict("health", True, f"{fleet.healthy} of {fleet.wanted} targets of {color} are healthy")


def capacity(seen: Snapshot, color: Color) -> Verdict:
    """Whether a color has at least as many healthy targets as the other one serves with."""
    mine, theirs = seen.fleet(color).healthy, seen.fleet(other(color)).healthy
    if mine >= theirs:
        return Verdict("capacity", True, f"{mine} healthy targets, {other(color)} serves with {theirs}")
    load = "twice the" if theirs == 2 * mine else f"{theirs / mine:.1f} times the" if mine else "all the"
    return Verdict(
        "capacity",
        False,
        f"{color} has {mine} healthy targets, {other(color)} serves with {theirs}",
        f"at 100 % each {color} target would carry {load} load (gate: capacity)",
        (f"deploy {{image}} --capacity {theirs}", "promote --gate capacity=warn"),
    )


BEFORE_SHIFT: Mapping[str, Gate] = {"health": health, "capacity": capacity}


def judge(seen: Snapshot, color: Color, leniency: Mapping[str, Leniency] | None = None) -> tuple[Verdict, ...]:
    """The verdicts before traffic may go to a color. A gate that is off is not asked."""
    wished = leniency or {}
    verdicts = []
    for name, gate in BEFORE_SHIFT.items():
        if wished.get(name) == "off":
            continue
        verdict = gate(seen, color)
        lenient = not verdict.passed and wished.get(name) == "warn"
        verdicts.append(Verdict(name, verdict.passed, verdict.reason, verdict.why, verdict.next, warned=lenient))
    return tuple(verdicts)
