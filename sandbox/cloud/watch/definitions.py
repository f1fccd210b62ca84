"""An alarm as moto keeps it, read as what the evaluation needs. Changes nothing."""

from typing import Any

from sandbox.cloud.watch import points
from sandbox.cloud.watch.judging import Terms
from sandbox.cloud.watch.queries import Query, Window, by_period
from sandbox.cloud.watch.series import Metric, Store


def terms(alarm: Any) -> Terms:
    periods = int(alarm.evaluation_periods)
    return Terms(
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        periods=periods,
        needed=int(alarm.datapoints_to_alarm or periods),
        missing=alarm.treat_missing_data or "missing",
    )


def period(alarm: Any) -> float:
    """Simulated seconds."""
    if not alarm.metric_data_queries:
        return float(alarm.period)
    lengths = [float(query.metric_stat.period) for query in alarm.metric_data_queries if query.metric_stat]
    lengths += [float(query.period) for query in alarm.metric_data_queries if query.period]
    return max(lengths, default=60.0)


def queries(alarm: Any) -> tuple[list[Query], str]:
    """What to read, and the id of what is compared with the threshold."""
    if not alarm.metric_data_queries:
        stat = alarm.statistic or alarm.extended_statistic
        return [Query("m1", _metric(alarm), stat, float(alarm.period), alarm.unit or "")], "m1"
    found = [_query(query) for query in alarm.metric_data_queries]
    shown = [query.id for query in found if query.returned]
    return found, shown[0] if shown else found[-1].id


def too_few_samples(store: Store, region: str, alarm: Any, window: Window) -> bool:
    """Whether a percentile rests on so little that the alarm says to leave its state alone."""
    part = points.percent(alarm.extended_statistic or "")
    if part is None or alarm.evaluate_low_sample_count_percentile != "ignore":
        return False
    least = 10 / (1 - part / 100) if 50 <= part < 100 else 10 / max(part / 100, 0.001)
    held = by_period(store, region, _metric(alarm), float(alarm.period), window, alarm.unit or "")
    latest = list(held.values())[-int(alarm.evaluation_periods) :]
    return any(sum(point.samples for point in found) < least for found in latest)


def _metric(alarm: Any) -> Metric:
    pairs = [(each.name, each.value) for each in alarm.dimensions]
    return Metric.named(alarm.namespace, alarm.metric_name, pairs)


def _query(query: Any) -> Query:
    # ReturnData is true where it isn't said to be false.
    returned = query.return_data not in (False, "false")
    if query.metric_stat is None:
        length = float(query.period or 0)
        return Query(query.id, expression=query.expression, period=length, label=query.label or "", returned=returned)
    stat = query.metric_stat
    metric = Metric.named(
        stat.metric.namespace, stat.metric.metric_name, ((each.name, each.value) for each in stat.metric.dimensions)
    )
    return Query(
        query.id, metric, stat.stat, float(stat.period), stat.unit or "", label=query.label or "", returned=returned
    )
