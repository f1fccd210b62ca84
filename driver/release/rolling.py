"""The steps of a release in place: it takes over from another one on the members of a color that serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from driver.release.requests import Leniency
from driver.release.targets import RULES, slot_glob
from infra.record import Color, Deployed, Record, Release, precise
from infra.steps import checkpointed, replaced, settled


@dataclass(frozen=True)
class Begin:
    """A release beside the active color's own, which it is to take over from in place. Nothing that serves changes."""

    release: Release
    asked: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, Leniency] = field(default_factory=dict)

    def wish(self, was: Deployed, now: datetime) -> Record:
        return replaced(was, self.release, now, self.asked, precise(now))

    def targets(self, was: Deployed) -> tuple[str, ...]:
        return (slot_glob(was, was.record.active), *RULES)

    def __str__(self) -> str:
        from driver.images import short

        return f"make {short(self.release.image)} ready to take over in place"


@dataclass(frozen=True)
class Roll:
    """Until the members of a color run a release. `first`: until one of them does; `rest`: one does already.

    `back`: it takes back what has come so far. `gates` as in `Advance`.
    """

    color: Color
    release: Release
    first: bool = False
    rest: bool = False
    back: bool = False
    gates: Mapping[str, Leniency] = field(default_factory=dict)

    def __str__(self) -> str:
        from driver.images import short

        if self.first:
            return f"replace one of {self.color}'s targets with {short(self.release.image)}"
        image = short(self.release.image)
        if self.back:
            return f"put {self.color} back to {image}"
        return f"replace {'the rest' if self.rest else 'all targets'} of {self.color} with {image}"


@dataclass(frozen=True)
class Checkpoint:
    """What has come is there, and is watched from now on. `paused`: until a person says how it goes on."""

    color: Color
    paused: bool = False

    def wish(self, was: Deployed, now: datetime) -> Record:
        return checkpointed(was, now, precise(now), paused=self.paused)

    def targets(self, was: Deployed) -> tuple[str, ...]:  # noqa: ARG002 - the same for every record
        return RULES

    def __str__(self) -> str:
        return f"note that {self.color} is at its checkpoint"


@dataclass(frozen=True)
class Finish:
    """The end of an in-place release: only the one that has come is left."""

    color: Color

    def wish(self, was: Deployed, now: datetime) -> Record:
        return settled(was, now) if was.record.transition else was.record

    def targets(self, was: Deployed) -> tuple[str, ...]:
        return (slot_glob(was, was.record.active), *RULES)

    def __str__(self) -> str:
        return f"finish: what {self.color} ran before is taken away"
