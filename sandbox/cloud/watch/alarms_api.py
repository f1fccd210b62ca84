"""Alarms through the API: moto's, with states that outlive an update, with history, and with composite alarms."""

from datetime import datetime
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloud.clock import Calendar
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam
from sandbox.cloud.watch import definitions, expressions, points, rules
from sandbox.cloud.watch.alarms import STATES, Alarms
from sandbox.cloud.watch.judging import INSUFFICIENT, comparisons

PAGE = 100
_COMPOSITE = ("AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions", "Tags")


def install(seam: Seam, alarms: Alarms, calendar: Calendar) -> None:
    _put(seam, alarms, calendar)
    _describe(seam, alarms, calendar)

    @seam.around(CloudWatchBackend, "delete_alarms")
    def delete_alarms(original: Any, backend: Any, names: list[str]) -> None:
        missing = [name for name in names if name not in backend.alarms]
        if missing and len(names) > 1:
            raise Refused("ResourceNotFound", f"Unknown alarms: {', '.join(missing)}")
        for name in names:
            if alarm := backend.alarms.get(name):
                alarms.configured(backend.region_name, alarm, "deleted")
                backend.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
        original(backend, names)

    @seam.instead(CloudWatchResponse, "set_alarm_state")
    def set_alarm_state(response: Any) -> ActionResult:
        name, state = response._get_param("AlarmName"), response._get_param("StateValue")
        alarm = response.cloudwatch_backend.alarms.get(name)
        if alarm is None:
            raise Refused("ResourceNotFound", "")
        if state not in STATES:
            raise Refused("ValidationError", f"Value '{state}' at 'stateValue' must be one of {', '.join(STATES)}")
        reason, data = response._get_param("StateReason"), response._get_param("StateReasonData")
        alarms.enter(response.region, alarm, state, reason or "", data or "{}")
        alarms.combine(response.region)
        return EmptyResult()


def _put(seam: Seam, alarms: Alarms, calendar: Calendar) -> None:
    @seam.around(CloudWatchBackend, "put_metric_alarm")
    def put_metric_alarm(original: Any, backend: Any, **given: Any) -> Any:
        before = backend.alarms.get(given["name"])
        tags = given.pop("tags", None)
        alarm = original(backend, **given)
        try:
            _check(alarm)
        except Refused:
            # moto has kept it already.
            del backend.alarms[alarm.name]
            if before is not None:
                backend.alarms[alarm.name] = before
            raise
        now = calendar.now()
        alarm.configuration_updated_timestamp = now
        if before is None:
            alarm.state_value, alarm.state_updated_timestamp = INSUFFICIENT, now
            alarm.state_transitioned_timestamp = now
            if tags:
                backend.tagger.tag_resource(alarm.alarm_arn, tags)
        else:
            # "When you update an existing alarm, its state is left unchanged" (PutMetricAlarm); so are its tags.
            for name in ("state_value", "state_reason", "state_reason_data"):
                setattr(alarm, name, getattr(before, name))
            alarm.state_updated_timestamp = before.state_updated_timestamp
            alarm.state_transitioned_timestamp = before.state_transitioned_timestamp
        alarms.configured(backend.region_name, alarm, "created" if before is None else "updated")
        return alarm

    def put_composite_alarm(response: Any) -> ActionResult:
        name, rule = response._get_param("AlarmName"), response._get_param("AlarmRule")
        if response._get_param("ActionsSuppressor"):
            raise NotImplementedError("actions suppressors of composite alarms")
        try:
            _, named = rules.read(rule)
        except rules.RuleError as error:
            raise Refused("ValidationError", f"AlarmRule must not contain syntax errors: {error}") from error
        backend = response.cloudwatch_backend
        if unknown := [each for each in named if each not in backend.alarms]:
            raise Refused("ValidationError", f"AlarmRule refers to alarms that don't exist: {', '.join(unknown)}")
        if name in named:
            raise Refused("ValidationError", f"AlarmRule of {name} refers to itself")
        given = {each: response._get_param(each) for each in _COMPOSITE}
        backend.put_metric_alarm(
            name=name,
            namespace=None,
            metric_name=None,
            comparison_operator=None,
            evaluation_periods=None,
            period=None,
            threshold=None,
            statistic=None,
            description=given["AlarmDescription"],
            dimensions=[],
            alarm_actions=given["AlarmActions"] or [],
            ok_actions=given["OKActions"],
            insufficient_data_actions=given["InsufficientDataActions"],
            actions_enabled=given["ActionsEnabled"] is not False,
            rule=rule,
            tags=given["Tags"],
        )
        alarms.combine(response.region)
        return EmptyResult()

    seam.replace(CloudWatchResponse, "put_composite_alarm", put_composite_alarm)


