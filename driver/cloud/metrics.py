"""What CloudWatch knows of a color. Used by `driver.cloud.aws` alone.

Names and dimensions are those of the ELB page "CloudWatch metrics for your Application Load Balancer".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driver.cloud.failures import spoken
from driver.release.signals import Alarm, Served

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_PERIOD = 60
"""Seconds. The balancer publishes no finer ones."""

_AT_ONCE = 100
"""DescribeAlarms takes no more names in one call."""


def alarms(client: CloudWatchClient, names: Sequence[str], since: datetime | None) -> Mapping[str, Alarm]:
    """Metric and composite alarms by name. One call, and with `since` one for the history of each that exists."""
    found: dict[str, Alarm] = {}
    for start in range(0, len(names), _AT_ONCE):
        with spoken("alarms"):
            answer = client.describe_alarms(
                AlarmNames=list(names[start : start + _AT_ONCE]), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        for one in (*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])):
            found[one["AlarmName"]] = _alarm(client, one, since)
    return found


def _alarm(client: CloudWatchClient, one: Any, since: datetime | None) -> Alarm:
    name, state, reason = one["AlarmName"], one["StateValue"], one.get("StateReason", "")
    if since is None or state == "ALARM":
        return Alarm(name, state, reason, fired=state == "ALARM")
    fired = _fired(client, name, since)
    return Alarm(name, state, fired or reason, fired=bool(fired))


def _fired(client: CloudWatchClient, name: str, since: datetime) -> str:
    """Why an alarm went off at some time since then; empty where it did not."""
    with spoken(f"the history of the alarm {name}"):
        pages = client.get_paginator("describe_alarm_history").paginate(
            AlarmName=name,
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            HistoryItemType="StateUpdate",
            StartDate=since,
            EndDate=datetime.now(UTC) + timedelta(minutes=1),
        )
        items = [item for page in pages for item in page.get("AlarmHistoryItems", [])]
    for item in items:
        try:
            state = json.loads(item.get("HistoryData", "")).get("newState", {})
        except (ValueError, AttributeError):
            continue
        if state.get("stateValue") == "ALARM":
            return str(state.get("stateReason") or item.get("HistorySummary") or "its history says so")
    return ""


def served(client: CloudWatchClient, target_group: str, rule: str, since: datetime) -> Served:
    """Sums of RequestCount and HTTPCode_Target_5XX_Count from then on, by the ARNs of group and rule."""
    dimensions = [
        {"Name": "TargetGroup", "Value": target_group.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": balancer_of(rule)},
    ]
    queries: list[Any] = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions},
                "Period": _PERIOD,
                "Stat": "Sum",
            },
        }
        for name, metric in (("requests", "RequestCount"), ("errors", "HTTPCode_Target_5XX_Count"))
    ]
    # A clock of ours that is ahead must not turn the question round.
    until = max(datetime.now(UTC), since) + timedelta(minutes=1)
    sums = {"requests": 0.0, "errors": 0.0}
    with spoken("the target group's metrics"):
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=since, EndTime=until
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                sums[result["Id"]] += sum(result["Values"])
    return Served(round(sums["requests"]), round(sums["errors"]))


def balancer_of(rule: str) -> str:
    """`app/name/id` from a listener rule's ARN: how metrics name a load balancer."""
    return "/".join(rule.partition(":listener-rule/")[2].split("/")[:3])
