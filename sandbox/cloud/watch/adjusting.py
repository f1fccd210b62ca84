"""By how much a scaling policy changes a capacity. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SLACK = 1e-9  # so that a metric on its target asks for no instance more


@dataclass(frozen=True)
class Breach:
    """An alarm that fired, with the metric's latest value where there is one."""

    alarm: str
    value: float | None = None
    threshold: float = 0.0

    @property
    def by(self) -> float:
        return 0.0 if self.value is None else self.value - self.threshold


def adjusted(current: int, kind: str, by: int, least: int = 0) -> int:
    """The new capacity. `least`: of a change in percent, in instances.

    A change in percent is rounded towards 0, but never to it ("Step and simple scaling policies").
    """
    if kind == "ExactCapacity":
        return by
    if kind == "ChangeInCapacity":
        return current + by
    change = current * by / 100
    whole = int(change) if abs(change) >= 1 or not change else int(math.copysign(1, change))
    if change and abs(whole) < least:
        whole = int(math.copysign(least, change))
    return current + whole


def step(steps: Sequence[Mapping[str, float]], breach: float) -> int | None:
    """The adjustment for a metric that far above its threshold, below it where negative; None: no step fits."""
    for each in steps:
        low = float(each.get("MetricIntervalLowerBound", -math.inf))
        high = float(each.get("MetricIntervalUpperBound", math.inf))
        # Above the threshold the lower bound belongs to the step, below it the upper one.
        if (breach >= 0 and low <= breach < high) or (breach <= 0 and low < breach <= high):
            return int(each["ScalingAdjustment"])
    return None


def proportional(instances: int, value: float, target: float) -> int:
    """So many that each would get `target`, where these get `value` each."""
    return math.ceil(instances * value / target - _SLACK)
