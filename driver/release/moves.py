"""The steps that plans are made of. Each says which record it wants, from the one that is deployed by then."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from driver.release.once import Once
from driver.release.requests import Leniency
from driver.release.rolling import Begin, Checkpoint, Finish, Roll
from driver.release.targets import RULES, slot_glob
from infra.record import COLORS, Color, Deployed, Record, Release, Transition, precise, same_wish, stamp
from infra.steps import filled, flipped, floored, shifted, undone


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
        return (ground, *fills, f"**::{idle}-guard", slot_glob(was, was.record.active), *RULES)

    def __str__(self) -> str:
        from driver.images import short

        return f"fill the standby with {short(self.release.image)}, {self.floor} targets at least"


@dataclass(frozen=True)
class Clear:
    """Whatever another fill has left in a color goes; the record stays."""

    color: Color

    def wish(self, was: Deployed, now: datetime) -> Record:  # noqa: ARG002 - the record that is there
        return was.record

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - nobody knows which fill it was
        return (f"**::{self.color}-*-**", f"**::{self.color}-guard", *RULES)

    def __str__(self) -> str:
        return f"take away what an earlier fill left in {self.color}"


@dataclass(frozen=True)
class Floors:
    """The same releases with other floors: a refill, or an emptying."""

    floors: Mapping[Color, int]

    def wish(self, was: Deployed, now: datetime) -> Record:
        return floored(was, now, self.floors)

    def targets(self, was: Deployed) -> tuple[str, ...]:
        colors = [color for color in COLORS if color in was.record.colors]
        return (*(slot_glob(was, color) for color in colors), *RULES)

    def __str__(self) -> str:
        return "set floors: " + ", ".join(f"{color} {floor}" for color, floor in sorted(self.floors.items()))


@dataclass(frozen=True)
class Advance:
    """A share of the traffic to the standby: the start of a shift, or its next weight.

    `asked` goes into the record with it; `gates` says which gates are asked leniently. `paused`: nobody goes on from
    here but by a person's word.
    """

    to: Color
    weight: int
    step: int
    asked: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, Leniency] = field(default_factory=dict)
    paused: bool = False

    def wish(self, was: Deployed, now: datetime) -> Record:
        before = was.record.transition
        since, at = before.since if before else precise(now), precise(now)
        return shifted(was, now, Transition("shift", self.weight, self.step, since, at, self.paused, self.asked))

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"shift {self.weight} % of the traffic to {self.to}"


@dataclass(frozen=True)
class Shift:
    """All traffic to the other color: a promotion, the end of one, or a rollback after one.

    `hold`: seconds for which the old color is kept. `gates` as in `Advance`.
    """

    to: Color
    weight: int = 100
    hold: float = 0.0
    gates: Mapping[str, Leniency] = field(default_factory=dict)

    def wish(self, was: Deployed, now: datetime) -> Record:
        if was.record.active == self.to and was.record.transition is None:
            return was.record
        held_until = stamp(now + timedelta(seconds=self.hold)) if self.hold > 0 else None
        return flipped(was, now, held_until=held_until)

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"shift {self.weight} % of the traffic to {self.to}"


@dataclass(frozen=True)
class Bake:
    """Time at one weight, with every gate asked again and again.

    `seconds` of it are wanted, `most` are waited where too few requests came. `began`: when the weight was set, if that
    was not just now. `unwatched`: from when on nobody watched, so that an alarm that has ended since counts too.
    """

    to: Color
    weight: int
    seconds: float
    most: float = 0.0
    gates: Mapping[str, Leniency] = field(default_factory=dict)
    began: datetime | None = None
    unwatched: datetime | None = None
    in_place: bool = False
    """The color serves already, and some or all of its members run another release than before."""

    @property
    def what(self) -> str:
        """What is watched, for people."""
        return f"what has come to {self.to}" if self.in_place else f"{self.weight} % on {self.to}"

    def __str__(self) -> str:
        return f"watch {self.what} for {round(self.seconds)} s" if self.seconds else f"look at {self.what} once more"


@dataclass(frozen=True)
class Pause:
    """The end of this driver's work at a weight, as asked: a person says when it goes on."""

    to: Color
    weight: int
    in_place: bool = False

    @property
    def where(self) -> str:
        return "the checkpoint" if self.in_place else f"{self.weight} %"

    def __str__(self) -> str:
        return f"pause at {self.where} on {self.to}"


@dataclass(frozen=True)
class Undo:
    """Out of a transition that is under way: all traffic on the active color."""

    to: Color

    def wish(self, was: Deployed, now: datetime) -> Record:
        return undone(was, now) if was.record.transition else was.record

    def targets(self, was: Deployed) -> tuple[str, ...]:
        at = was.record.transition
        return RULES if at is None or at.kind == "shift" else (slot_glob(was, was.record.active), *RULES)

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
class RunOnce:
    """A command of the recorded release, on one of a color's instances or as a task of its own.

    `kept`: how far it had come when this was planned. What another driver begins from there on is this one's as well.
    """

    color: Color
    words: tuple[str, ...]
    kept: Once | None = None

    def __str__(self) -> str:
        return f"run `{shlex.join(self.words)}` of the new release once, on {self.color}"


@dataclass(frozen=True)
class Resize:
    """Desired capacity of a color, read back."""

    color: Color
    desired: int

    def __str__(self) -> str:
        return f"set the desired capacity of {self.color} to {self.desired}"


Update = Fill | Clear | Floors | Advance | Shift | Undo | Settle | Begin | Checkpoint | Finish
Move = Update | Await | RunOnce | Resize | Bake | Pause | Roll


@dataclass(frozen=True)
class Plan:
    """The steps of a request, in order; none of them: there is nothing to do, and `reason` says why."""

    reason: str
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What a person should know beside the steps."""
    gates: tuple[str, ...] = ()
    """Those that are asked before traffic moves, and while it bakes."""

    @property
    def updates(self) -> int:
        """How many updates of the stack it takes."""
        return sum(isinstance(move, Update) for move in self.moves)

    @property
    def baking(self) -> float:
        """Seconds of bake in it, as long as nothing extends them."""
        return sum(move.seconds for move in self.moves if isinstance(move, Bake))


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
