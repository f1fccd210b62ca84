"""The alarms of each color on each platform: what a shift is judged by, and rolled back for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.alarm_names import Kind, alarm_name, dimension
from infra.record import Color
from infra.settings import Settings

PERIOD = 60
"""Seconds: the balancer publishes its metrics once a minute."""
_NAMESPACE = "AWS/ApplicationELB"
# FILL: the balancer reports no count of errors where there were none. IF: without requests there is no ratio.
_PERCENT = "IF(requests > 0, 100 * FILL(errors, 0) / requests)"
# New targets count as unhealthy until their first checks are over: every deploy would set the alarm off, and bar the
# promotion after it. A color that nobody is sent to has no one to alarm for.
_UNWELL = "IF(requests > 0, unhealthy)"


class Watch(pulumi.ComponentResource):
    """Alarms on target groups: they stay as long as their group, whatever release stands on it.

    They belong to no release and nothing depends on them, so that neither a shift nor a deploy waits for one; their
    limits follow the settings with the next plain update.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        balancer: pulumi.Input[str],
        groups: Mapping[Color, Mapping[str, pulumi.Input[str]]],
    ) -> None:
        """`balancer` and `groups`, by color and platform, are ARNs."""
        super().__init__("bluegreen:index:Watch", name)
        self._settings = settings
        for color, of in groups.items():
            for platform, group in of.items():
                place = {"LoadBalancer": _named(balancer), "TargetGroup": _named(group)}
                self._errors(color, platform, place)
                self._latency(color, platform, place)
                self._unhealthy_hosts(color, platform, place)
        self.register_outputs({})

    def _errors(self, color: Color, platform: str, place: Mapping[str, pulumi.Input[str]]) -> None:
        limit = self._settings.gates.alarms.errors
        self._alarm(
            color,
            platform,
            "errors",
            f"More than {limit:g} % of the answers of {color} on {platform} are 5xx",
            comparison_operator="GreaterThanThreshold",
            threshold=limit,
            metric_queries=[
                _said(_PERCENT, "5xx in percent"),
                _counted("errors", "HTTPCode_Target_5XX_Count", "Sum", place),
                _counted("requests", "RequestCount", "Sum", place),
            ],
        )

    def _latency(self, color: Color, platform: str, place: Mapping[str, pulumi.Input[str]]) -> None:
        limit = self._settings.gates.alarms.latency
        self._alarm(
            color,
            platform,
            "latency",
            f"One answer in twenty of {color} on {platform} takes more than {limit:g} s",
            comparison_operator="GreaterThanThreshold",
            threshold=limit,
            namespace=_NAMESPACE,
            metric_name="TargetResponseTime",
            extended_statistic="p95",
            period=PERIOD,
            dimensions=place,
        )

    def _unhealthy_hosts(self, color: Color, platform: str, place: Mapping[str, pulumi.Input[str]]) -> None:
        limit = self._settings.gates.alarms.unhealthy_hosts
        self._alarm(
            color,
            platform,
            "unhealthy-hosts",
            f"{limit} or more targets of {color} on {platform} are unhealthy while it has traffic",
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=limit,
            metric_queries=[
                _said(_UNWELL, "unhealthy hosts with traffic"),
                _counted("unhealthy", "UnHealthyHostCount", "Maximum", place),
                _counted("requests", "RequestCount", "Sum", place),
            ],
        )

    def _alarm(self, color: Color, platform: str, kind: Kind, description: str, **judged: Any) -> None:
        settings = self._settings
        periods, topic = settings.gates.alarms.periods, settings.notify.topic
        aws.cloudwatch.MetricAlarm(
            f"alarm-{color}-{platform}-{kind}",
            name=alarm_name(settings.project, settings.stack, color, platform, kind),
            alarm_description=description,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            # A color without traffic, or without a target, reports nothing and is no cause for alarm.
            treat_missing_data="notBreaching",
            alarm_actions=[topic] if topic else None,
            tags={**settings.own_tags, "bluegreen:color": color},
            opts=pulumi.ResourceOptions(parent=self),
            **judged,
        )


def _named(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(arn).apply(dimension)


def _said(expression: str, label: str) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    """What the alarm goes by."""
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(id="judged", expression=expression, label=label, return_data=True)


def _counted(
    id: str, metric: str, statistic: str, place: Mapping[str, pulumi.Input[str]]
) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    """One metric that an expression is made of."""
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=id,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=_NAMESPACE, metric_name=metric, period=PERIOD, stat=statistic, dimensions=place
        ),
        return_data=False,
    )
