"""Reading metrics through the API: real dates, and periods that are as long as the sandbox's time makes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from sandbox.cloud.clock import Calendar
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam
from sandbox.cloud.watch import points
from sandbox.cloud.watch.expressions import ExpressionError
from sandbox.cloud.watch.queries import Query, Window, by_period, read
from sandbox.cloud.watch.series import Metric, Store

PAGE = 500


def install(seam: Seam, store: Store, calendar: Calendar) -> None:
    @seam.instead(CloudWatchResponse, "get_metric_statistics")
    def get_metric_statistics(response: Any) -> ActionResult:
        given = response._get_params()
        plain, extended = given.get("Statistics") or [], given.get("ExtendedStatistics") or []
        if not plain and not extended:
            raise Refused("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
        for stat in (*plain, *extended):
            _check_stat(stat)
        metric, period = _metric(given), _period(given.get("Period"))
        unit = given.get("Unit") or ""
        held = by_period(store, response.region, metric, period, window(calendar, given), unit)
        answers = [_datapoint(calendar, at, found, plain, extended) for at, found in held.items()]
        return ActionResult({"Label": metric.name, "Datapoints": answers})

    @seam.instead(CloudWatchResponse, "get_metric_data")
    def get_metric_data(response: Any) -> ActionResult:
        given = response._get_params()
        queries = [query_of(each) for each in given.get("MetricDataQueries") or []]
        try:
            series = read(store, response.region, queries, window(calendar, given))
        except ExpressionError as error:
            raise Refused("ValidationError", str(error)) from error
        backwards = given.get("ScanBy") != "TimestampAscending"
        results = []
        for query in queries:
            if query.returned:
                found = sorted(series.get(query.id, {}).items(), reverse=backwards)
                named = query.metric.name if query.metric else query.id
                results.append(
                    {
                        "Id": query.id,
                        "Label": query.label or named,
                        "Timestamps": [calendar.of(at) for at, _ in found],
                        "Values": [value for _, value in found],
                        "StatusCode": "Complete",
                    }
                )
        return ActionResult({"MetricDataResults": results, "Messages": []})

    @seam.instead(CloudWatchResponse, "list_metrics")
    def list_metrics(response: Any) -> ActionResult:
        given = response._get_params()
        wanted = [(each["Name"], each.get("Value")) for each in given.get("Dimensions") or []]
        found = [
            metric
            for metric in store.metrics(response.region)
            if given.get("Namespace") in (None, metric.namespace)
            and given.get("MetricName") in (None, metric.name)
            and all(_has(metric, name, value) for name, value in wanted)
        ]
        first = int(given.get("NextToken") or 0)
        told = [
            {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
            }
            for metric in found[first : first + PAGE]
        ]
        more = str(first + PAGE) if len(found) > first + PAGE else None
        return ActionResult({"Metrics": told, "NextToken": more})


def query_of(given: Mapping[str, Any]) -> Query:
    """A query as a request has it. Raises Refused."""
    id, label = given["Id"], given.get("Label") or ""
    returned = given.get("ReturnData") not in (False, "false")
    if expression := given.get("Expression"):
        period = _period(given["Period"]) if given.get("Period") else 0.0
        return Query(id, expression=expression, period=period, label=label, returned=returned)
    stat = given.get("MetricStat")
    if not stat:
        raise Refused("ValidationError", "The parameter MetricDataQueries.member.1.MetricStat is required.\n")
    _check_stat(stat["Stat"])
    metric, period = _metric(stat["Metric"]), _period(stat.get("Period"))
    return Query(id, metric, stat["Stat"], period, stat.get("Unit") or "", label=label, returned=returned)


def _metric(given: Mapping[str, Any]) -> Metric:
    pairs = [(each["Name"], each["Value"]) for each in given.get("Dimensions") or []]
    return Metric.named(given.get("Namespace") or "", given.get("MetricName") or "", pairs)


def _period(given: Any) -> float:
    period = int(given or 0)
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise Refused(
            "InvalidParameterValue", f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {period}."
        )
    return float(period)


def _check_stat(stat: str) -> None:
    if not points.known(stat):
        raise Refused("InvalidParameterValue", f"The value {stat} for parameter Statistics is not supported.")


def window(calendar: Calendar, given: Mapping[str, Any]) -> Window:
    """The time that a request is about. Raises Refused."""
    start, end = (calendar.simulated(given[name]) for name in ("StartTime", "EndTime"))
    if start >= end:
        raise Refused("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    # A date that is some datapoint's own means exactly that, though it was rounded on its way.
    return Window(start + calendar.blur, end - calendar.blur)


def _datapoint(
    calendar: Calendar, at: float, found: Sequence[points.Point], plain: Sequence[str], extended: Sequence[str]
) -> dict[str, Any]:
    told: dict[str, Any] = {"Timestamp": calendar.of(at), "Unit": found[0].unit}
    told |= {stat: points.statistic(found, stat) for stat in plain}
    values = {stat: points.statistic(found, stat) for stat in extended}
    if values:
        told["ExtendedStatistics"] = {stat: value for stat, value in values.items() if value is not None}
    return told


def _has(metric: Metric, name: str, value: str | None) -> bool:
    return any(own == name and value in (None, held) for own, held in metric.dimensions)
