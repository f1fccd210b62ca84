"""Alarms on metrics."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, blocks, flag, labels, number, text, texts
from sandbox.provider.shapes import from_aws, to_aws
from sandbox.provider.tagging import TAGS

_METRIC = {
    "metricName": text(required=True),
    "namespace": text(),
    "period": number(1, required=True),
    "stat": text(required=True),
    "unit": text(),
    "dimensions": labels(),
}
_QUERY = {
    "id": text(required=True),
    "accountId": text(),
    "expression": text(),
    "label": text(),
    "period": number(),
    "returnData": flag(False),
    "metric": block(_METRIC),
}
_PLAIN = {
    "name": "AlarmName",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "evaluationPeriods": "EvaluationPeriods",
    "datapointsToAlarm": "DatapointsToAlarm",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "period": "Period",
    "statistic": "Statistic",
    "extendedStatistic": "ExtendedStatistic",
    "threshold": "Threshold",
    "thresholdMetricId": "ThresholdMetricId",
    "treatMissingData": "TreatMissingData",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "unit": "Unit",
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "okActions": "OKActions",
    "insufficientDataActions": "InsufficientDataActions",
}


class MetricAlarm(Resource):
    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    label = "CloudWatch Metric Alarm"
    gone = frozenset({"ResourceNotFound"})
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "actionsEnabled": flag(True),
        "alarmActions": texts(),
        "okActions": texts(),
        "insufficientDataActions": texts(),
        "alarmDescription": text(longest=1024),
        "comparisonOperator": text(
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "LessThanThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "GreaterThanUpperThreshold",
            required=True,
        ),
        "datapointsToAlarm": number(1),
        "dimensions": labels(),
        "evaluateLowSampleCountPercentiles": text("evaluate", "ignore", kept=True),
        "evaluationPeriods": number(1, required=True),
        "extendedStatistic": text(),
        "metricName": text(),
        "metricQueries": blocks(_QUERY, key="id"),
        "namespace": text(),
        "period": number(10),
        "statistic": text("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        "threshold": number(),
        "thresholdMetricId": text(),
        "treatMissingData": text("breaching", "notBreaching", "ignore", "missing", default="missing"),
        "unit": text(),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if ("metricName" in news) == ("metricQueries" in news):
            return [("metricName", "one of metricName, metricQueries must be set for a cloudwatch metric alarm")]
        if "metricName" in news and ("statistic" in news) == ("extendedStatistic" in news):
            return [
                ("statistic", "One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm")
            ]
        return []

    def create(self, job: Job) -> str:
        tags = {"Tags": tagging.as_list(job.news["tags"])} if job.news.get("tags") else {}
        _watch(job).put_metric_alarm(**_alarm(job.news), **tags)
        return str(job.news["name"])

    def read(self, job: Job, id_: str) -> Properties | None:
        alarms = _watch(job).describe_alarms(AlarmNames=[id_], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not alarms:
            return None
        alarm = alarms[0]
        tags = _watch(job).list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        outputs = {key: alarm.get(name) for key, name in _PLAIN.items()}
        return {
            **outputs,
            "arn": alarm["AlarmArn"],
            "treatMissingData": outputs["treatMissingData"] or "missing",
            "dimensions": tagging.as_map(alarm.get("Dimensions"), key="Name"),
            "metricQueries": [_query_outputs(query) for query in alarm.get("Metrics", [])],
            **tagging.outputs(tagging.as_map(tags)),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changed - {"tags"}:
            _watch(job).put_metric_alarm(**_alarm(job.news))
        put, drop = tagging.delta(job)
        if drop:
            _watch(job).untag_resource(ResourceARN=job.olds["arn"], TagKeys=drop)
        if put:
            _watch(job).tag_resource(ResourceARN=job.olds["arn"], Tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        _watch(job).delete_alarms(AlarmNames=[id_])


def _watch(job: Job) -> Any:
    return job.client("cloudwatch")


def _alarm(news: Properties) -> dict[str, Any]:
    asked = {name: news[key] for key, name in _PLAIN.items() if news.get(key) is not None}
    if news.get("dimensions"):
        asked["Dimensions"] = _dimensions(news["dimensions"])
    if news.get("metricQueries"):
        asked["Metrics"] = [_query(query) for query in news["metricQueries"]]
    return asked


def _query(query: Properties) -> dict[str, Any]:
    asked: dict[str, Any] = to_aws({key: held for key, held in query.items() if key != "metric"})
    metric = query.get("metric")
    if metric:
        names = {"metricName": "MetricName", "namespace": "Namespace"}
        about: dict[str, Any] = {name: metric[key] for key, name in names.items() if key in metric}
        if metric.get("dimensions"):
            about["Dimensions"] = _dimensions(metric["dimensions"])
        stat = {
            name: metric[key]
            for key, name in {"period": "Period", "stat": "Stat", "unit": "Unit"}.items()
            if key in metric
        }
        asked["MetricStat"] = {"Metric": about, **stat}
    return asked


def _query_outputs(query: dict[str, Any]) -> Properties:
    outputs: Properties = from_aws({name: held for name, held in query.items() if name != "MetricStat"})
    stat = query.get("MetricStat")
    if stat:
        outputs["metric"] = {
            "metricName": stat["Metric"].get("MetricName"),
            "namespace": stat["Metric"].get("Namespace"),
            "dimensions": tagging.as_map(stat["Metric"].get("Dimensions"), key="Name"),
            **{key: stat.get(name) for key, name in {"period": "Period", "stat": "Stat", "unit": "Unit"}.items()},
        }
    return outputs


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())]


RESOURCES = (MetricAlarm(),)
