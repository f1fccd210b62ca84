"""The two alarms that a target tracking policy keeps for itself: high acts soon, low acts late."""

import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.refusals import Refused

HIGH_PERIODS, LOW_PERIODS = 3, 15  # datapoints of a minute that must breach
LOW_SHARE = 0.9  # of the target: below it there is too much capacity
_PLAIN = {
    "ASGAverageCPUUtilization": ("AWS/EC2", "CPUUtilization", "Average"),
    "ASGAverageNetworkIn": ("AWS/EC2", "NetworkIn", "Average"),
    "ASGAverageNetworkOut": ("AWS/EC2", "NetworkOut", "Average"),
}


@dataclass(frozen=True)
class Tracked:
    """What a policy keeps at `target`."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]
    target: float
    scales_in: bool


def tracked(policy: Any) -> Tracked:
    """Raises Refused where the policy names no metric that there is."""
    config = vars(policy.target_tracking_configuration)
    target, scales_in = float(config["TargetValue"]), str(config.get("DisableScaleIn", False)).lower() != "true"
    custom = config.get("CustomizedMetricSpecification")
    if custom:
        if custom.get("Metrics"):
            raise NotImplementedError("metric math in target tracking policies")
        pairs = tuple((each["Name"], each["Value"]) for each in custom.get("Dimensions") or [])
        return Tracked(custom["Namespace"], custom["MetricName"], custom["Statistic"], pairs, target, scales_in)
    predefined = config.get("PredefinedMetricSpecification") or {}
    kind = predefined.get("PredefinedMetricType")
    if kind in _PLAIN:
        group = (("AutoScalingGroupName", policy.auto_scaling_group_name),)
        return Tracked(*_PLAIN[kind], group, target, scales_in)
    if kind == "ALBRequestCountPerTarget":
        region = policy.autoscaling_backend.region_name
        places = _labelled(predefined.get("ResourceLabel") or "", region)
        return Tracked("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", places, target, scales_in)
    raise Refused("ValidationError", f"The predefined metric type {kind} is not supported")


def keep_alarms(policy: Any, before: Any | None) -> None:
    """Makes the alarms of a policy that was put, under the names that it had before."""
    what = tracked(policy)
    id = getattr(before, "tracking_id", None) or str(uuid.uuid4())
    policy.tracking_id = id
    _put(policy, what, high_alarm(policy), "GreaterThanThreshold", what.target, HIGH_PERIODS)
    if what.scales_in:
        _put(policy, what, low_alarm(policy), "LessThanThreshold", what.target * LOW_SHARE, LOW_PERIODS)
    else:
        stores.cloudwatch(policy.autoscaling_backend.region_name).delete_alarms([low_alarm(policy)])


def drop_alarms(policy: Any) -> None:
    if getattr(policy, "tracking_id", None):
        backend = stores.cloudwatch(policy.autoscaling_backend.region_name)
        for name in (high_alarm(policy), low_alarm(policy)):
            backend.delete_alarms([name])


def high_alarm(policy: Any) -> str:
    return f"TargetTracking-{policy.auto_scaling_group_name}-AlarmHigh-{policy.tracking_id}"


def low_alarm(policy: Any) -> str:
    return f"TargetTracking-{policy.auto_scaling_group_name}-AlarmLow-{policy.tracking_id}"


def _put(policy: Any, what: Tracked, name: str, comparison: str, threshold: float, periods: int) -> None:
    stores.cloudwatch(policy.autoscaling_backend.region_name).put_metric_alarm(
        name=name,
        namespace=what.namespace,
        metric_name=what.name,
        comparison_operator=comparison,
        evaluation_periods=periods,
        period=60,
        threshold=threshold,
        statistic=what.statistic,
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        dimensions=[{"Name": key, "Value": value} for key, value in what.dimensions],
        alarm_actions=[policy.arn],
    )


def _labelled(label: str, region: str) -> tuple[tuple[str, str], ...]:
    """The dimensions of `app/NAME/ID/targetgroup/NAME/ID`. Raises Refused where that isn't behind that balancer."""
    balancer, found, group = label.partition("/targetgroup/")
    group = f"targetgroup/{group}"
    used = stores.balancers_by_target_group()
    behind = next((held for arn, held in used.items() if arn.endswith(f":{group}") and f":{region}:" in arn), None)
    if not found or behind is None or not behind.arn.endswith(f":loadbalancer/{balancer}"):
        raise Refused(
            "ValidationError", f"The load balancer and target group of the resource label {label!r} don't exist"
        )
    return ("LoadBalancer", balancer), ("TargetGroup", group)
