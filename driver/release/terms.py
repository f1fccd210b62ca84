"""What the stack's settings say about releases: how traffic is shifted, and which gates hold meanwhile. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Policy = Literal["fail", "hold", "pass"]
"""What a gate does where it has nothing to judge by: says no, waits for a person, or says yes."""


@dataclass(frozen=True)
class Strategy:
    """What a shift passes through on its way to 100: rising shares of 1 to 99 percent, `bake` seconds at each."""

    name: str
    weights: tuple[int, ...] = ()
    bake: int = 0


ALL_AT_ONCE = Strategy("all-at-once")


@dataclass(frozen=True)
class Smoke:
    """One request through the test listener, and what must be answered. `body`: a text that is in it."""

    path: str
    status: int = 200
    body: str = ""


@dataclass(frozen=True)
class Command:
    """A check of the team's own: its words, and after how many seconds it counts as failed."""

    words: tuple[str, ...]
    timeout: int = 60


@dataclass(frozen=True)
class Alarms:
    """Which CloudWatch alarms are watched.

    `own`: those that the program makes, by color and platform; `also`: any other. `sight`: seconds after which the
    slowest of `own` has seen what goes wrong, the delay of its metric included.
    """

    own: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    missing: Policy = "fail"
    no_data: Policy = "pass"
    sight: int = 0


@dataclass(frozen=True)
class Requests:
    """How many requests the standby must have answered at each weight; what follows where `max_bake` brings fewer."""

    least: int = 0
    otherwise: Policy = "hold"
    max_bake: int = 0
    """Seconds; no shorter than the bake itself. 0: the bake is not extended."""


@dataclass(frozen=True)
class Terms:
    """`hold` is in seconds; `least` and `most` bound a color's capacity.

    `carries`: what one target of a platform carries, relative to the others'.
    """

    hold: int = 0
    least: int = 1
    most: int = 1_000
    platforms: tuple[str, ...] = ("compose",)
    strategy: Strategy = ALL_AT_ONCE
    strategies: Mapping[str, Strategy] = field(default_factory=lambda: {"all-at-once": ALL_AT_ONCE})
    smoke: tuple[Smoke, ...] = ()
    command: Command | None = None
    alarms: Alarms = Alarms()
    requests: Requests = Requests()
    carries: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By platform, where they differ from `least` and `most`."""
    settles: int = 65
    """Seconds in which the balancer finds a new target healthy."""
    port: int = 8080
    """Where the app listens in its container."""
    run: tuple[str, ...] = ()
    """The words of a command of each new release."""
    architectures: Mapping[str, str] = field(default_factory=dict)
    """By platform, the processor that an image has to be for: `x86_64` or `arm64`."""

    def least_on(self, platform: str) -> int:
        return self.bounds.get(platform, (self.least, self.most))[0]

    def most_on(self, platform: str) -> int:
        return self.bounds.get(platform, (self.least, self.most))[1]
