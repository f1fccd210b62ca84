"""Datapoints of a metric, and the statistics that CloudWatch makes of them. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PERCENTILE = re.compile(r"p(?P<percent>100|\d{1,2}(\.\d{1,10})?)")
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

# Samples between two values: (from, to, how many). A known value is one from itself to itself.
Spread = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """What was reported for the time that begins `at` (simulated seconds): a set of samples."""

    at: float
    samples: float
    total: float
    low: float
    high: float
    unit: str = "None"
    spread: Spread = ()


def of_values(at: float, values: Sequence[float], unit: str) -> Point:
    """Of one value or more, each its own sample."""
    spread = tuple((value, value, 1.0) for value in values)
    return Point(at, len(values), float(sum(values)), min(values), max(values), unit, spread)


def counted(at: float, count: float) -> Point:
    """Of something that a balancer counts: each is a sample of 1, so that only Sum and SampleCount say how many."""
    return Point(at, count, count, 1, 1, "Count", ((1.0, 1.0, count),))


def percent(stat: str) -> float | None:
    """90.0 of "p90"; None of what is no percentile."""
    found = _PERCENTILE.fullmatch(stat)
    return float(found["percent"]) if found else None


def known(stat: str) -> bool:
    return stat in STATISTICS or percent(stat) is not None


def statistic(points: Sequence[Point], stat: str) -> float | None:
    """None without a sample, and for a percentile of samples of which only sum and bounds were reported."""
    samples = sum(point.samples for point in points)
    if not samples:
        return None
    if stat == "SampleCount":
        return float(samples)
    if stat == "Minimum":
        return min(point.low for point in points)
    if stat == "Maximum":
        return max(point.high for point in points)
    total = sum(point.total for point in points)
    if stat == "Sum":
        return total
    if stat == "Average":
        return total / samples
    part = percent(stat)
    return None if part is None else _percentile(points, part)


def _percentile(points: Iterable[Point], part: float) -> float | None:
    ranges: list[tuple[float, float, float]] = []
    for point in points:
        if not point.spread and point.low != point.high:
            return None
        ranges += point.spread or ((point.low, point.high, point.samples),)
    ranges.sort(key=lambda one: (one[1], one[0]))
    wanted = sum(count for _, _, count in ranges) * part / 100
    seen = 0.0
    for low, high, count in ranges:
        if seen + count >= wanted:
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return ranges[-1][1]
