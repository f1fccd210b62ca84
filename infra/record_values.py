"""The release record as values: what serves, what stands by, how far a transition has come. Pure.

Its import place is `infra.record`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

COLORS: tuple[Color, Color] = ("blue", "green")
PLATFORMS = ("compose", "fargate", "eks")
SERVICE = "ecs:"
"""What `Deployed.capacity` says of an ECS service begins with: `ecs:<cluster>/<service>`."""
STANDINGS: tuple[Standing, ...] = ("candidate", "previous", "rejected", "empty")

Color: TypeAlias = Literal["blue", "green"]
Standing: TypeAlias = Literal["candidate", "previous", "rejected", "empty"]


@dataclass(frozen=True)
class Release:
    """What a color runs: the platform, the image by digest, the digest of everything rendered for it."""

    platform: str
    image: str
    digest: str


@dataclass(frozen=True)
class Slot:
    """A color's release, the generation that filled it, and the capacity below which its scaler may not go."""

    platform: str
    image: str
    digest: str
    fill: int
    floor: int

    @property
    def release(self) -> Release:
        return Release(self.platform, self.image, self.digest)

    @property
    def filled(self) -> bool:
        return self.floor > 0


@dataclass(frozen=True)
class Transition:
    """A change that is under way. `weight` is the standby's share in percent (a shift), 0 for an in-place one."""

    kind: Literal["shift", "in-place"]
    weight: int
    step: int
    since: str
    step_since: str
    paused: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)
    source: Release | None = None
    """The release that an in-place transition started from (`from` in the document)."""


@dataclass(frozen=True)
class Record:
    """The wish or the truth, without the bookkeeping. Colors that never had a release are absent from `colors`."""

    active: Color
    standby: Standing
    colors: Mapping[Color, Slot]
    transition: Transition | None = None
    held_until: str | None = None

    @property
    def idle(self) -> Color:
        return other(self.active)

    @property
    def active_slot(self) -> Slot:
        return self.colors[self.active]

    @property
    def leaving(self) -> Release | None:
        """The release of the active color that another one takes over from in place; none outside of that."""
        in_place = self.transition is not None and self.transition.kind == "in-place"
        return self.transition.source if self.transition and in_place else None

    @property
    def standby_slot(self) -> Slot | None:
        return self.colors.get(self.idle)

    def held(self, now: datetime) -> bool:
        """Whether the hold on the old color is still running."""
        return self.held_until is not None and instant(self.held_until) > now


@dataclass(frozen=True)
class Deployed:
    """The record as it lies in the parameter store, with its generation and the ARNs it speaks of."""

    record: Record
    generation: int
    account: str = ""
    region: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    """ARNs of the listener rules: `production` and `test`."""
    target_groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """ARN by color and platform."""
    capacity: Mapping[str, str] = field(default_factory=dict)
    """By color, the name of what holds its capacity: the scaling group of `compose`, `ecs:<cluster>/<service>` of
    `fargate`."""
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the members of a color's capacity are launched from, by color and release digest: a version of a launch
    template (`lt-…:1`), or the ARN of a task definition. Empty in records of earlier versions. Both releases are there
    while one takes over from the other in place."""
    workers: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Of a color on `fargate`, by release digest and name: services that run while it is active, and how many tasks of
    each. Colors without any are absent."""
    url: str = ""
    test_url: str = ""
    """Where the standby answers before clients meet it; empty in records of earlier versions."""
    who: str = ""
    when: str = ""
    why: str = ""

    @property
    def basis(self) -> str:
        """What a config copy of this record is based on."""
        from infra.record import basis

        return basis(self.generation, self.record)

    def template(self, color: Color, release: Release) -> str:
        """What a release of a color is launched from; empty where the record does not know."""
        return self.templates.get(color, {}).get(release.digest, "")

    def crew(self, color: Color) -> Mapping[str, int]:
        """The workers of a color that are services of their own: how many tasks of each, by name.

        While a release takes over in place they are those of the one that leaves: they follow at the end.
        """
        slot, leaving = self.record.colors.get(color), self.record.leaving
        if slot is None:
            return {}
        digest = leaving.digest if leaving is not None and color == self.record.active else slot.digest
        return self.workers.get(color, {}).get(digest, {})

    def worker(self, color: Color, name: str) -> str:
        """What one of them is, as `capacity` names services."""
        cluster = self.capacity.get(color, "").removeprefix(SERVICE).partition("/")[0]
        return f"{SERVICE}{cluster}/{worker_service(color, self.record.colors[color].fill, name)}"

    def target_group(self, color: Color) -> str:
        """ARN of the group that the rules use for this color: its release's platform, else the only or first one."""
        groups = self.target_groups[color]
        slot = self.record.colors.get(color)
        return groups[slot.platform] if slot and slot.platform in groups else next(iter(groups.values()))


@dataclass(frozen=True)
class Intent:
    """The next record, decided by a rollback and not yet written by the stack. Valid on one generation only."""

    generation: int
    record: Record
    who: str = ""
    when: str = ""
    why: str = ""


def worker_service(color: Color, fill: int, name: str) -> str:
    """The name of a worker's service in the stack's cluster. It is fixed, so that the record need not hold it."""
    return f"{color}-{fill}-{name}"


def other(color: Color) -> Color:
    """The other color."""
    return "green" if color == "blue" else "blue"


def weights(record: Record) -> dict[Color, int]:
    """Percent of the traffic by color, in fixed order. Derived from the record, never stored in it."""
    share = record.transition.weight if record.transition and record.transition.kind == "shift" else 0
    mine = {record.active: 100 - share, record.idle: share}
    return {color: mine[color] for color in COLORS}


def instant(text: str) -> datetime:
    """A time of the record (ISO 8601, UTC). Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """A time as the record writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise(moment: datetime) -> str:
    """The same to the millisecond, where it is not a whole second: what a bake is measured by."""
    whole = moment.astimezone(UTC)
    exact = whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return stamp(whole) if exact.endswith(".000Z") else exact