def _check(alarm: Any) -> None:
    """What AWS refuses to put."""
    if alarm.rule is not None:
        return
    if alarm.comparison_operator not in comparisons():
        raise Refused("ValidationError", f"The sandbox has no comparison {alarm.comparison_operator}")
    if alarm.threshold is None:
        raise Refused("ValidationError", "Threshold is required: the sandbox has no anomaly detection")
    needed, periods = alarm.datapoints_to_alarm, int(alarm.evaluation_periods)
    if needed is not None and not 1 <= int(needed) <= periods:
        raise Refused("ValidationError", "DatapointsToAlarm must be between 1 and EvaluationPeriods")
    if alarm.treat_missing_data not in (None, "breaching", "notBreaching", "ignore", "missing"):
        raise Refused("ValidationError", f"Option {alarm.treat_missing_data} is not supported for TreatMissingData")
    queries, _ = definitions.queries(alarm) if alarm.metric_data_queries or alarm.metric_name else ([], "")
    if not queries:
        raise Refused("ValidationError", "Either MetricName or Metrics must be given")
    if sum(query.returned for query in queries) != 1:
        raise Refused("ValidationError", "Exactly one element of the metrics list should return data.")
    ids = {query.id for query in queries}
    for query in queries:
        if query.metric is not None and not points.known(query.stat):
            raise Refused("ValidationError", f"The sandbox has no statistic {query.stat}")
        if query.expression:
            try:
                missing = expressions.references(query.expression) - ids
            except expressions.ExpressionError as error:
                raise Refused("ValidationError", f"Error in expression '{query.id}': {error}") from error
            if missing:
                raise Refused("ValidationError", f"Error in expression '{query.id}': unknown {', '.join(missing)}")


def _describe(seam: Seam, alarms: Alarms, calendar: Calendar) -> None:
    @seam.instead(CloudWatchResponse, "describe_alarms")
    def describe_alarms(response: Any) -> ActionResult:
        given = response._get_params()
        types = given.get("AlarmTypes") or ["MetricAlarm"]
        found = [
            alarm
            for alarm in response.cloudwatch_backend.alarms.values()
            if ("MetricAlarm" if alarm.rule is None else "CompositeAlarm") in types
            and (not given.get("AlarmNames") or alarm.name in given["AlarmNames"])
            and alarm.name.startswith(given.get("AlarmNamePrefix") or "")
            and given.get("StateValue") in (None, alarm.state_value)
            and _acts(alarm, given.get("ActionPrefix"))
        ]
        found.sort(key=lambda alarm: alarm.name)
        shown, more = _page(found, given)
        return ActionResult(
            {
                "MetricAlarms": [alarm for alarm in shown if alarm.rule is None],
                "CompositeAlarms": [_composite(alarm) for alarm in shown if alarm.rule is not None],
                "NextToken": more,
            }
        )

    def describe_alarm_history(response: Any) -> ActionResult:
        given = response._get_params()
        types = given.get("AlarmTypes") or ["MetricAlarm"]
        kind = given.get("HistoryItemType")
        first, last = (_date(calendar, given.get(name)) for name in ("StartDate", "EndDate"))
        found = [
            entry
            for entry in alarms.history(response.region, given.get("AlarmName"))
            if entry.alarm_type in types
            and kind in (None, entry.history_item_type)
            and (first is None or calendar.simulated(entry.timestamp) >= first - calendar.blur)
            and (last is None or calendar.simulated(entry.timestamp) <= last + calendar.blur)
        ]
        if given.get("ScanBy") != "TimestampAscending":
            found.reverse()
        shown, more = _page(found, given)
        return ActionResult({"AlarmHistoryItems": shown, "NextToken": more})

    seam.replace(CloudWatchResponse, "describe_alarm_history", describe_alarm_history)


def _date(calendar: Calendar, given: datetime | None) -> float | None:
    return None if given is None else calendar.simulated(given)


def _page(found: list[Any], given: dict[str, Any]) -> tuple[list[Any], str | None]:
    first = int(given.get("NextToken") or 0)
    last = first + int(given.get("MaxRecords") or PAGE)
    return found[first:last], str(last) if len(found) > last else None


def _acts(alarm: Any, prefix: str | None) -> bool:
    actions = (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
    return prefix is None or any(action.startswith(prefix) for action in actions)


def _composite(alarm: Any) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.alarm_arn,
        "AlarmDescription": alarm.description,
        "AlarmRule": alarm.rule,
        "AlarmConfigurationUpdatedTimestamp": alarm.configuration_updated_timestamp,
        "ActionsEnabled": alarm.actions_enabled,
        "AlarmActions": alarm.alarm_actions,
        "OKActions": alarm.ok_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "StateValue": alarm.state_value,
        "StateReason": alarm.state_reason,
        "StateReasonData": alarm.state_reason_data,
        "StateUpdatedTimestamp": alarm.state_updated_timestamp,
        "StateTransitionedTimestamp": alarm.state_transitioned_timestamp,
    }
