"""What a decision is made from, and what it says: values only. Their import place is `infra.decision`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.record import Color, Record, Release
from infra.steps import Kind


@dataclass(frozen=True)
class Copy:
    """The record as the stack's config has it, and what it says it was copied from."""

    record: Record | None = None
    based_on: str | None = None


@dataclass(frozen=True)
class Terms:
    """What a decision needs to know besides the records."""

    stack: str
    now: datetime
    hold: timedelta
    floor: int
    """Capacity of a first release, in instances or tasks."""
    platforms: tuple[str, ...]
    first_release: Callable[[], Release]
    """The release that the settings name; asked for a first deploy only."""
    digest: Callable[[str, str], str]
    """Digest of what is rendered for a platform and an image."""
    balancer: bool = False
    """Whether a load balancer with this stack's tags exists; looked at only without a deployed record."""
    finish_first: bool = False


@dataclass(frozen=True)
class Refused:
    """Why nothing is done: a code for programs, and for people what, why, and the commands that would help.

    Commands of others than `bluegreen` begin with `$ `.
    """

    code: str
    what: str
    why: str
    next: tuple[str, ...] = ()

    def __str__(self) -> str:
        hints = "".join(f"\n  next   {command.removeprefix('$ ')}" for command in self.next)
        return f"{self.what}\n  why    {self.why}{hints}"


@dataclass(frozen=True)
class Decision:
    """The record that this update brings about."""

    kind: Kind
    record: Record
    generation: int
    fills: Color | None = None
    """The color whose release this update renders anew."""
    resizes: frozenset[Color] = frozenset()
    """The colors whose floor it changes."""
    adopted: bool = False
    """The config holds an older record, which is not followed."""
    from_intent: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def changes_a_color(self) -> bool:
        return self.fills is not None or bool(self.resizes) or self.settles is not None

    @property
    def settles(self) -> Color | None:
        """The color whose capacity is launched from another release from now on, or from the old one again."""
        return self.record.active if self.kind in (Kind.IN_PLACE_FINISH, Kind.IN_PLACE_UNDO) else None

    @property
    def prepares(self) -> Color | None:
        """The color whose ground this update may change: it is filled anew, and has no weight."""
        return self.fills if self.kind in (Kind.FIRST, Kind.FILL) else None

    @property
    def moves_only_traffic(self) -> bool:
        """Whether this update may be a targeted one of the rules and the record."""
        return self.kind is not Kind.SAME and not self.changes_a_color
