"""What a verb asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from driver.release.terms import Terms
from infra.record import Color, Release

__all__ = ["Deploy", "InPlace", "Leniency", "Promote", "Request", "Resume", "Retire", "Rollback", "Terms", "why_of"]

Leniency = Literal["off", "warn"]


@dataclass(frozen=True)
class InPlace:
    """How a release takes over in place. `bake` and `max_bake` are in seconds; None: as the settings have it.

    `pause`: a person is asked once the first members, or all where they go together, have been watched.
    """

    bake: int | None = None
    max_bake: int | None = None
    gates: Mapping[str, Leniency] = field(default_factory=dict)
    pause: bool = False


@dataclass(frozen=True)
class Deploy:
    """Fill the standby. `capacity`: how many targets; None for as many as the active color has now.

    `back`: it is part of a way back, which no freeze stops. `run`: the words of a command that has to succeed first.
    `in_place`: not the standby, but the members of the active color are replaced.
    """

    release: Release
    capacity: int | None = None
    end_hold: bool = False
    back: bool = False
    run: tuple[str, ...] = ()
    in_place: InPlace | None = None

    @property
    def way(self) -> str:
        """The options without which the same request, made again, would be another one or refused."""
        return f"{' --in-place' if self.in_place else ''}{' --end-hold' if self.end_hold else ''}"


@dataclass(frozen=True)
class Promote:
    """Shift the traffic to the candidate. `image`: the one that is expected there, by digest.

    What is None is as the settings have it. `bake` and `max_bake` are in seconds. `back` as in `Deploy`.
    """

    image: str | None = None
    again: bool = False
    strategy: str | None = None
    gates: Mapping[str, Leniency] = field(default_factory=dict)
    weights: tuple[int, ...] | None = None
    bake: int | None = None
    max_bake: int | None = None
    pause_after: int | None = None
    back: bool = False


@dataclass(frozen=True)
class Resume:
    """Carry on the shift under way, on the course that it was started on."""

    gates: Mapping[str, Leniency] = field(default_factory=dict)
    pause_after: int | None = None


@dataclass(frozen=True)
class Rollback:
    """Back to what served before, or out of the transition. `at_once`: whatever the old color's health."""

    at_once: bool = False


@dataclass(frozen=True)
class Retire:
    """Take the standby's capacity away. `due`: only if its hold has ended, and then it is no error if it hasn't."""

    color: Color | None = None
    due: bool = False


Request = Deploy | Promote | Resume | Rollback | Retire


def why_of(request: Request) -> str:
    """What a record notes as the reason: the verb."""
    named = type(request).__name__.lower()
    if isinstance(request, Deploy) and request.in_place:
        return f"{named} --in-place"
    if isinstance(request, Deploy | Promote) and request.back:
        return f"rollback --to: {named}"
    return f"{named} --again" if isinstance(request, Promote) and request.again else named
