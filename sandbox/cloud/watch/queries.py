"""Metric data queries over a window: metrics by period and statistic, and expressions on them. Changes nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.cloud.watch import expressions, points
from sandbox.cloud.watch.expressions import ExpressionError, Series, Value
from sandbox.cloud.watch.points import Point
from sandbox.cloud.watch.series import Metric, Store


@dataclass(frozen=True)
class Query:
    """One of a request or an alarm: of a metric, or an expression. `period` in simulated seconds."""

    id: str
    metric: Metric | None = None
    stat: str = ""
    period: float = 0.0
    unit: str = ""
    expression: str = ""
    label: str = ""
    returned: bool = True


@dataclass(frozen=True)
class Window:
    """Simulated seconds; the end doesn't belong to it. Periods begin at multiples of their length from `anchor` on."""

    start: float
    end: float
    anchor: float = 0.0

    def begin(self, at: float, period: float) -> float:
        """Of the period that this time is in."""
        return self.anchor + math.floor((at - self.anchor) / period) * period

    def periods(self, period: float) -> list[float]:
        first = self.begin(self.start, period)
        return [first + n * period for n in range(max(0, math.ceil((self.end - first) / period)))]


def by_period(
    store: Store, region: str, metric: Metric, period: float, window: Window, unit: str = ""
) -> dict[float, list[Point]]:
    """The points of each period that has any."""
    found: dict[float, list[Point]] = {}
    for point in store.points(region, metric, window.begin(window.start, period), window.end, unit):
        found.setdefault(window.begin(point.at, period), []).append(point)
    return dict(sorted(found.items()))


def read(store: Store, region: str, queries: Sequence[Query], window: Window) -> dict[str, Series]:
    """The series of every query by its id. Raises ExpressionError."""
    known: dict[str, Value] = {}
    lengths: dict[str, float] = {}
    for query in queries:
        if query.metric is not None:
            held = by_period(store, region, query.metric, query.period, window, query.unit)
            values = ((at, points.statistic(found, query.stat)) for at, found in held.items())
            known[query.id] = {at: float(value) for at, value in values if value is not None}
            lengths[query.id] = query.period
    for query in _in_order([query for query in queries if query.metric is None], known):
        used = [lengths[id] for id in expressions.references(query.expression) if id in lengths]
        period = query.period or max(used or lengths.values(), default=60.0)
        try:
            known[query.id] = expressions.evaluate(query.expression, known, window.periods(period))
        except ExpressionError as error:
            raise ExpressionError(f"Error in expression '{query.id}': {error}") from error
        lengths[query.id] = period
    return {id: series for id, series in known.items() if isinstance(series, dict)}


def _in_order(queries: Sequence[Query], known: Mapping[str, Value]) -> list[Query]:
    """Expressions behind those that they refer to. Raises ExpressionError: one refers to itself, or to nothing."""
    done, ordered, left = set(known), [], list(queries)
    while left:
        ready = [query for query in left if expressions.references(query.expression) <= done]
        if not ready:
            missing = sorted(expressions.references(left[0].expression) - done)
            raise ExpressionError(
                f"Error in expression '{left[0].id}': there is no {', '.join(missing)} to compute it from"
            )
        ordered += ready
        done |= {query.id for query in ready}
        left = [query for query in left if query not in ready]
    return ordered
