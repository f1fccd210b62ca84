"""How many targets of a group were healthy in a minute: the least, the most, and the mean over its time."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.cloud import stores
from sandbox.cloud.clock import Clock
from sandbox.cloud.health import Health
from sandbox.cloud.watch.places import balancer_suffix, group_suffix
from sandbox.cloud.watch.points import Point


@dataclass
class Level:
    """A number that changes at times. `at`: until when it is summed up."""

    now: float
    at: float
    low: float
    high: float
    summed: float = 0.0
    seconds: float = 0.0

    def pass_on(self, at: float) -> None:
        self.summed += self.now * (at - self.at)
        self.seconds += at - self.at
        self.at = at

    def change(self, value: float, at: float) -> None:
        self.pass_on(at)
        self.now = value
        self.low, self.high = min(self.low, value), max(self.high, value)

    def point(self, minute: float, at: float) -> Point:
        """What there is to report, after which the next minute begins."""
        self.pass_on(at)
        mean = self.summed / self.seconds if self.seconds else self.now
        told = Point(minute, 1, mean, self.low, self.high, "Count")
        self.low = self.high = self.now
        self.summed = self.seconds = 0.0
        return told


class Hosts:
    """Draining targets are neither healthy nor unhealthy, and those that were not checked yet aren't unhealthy."""

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock = clock
        self._health = health
        self._levels: dict[str, tuple[Level, Level]] = {}

    def healthy(self, arn: str) -> int:
        return sum(1 for target in self._health.of_group(arn) if target.state == "healthy")

    def observe(self) -> None:
        now = self._clock.now()
        for arn, (good, bad) in self._counted().items():
            levels = self._levels.get(arn)
            if levels is None:
                self._levels[arn] = (Level(good, now, good, good), Level(bad, now, bad, bad))
                continue
            for level, value in zip(levels, (good, bad), strict=True):
                if level.now != value:
                    level.change(value, now)

    def reported(self, minute: float) -> list[tuple[str, str, str, Point, Point]]:
        """Region, group, balancer, how many were healthy and how many not; of groups that have targets."""
        self.observe()
        return list(self._reported(minute))

    def _reported(self, minute: float) -> Iterator[tuple[str, str, str, Point, Point]]:
        now = self._clock.now()
        used = stores.balancers_by_target_group()
        counted = self._counted()
        for arn in list(self._levels):
            if arn not in counted or arn not in used:
                del self._levels[arn]
                continue
            healthy, unhealthy = (level.point(minute, now) for level in self._levels[arn])
            group, balancer = group_suffix(arn), balancer_suffix(used[arn].arn)
            yield arn.split(":")[3], group, balancer, healthy, unhealthy

    def _counted(self) -> dict[str, tuple[int, int]]:
        found = {}
        for _, group in stores.target_groups():
            states = [target.state for target in self._health.of_group(group.arn) if target.drained_at is None]
            if states:
                found[group.arn] = (states.count("healthy"), states.count("unhealthy"))
        return found
