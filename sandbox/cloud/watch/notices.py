"""What an alarm tells others: the message to its topic, and the documents in its history."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException

from sandbox.cloud import stores


@dataclass(frozen=True)
class State:
    value: str
    reason: str
    data: str


def publish(topic: str, region: str, alarm: Any, before: State, after: State, at: datetime) -> str | None:
    """Sends an alarm's change to a topic. Returns why that failed."""
    subject = f'{after.value}: "{alarm.name}" in {region}'
    try:
        stores.sns(topic.split(":")[3]).publish(
            message=json.dumps(_message(region, alarm, before, after, at)), arn=topic, subject=subject[:100]
        )
    except ServiceException as error:
        return str(error.message)
    return None


def history_data(before: State, after: State) -> str:
    return json.dumps({"version": "1.0", "oldState": _state(before), "newState": _state(after)})


def reason_data(threshold: float, period: float, recent: Sequence[float | None]) -> str:
    return json.dumps({"version": "1.0", "period": int(period), "recentDatapoints": recent, "threshold": threshold})


def _state(state: State) -> dict[str, Any]:
    told: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    data = json.loads(state.data or "{}")
    return {**told, "stateReasonData": data} if data else told


def _message(region: str, alarm: Any, before: State, after: State, at: datetime) -> dict[str, Any]:
    """The fields of CloudWatch's own messages."""
    told: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": stores.ACCOUNT,
        "NewStateValue": after.value,
        "NewStateReason": after.reason,
        "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000",
        "Region": region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before.value,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
    }
    if alarm.rule is not None:
        return {**told, "AlarmRule": alarm.rule}
    trigger: dict[str, Any] = {
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm or alarm.evaluation_periods,
        "TreatMissingData": alarm.treat_missing_data or "missing",
    }
    if alarm.metric_data_queries:
        trigger["Metrics"] = [
            {"Id": query.id, "Expression": query.expression, "Label": query.label, "ReturnData": query.return_data}
            for query in alarm.metric_data_queries
        ]
    else:
        trigger |= {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Period": alarm.period,
            "Statistic": (alarm.statistic or alarm.extended_statistic or "").upper(),
            "Dimensions": [{"name": each.name, "value": each.value} for each in alarm.dimensions],
        }
    return {**told, "Trigger": trigger}
