"""What was reported, by metric: kept for a day of simulated time, and readable only when it has arrived."""

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.cloud import stores
from sandbox.cloud.clock import Calendar
from sandbox.cloud.watch.points import Point, of_values

KEPT = 1440  # points of a metric: one a minute for a day


@dataclass(frozen=True)
class Metric:
    """One metric: CloudWatch takes another set of dimensions for another metric. `dimensions` in order of name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def named(cls, namespace: str, name: str, dimensions: Iterable[tuple[str, str]]) -> "Metric":
        return cls(namespace, name, tuple(sorted(dimensions)))


class Store:
    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._series: dict[tuple[str, Metric], deque[Point]] = {}
        self._coming: list[tuple[float, int, str, Metric, Point]] = []
        self._numbers = itertools.count()

    def report(self, region: str, metric: Metric, point: Point, arrives: float) -> None:
        """The point can be read from the simulated time `arrives` on, when `arrive` is told of it."""
        heapq.heappush(self._coming, (arrives, next(self._numbers), region, metric, point))

    def arrive(self, now: float) -> None:
        while self._coming and self._coming[0][0] <= now:
            _, _, region, metric, point = heapq.heappop(self._coming)
            self._series.setdefault((region, metric), deque(maxlen=KEPT)).append(point)

    def metrics(self, region: str) -> list[Metric]:
        """Everything that has data, also of other people's PutMetricData."""
        found = [metric for where, metric in self._series if where == region]
        return list(dict.fromkeys([*found, *(metric for metric, _ in self._custom(region))]))

    def points(self, region: str, metric: Metric, start: float, end: float, unit: str = "") -> list[Point]:
        """What has arrived for that time; its end doesn't belong to it."""
        found = []
        for point in reversed(self._series.get((region, metric), ())):
            if point.at < start:
                break
            if point.at < end:
                found.append(point)
        found.reverse()
        found += [point for other, point in self._custom(region) if other == metric and start <= point.at < end]
        return [point for point in found if not unit or point.unit == unit]

    def _custom(self, region: str) -> Iterator[tuple[Metric, Point]]:
        """What was put by PutMetricData, and the little that moto itself reports."""
        for datum in stores.cloudwatch(region).get_all_metrics():
            metric = Metric.named(datum.namespace, datum.name, ((each.name, each.value) for each in datum.dimensions))
            at, unit = self._calendar.simulated(datum.timestamp), datum.unit or "None"
            if hasattr(datum, "value"):
                yield metric, of_values(at, (datum.value,), unit)
            else:
                yield metric, Point(at, datum.sample_count, datum.sum, datum.min, datum.max, unit)
