"""The one interface of all platforms: fill this target group with this release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pulumi

from infra.access import Place
from infra.colors.cluster import Cluster
from infra.config_store import ConfigStore
from infra.record import Color, Release, Slot
from infra.secret_store import Readable
from infra.settings import Settings


@dataclass(frozen=True)
class Site:
    """Where colors are put: what all of them share."""

    settings: Settings
    vpc: pulumi.Input[str]
    subnets: pulumi.Input[Any]
    """Ids of the private subnets."""
    balancer_group: pulumi.Input[str]
    """The load balancer's security group."""
    balancer: pulumi.Input[str]
    """The load balancer, as its metrics name it."""
    place: Place
    store: ConfigStore
    """Where releases lie that instances fetch."""
    secrets: Mapping[str, Readable] = field(default_factory=dict)
    """By the names that the settings use; known where a release is made."""
    supplied: pulumi.Input[Mapping[str, str]] = field(default_factory=dict)
    """Variables that the stack's own resources give every app."""
    behind: tuple[pulumi.Resource, ...] = ()
    """What has to be there before a release boots."""
    cluster: Cluster | None = None
    """Where tasks run; none where no color is on a platform that has them."""
    routed: tuple[pulumi.Resource, ...] = ()
    """The rules that forward to the colors' target groups."""


@dataclass(frozen=True)
class Ground:
    """What a color has on a platform whether it is filled or not."""

    target_group: pulumi.Output[str]
    """ARN."""
    security_group: pulumi.Output[str]
    measured: pulumi.Output[str]
    """The target group, as its metrics name it."""
    resource: pulumi.Resource


@dataclass(frozen=True)
class Handover:
    """One release that takes over from another in place, in a color that serves. Empty: there is none.

    Both are made of parts of their own, side by side, so that the way back needs nothing to be rendered.
    """

    source: Release | None = None
    """The one that leaves, while it is under way."""
    begins: bool = False
    """This update renders the one that comes."""
    ends: bool = False
    """This update settles what the color's capacity is launched from: one of the two has had its time."""

    def slot(self, slot: Slot) -> Slot | None:
        """The slot as the release that leaves had it."""
        if self.source is None:
            return None
        return replace(slot, image=self.source.image, digest=self.source.digest)


@dataclass(frozen=True)
class Crew:
    """The workers of a color's releases that are services of their own, as they were when each was made.

    `counts`: tasks, by release digest and the worker's name. `active`: they run, as their color is the active one.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    active: bool = False

    def of(self, slot: Slot) -> Mapping[str, int]:
        """How many tasks of each worker this release has, by name."""
        return self.counts.get(slot.digest, {})


@dataclass(frozen=True)
class Change:
    """What one update may do to a color that is filled.

    `anew`: it fills the color, and only then what runs may change, but for crew and handover. `steady`: a rollback
    would go to this color, so that no maximum in the settings may make it smaller.
    """

    anew: bool
    steady: bool = False
    handover: Handover = Handover()
    crew: Crew = Crew()


@dataclass(frozen=True)
class Filling:
    """What a filled color is made of."""

    capacity: pulumi.Output[str]
    """Name of what holds the color's capacity."""
    templates: Mapping[str, pulumi.Output[str]]
    """What its members are launched from, by release digest, as the record notes it."""
    resource: pulumi.Resource


class Platform(Protocol):
    """One way to run a release."""

    def rendered_from(self, settings: Settings) -> Mapping[str, Any]:
        """Every setting and template that reaches a release: what its digest is taken over. JSON values."""

    def check(self, settings: Settings) -> None:
        """Raises RenderingError for settings that no release can be rendered from."""

    def ground(self, color: Color, site: Site, *, settled: bool) -> Ground:
        """The target group and who may reach it. `settled`: a release stands on it, so it stays as it is."""

    def fill(self, color: Color, slot: Slot, site: Site, ground: Ground, change: Change) -> Filling:
        """The release of a color."""


def named(name: str) -> Platform:
    """The platform of that name, one of `setting_models.PLATFORMS`."""
    from infra.colors.compose import Compose
    from infra.colors.fargate import Fargate

    made: Mapping[str, type[Platform]] = {"compose": Compose, "fargate": Fargate}
    return made[name]()
