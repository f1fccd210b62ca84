"""The steps that plans are made of. Each says which record it wants, from the one that is deployed by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from infra.record import COLORS, Color, Deployed, Record, Release, same_wish
from infra.steps import filled, flipped, floored, undone

RULES = ("**::production-rule", "**::test-rule", "**::record")


@dataclass(frozen=True)
class Fill:
    """A new release in the standby, both floors at what the active color needs."""

    release: Release
    floor: int
    active_floor: int

    def wish(self, was: Deployed, now: datetime) -> Record:
        return filled(was, self.release, now, floor=self.floor, active_floor=self.active_floor)

    def targets(self, was: Deployed) -> tuple[str, ...]:
        """The standby's ground, its old fill and the new one, and the active color's fill for its floor."""
        idle = was.record.idle
        before = was.record.standby_slot
        fills = [f"**::{idle}-{was.generation + 1}-**"] + ([f"**::{idle}-{before.fill}-**"] if before else [])
        ground = f"**::{idle}-{self.release.platform}-**"
        return (ground, *fills, _slot_glob(was, was.record.active), *RULES)

    def __str__(self) -> str:
        from driver.images import short

        return f"fill the standby with {short(self.release.image)}, {self.floor} targets at least"


@dataclass(frozen=True)
class Floors:
    """The same releases with other floors: a refill, or an emptying."""

    floors: Mapping[Color, int]

    def wish(self, was: Deployed, now: datetime) -> Record:
        return floored(was, now, self.floors)

    def targets(self, was: Deployed) -> tuple[str, ...]:
        colors = [color for color in COLORS if color in was.record.colors]
        return (*(_slot_glob(was, color) for color in colors), *RULES)

    def __str__(self) -> str:
        return "set floors: " + ", ".join(f"{color} {floor}" for color, floor in sorted(self.floors.items()))


@dataclass(frozen=True)
class Shift:
    """All traffic to the other color: a promotion, or a rollback after one. `hold`: seconds the old color is kept."""

    to: Color
    weight: int = 100
    held_until: str | None = None

    def wish(self, was: Deployed, now: datetime) -> Record:
        if was.record.active == self.to and was.record.transition is None:
            return was.record
        return flipped(was, now, held_until=self.held_until)

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"shift {self.weight} % of the traffic to {self.to}"


@dataclass(frozen=True)
class Undo:
    """Out of a transition that is under way: all traffic on the active color."""

    to: Color

    def wish(self, was: Deployed, now: datetime) -> Record:
        return undone(was, now) if was.record.transition else was.record

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"take the transition back: 100 % of the traffic to {self.to}"


@dataclass(frozen=True)
class Settle:
    """Rule and record made to agree again, on the record that is deployed."""

    to: Color

    def wish(self, was: Deployed, now: datetime) -> Record:  # noqa: ARG002 - the record that is there
        return was.record

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"set the live weights to the record's: 100 % to {self.to}"


@dataclass(frozen=True)
class Await:
    """Until so many targets of a color are healthy, running the recorded release."""

    color: Color
    healthy: int

    def __str__(self) -> str:
        return f"wait until {self.color} has {self.healthy} healthy targets"


@dataclass(frozen=True)
class Resize:
    """Desired capacity of a color, read back."""

    color: Color
    desired: int

    def __str__(self) -> str:
        return f"set the desired capacity of {self.color} to {self.desired}"


Update = Fill | Floors | Shift | Undo | Settle
Move = Update | Await | Resize


@dataclass(frozen=True)
class Plan:
    """The steps of a request, in order; none of them: there is nothing to do, and `reason` says why."""

    reason: str
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out. `code` is the exit code: 3, or 5 where another driver is at it."""

    what: str
    why: str
    next: tuple[str, ...] = ()
    code: int = 3
    gate: str | None = None


def achieved(record: Record, wish: Record) -> bool:
    """Whether a record already says what is wished for."""
    return same_wish(record, wish)


def _slot_glob(was: Deployed, color: Color) -> str:
    return f"**::{color}-{was.record.colors[color].fill}-**"
