"""What was seen of a stack at one moment: record, intent, live weights, fleets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from driver.counting import many
from driver.release.once import Once
from infra.record import COLORS, Color, Deployed, Intent, Record, weights

NOTHING = "nothing has been deployed to this stack, or its record was deleted"
"""Why a verb that moves something has nothing to move: both look alike from here."""


@dataclass(frozen=True)
class Target:
    """One target of a group as the balancer sees it. `state` is ELBv2's word; `reason` is its code and text."""

    id: str
    state: str
    reason: str = ""
    port: int = 0
    """Where it listens; 0 where that was not told."""

    @property
    def healthy(self) -> bool:
        return self.state == "healthy"


@dataclass(frozen=True)
class Rule:
    """A listener rule's forward action: weight by target group ARN; the seconds of group stickiness, 0 for off."""

    arn: str
    shares: Mapping[str, int]
    sticky: int = 0


@dataclass(frozen=True)
class Capacity:
    """A scaling group or ECS service as it is: bounds, desired, its members, and the tags that say what it fills."""

    name: str
    least: int
    most: int
    desired: int
    instances: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    """What it launches from now, as the record writes it."""
    launched: Mapping[str, str] = field(default_factory=dict)
    """What each of `instances` was launched from."""


@dataclass(frozen=True)
class Crew:
    """The tasks of a worker that is a service of its own: so many are wanted, so many run."""

    wanted: int
    running: int


@dataclass(frozen=True)
class Fleet:
    """What fills a color: how many its scaler wants, and the targets that run the recorded release.

    `strangers` are targets of the group that do not run it, e.g. of a release on its way out.
    """

    wanted: int = 0
    targets: tuple[Target, ...] = ()
    strangers: tuple[Target, ...] = ()
    leaving: tuple[Target, ...] = ()
    """Those of `targets` that run the release which another one takes over from in place."""
    stale: tuple[Target, ...] = ()
    """Those of `strangers` that are members all the same: launched from a release that is not the record's any more."""
    group: str = ""
    least: int = 0
    most: int = 0
    lost: tuple[str, ...] = ()
    """Why instances never got ready, where that was asked."""

    @property
    def healthy(self) -> int:
        return sum(target.healthy for target in self.targets)

    @property
    def arrived(self) -> tuple[Target, ...]:
        """The healthy ones that run the release which the record names for the color."""
        leaving = {target.id for target in self.leaving}
        return tuple(target for target in self.targets if target.healthy and target.id not in leaving)

    @property
    def left_over(self) -> tuple[Target, ...]:
        """Strangers that are not on their way out."""
        return tuple(target for target in self.strangers if target.state in {"initial", "healthy", "unhealthy"})

    @property
    def ailing(self) -> tuple[Target, ...]:
        """Targets that are neither healthy nor on their way in or out."""
        return tuple(target for target in self.targets if target.state in {"unhealthy", "unavailable"})


@dataclass(frozen=True)
class Stored:
    """What lies in the parameter store beside the record. `generation` is 0 where there is no record."""

    deployed: Deployed | None = None
    intent: Intent | None = None
    freeze: str = ""
    """Why releases are frozen, and by whom, in one sentence; empty where they are not."""
    watcher: str = ""
    """The lease of who watches, as its text lies there."""
    died: bool = False
    """Whether the process that the lease names is proven to run no more."""
    once: Once | None = None
    """The command that a fill has to have run."""
    account: str = ""
    """The account that it lies in, where the answer says it."""

    @property
    def pending(self) -> Intent | None:
        """The intent, if it is on the deployed generation; an older one is spent."""
        if self.intent and self.deployed and self.intent.generation == self.deployed.generation:
            return self.intent
        return None


@dataclass(frozen=True)
class Snapshot:
    """Everything a plan is made from."""

    stored: Stored
    now: datetime
    live: Mapping[Color, int] | None = None
    """Weights of the production rule; None where the rule is gone or forwards elsewhere."""
    tested: Color | None = None
    """Where the test rule sends its requests."""
    fleets: Mapping[Color, Fleet] = field(default_factory=dict)
    rule: Rule | None = None
    """The production rule itself."""
    crews: Mapping[str, Crew] | None = None
    """Of the workers' services that are there, by the record's word for them; None where they were not looked at."""

    @property
    def deployed(self) -> Deployed | None:
        return self.stored.deployed

    @property
    def record(self) -> Record | None:
        return self.stored.deployed.record if self.stored.deployed else None

    def fleet(self, color: Color) -> Fleet:
        return self.fleets.get(color, Fleet())

    @property
    def unrun(self) -> Once | None:
        """The command that has to succeed before the standby may be promoted; None for none, or where it has."""
        slot, once = self.record.standby_slot if self.record else None, self.stored.once
        if once is None or slot is None or not slot.filled or once.fill != slot.fill or once.state == "done":
            return None
        return once

    @property
    def drift(self) -> tuple[str, ...]:
        """Where AWS disagrees with the record, in words. While an intent is pending its weights are right as well."""
        deployed = self.stored.deployed
        if deployed is None:
            return ()
        found = []
        allowed = [weights(deployed.record)]
        if self.stored.pending:
            allowed.append(weights(self.stored.pending.record))
        if self.live is None:
            found.append("the production rule is gone, or does not forward to both target groups")
        elif dict(self.live) not in allowed:
            found.append(f"live weights are {spoken(self.live)}, the record says {spoken(allowed[0])}")
        for color, slot in deployed.record.colors.items():
            fleet = self.fleet(color)
            if fleet.group and fleet.least < slot.floor:
                found.append(f"{fleet.group} may shrink to {fleet.least}, the floor of {color} is {slot.floor}")
            elif slot.filled and not fleet.group and deployed.capacity.get(color):
                found.append(f"{deployed.capacity[color]}, which runs {color}, is gone")
        if self.misdirected:
            found.append(self.misdirected)
        if strangers := [target.id for target in self.fleet(deployed.record.active).strangers if target.healthy]:
            found.append(f"{', '.join(strangers)} get traffic of {deployed.record.active} and run no release of its")
        return (*found, *self.astray)

    @property
    def astray(self) -> tuple[str, ...]:
        """Workers that the record means otherwise, in words. While an intent is pending, as it means them too."""
        deployed = self.stored.deployed
        if deployed is None or self.crews is None:
            return ()
        found = []
        for color in COLORS:
            for name, count in deployed.crew(color).items():
                service = deployed.worker(color, name)
                crew, due = self.crews.get(service), count if color == deployed.record.active else 0
                allowed = (0, count) if self.stored.pending else (due,)
                if crew is None:
                    found.append(f"{service}, which runs {name} of {color}, is gone")
                elif crew.wanted not in allowed:
                    found.append(f"{name} of {color} is to run {many(crew.wanted, 'task')}, the record means {due}")
        return tuple(found)

    @property
    def misdirected(self) -> str:
        """Where the test rule sends to the color that serves, in words; empty where it doesn't, or was not asked."""
        if self.record is None or self.stored.pending or self.tested != self.record.active:
            return ""
        return f"the test rule sends to {self.tested}, which serves; the record says {self.record.idle}"

    @property
    def weights_drifted(self) -> bool:
        """Whether the live weights are not those of the record."""
        return self.record is not None and self.live != weights(self.record)


def spoken(shares: Mapping[Color, int]) -> str:
    """Weights for people: `blue 90, green 10`."""
    return ", ".join(f"{color} {shares.get(color, 0)}" for color in COLORS)
