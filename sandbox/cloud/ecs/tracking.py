"""Scaling policies of services at work: an alarm fires, and a service's desired count changes, within its bounds."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import Clock
from sandbox.cloud.ecs.model import Service, Store
from sandbox.cloud.ecs.scalable import DIMENSION, ScalableTargets
from sandbox.cloud.refusals import Refused
from sandbox.cloud.watch import adjusting
from sandbox.cloud.watch.adjusting import Breach

HIGH_PERIODS, LOW_PERIODS = 3, 15  # datapoints of a minute that must breach
LOW_SHARE = 0.9  # of the target: below it there is too much capacity
Load = tuple[str, tuple[tuple[str, str], ...], list[str]]
"""Of a service: its region, its dimensions, the addresses of its tasks."""
COOLDOWN = 300.0  # what Application Auto Scaling takes for services where a policy says nothing


@dataclass
class ServiceScaling:
    clock: Clock
    targets: ScalableTargets
    store: Callable[[str], Store]
    wake: Callable[[], None]
    _moved: dict[str, tuple[float, int, int]] = field(default_factory=dict)

    def fire(self, arn: str, breach: Breach) -> str | None:
        """Does what the policy of that ARN says. Returns why that is impossible."""
        region = arn.split(":")[3]
        backend = _backend(region)
        policy = next((each for each in backend.policies.values() if each.policy_arn == arn), None)
        target = backend.targets.get(DIMENSION, {}).get(policy.resource_id) if policy is not None else None
        service = self.targets.service(region, policy.resource_id) if policy is not None else None
        if policy is None or target is None or service is None:
            return f"there is no scaling policy {arn}"
        if policy.policy_type == "TargetTrackingScaling":
            self._track(region, target, service, policy, breach)
        else:
            self._step(region, target, service, policy, breach)
        return None

    def _track(self, region: str, target: Any, service: Service, policy: Any, breach: Breach) -> None:
        config = policy.target_tracking_scaling_policy_configuration
        serving = self._serving(region, service)
        if breach.value is None or not serving:
            return
        wanted = adjusting.proportional(serving, breach.value, float(config["TargetValue"]))
        if breach.value > float(config["TargetValue"]):
            if wanted > service.desired:
                self._move(region, target, service, wanted, float(config.get("ScaleOutCooldown", COOLDOWN)), breach)
        elif not config.get("DisableScaleIn") and wanted < service.desired:
            self._move(region, target, service, wanted, float(config.get("ScaleInCooldown", COOLDOWN)), breach)

    def _step(self, region: str, target: Any, service: Service, policy: Any, breach: Breach) -> None:
        config = policy.step_scaling_policy_configuration
        by = adjusting.step(config.get("StepAdjustments") or [], breach.by)
        if by is not None:
            least = int(config.get("MinAdjustmentMagnitude") or 0)
            at, after, before = self._moved.get(service.arn, (0.0, 0, 0))
            # What the same breach has added already counts as done while it cools down.
            cools = self.clock.now() < at + float(config.get("Cooldown", COOLDOWN)) and after > before
            base = before if cools else service.desired
            wanted = adjusting.adjusted(base, config.get("AdjustmentType", "ChangeInCapacity"), by, least)
            self._move(region, target, service, wanted, float(config.get("Cooldown", COOLDOWN)), breach)

    def _move(self, region: str, target: Any, service: Service, wanted: int, cooldown: float, breach: Breach) -> None:
        wanted = max(target.min_capacity, min(wanted, target.max_capacity))
        out = wanted > service.desired
        suspended = target.suspended_state or {}
        if wanted == service.desired or suspended.get(f"DynamicScaling{'Out' if out else 'In'}Suspended"):
            return
        if not out and service.primary.state == "IN_PROGRESS":
            return  # no service is made smaller while it deploys
        at, before, _ = self._moved.get(service.arn, (-cooldown, 0, 0))
        # In a cooldown only more than what began it is done at once.
        if self.clock.now() < at + cooldown and not (out and wanted > before):
            return
        self._moved[service.arn] = self.clock.now(), wanted, service.desired
        self.targets.scale(region, target, wanted, f"monitor alarm {breach.alarm} in state ALARM triggered policy")
        self.wake()

    def _serving(self, region: str, service: Service) -> int:
        tasks = self.store(region).tasks.values()
        return sum(task.service is service and task.stays and task.status == "RUNNING" for task in tasks)


def keep_alarms(region: str, policy: Any, before: Any | None) -> None:
    """Makes the two alarms of a target tracking policy, under the names that it had before. Raises Refused."""
    policy.alarms = []
    if policy.policy_type != "TargetTrackingScaling" or policy.service_namespace != "ecs":
        return
    config = policy.target_tracking_scaling_policy_configuration
    policy.tracking_id = getattr(before, "tracking_id", None) or str(uuid.uuid4())
    namespace, name, statistic, places = _tracked(region, policy, config)
    wanted = [("AlarmHigh", "GreaterThanThreshold", 1.0, HIGH_PERIODS)]
    if not config.get("DisableScaleIn"):
        wanted.append(("AlarmLow", "LessThanThreshold", LOW_SHARE, LOW_PERIODS))
    for kind, comparison, share, periods in wanted:
        alarm = stores.cloudwatch(region).put_metric_alarm(
            name=f"TargetTracking-{policy.resource_id}-{kind}-{policy.tracking_id}",
            namespace=namespace,
            metric_name=name,
            comparison_operator=comparison,
            evaluation_periods=periods,
            period=60,
            threshold=float(config["TargetValue"]) * share,
            statistic=statistic,
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.policy_arn}.",
            dimensions=[{"Name": key, "Value": value} for key, value in places],
            alarm_actions=[policy.policy_arn],
        )
        policy.alarms.append(alarm)


def _tracked(region: str, policy: Any, config: dict[str, Any]) -> tuple[str, str, str, list[tuple[str, str]]]:
    """Namespace, name, statistic and dimensions of what a policy keeps level. Raises Refused."""
    if custom := config.get("CustomizedMetricSpecification"):
        places = [(each["Name"], each["Value"]) for each in custom.get("Dimensions") or []]
        return custom["Namespace"], custom["MetricName"], custom["Statistic"], places
    predefined = config.get("PredefinedMetricSpecification") or {}
    kind = predefined.get("PredefinedMetricType")
    _, cluster, service = policy.resource_id.split("/")
    own = [("ClusterName", cluster), ("ServiceName", service)]
    if kind in ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"):
        return "AWS/ECS", kind.removeprefix("ECSServiceAverage"), "Average", own
    if kind == "ALBRequestCountPerTarget":
        balancer, found, group = (predefined.get("ResourceLabel") or "").partition("/targetgroup/")
        used = stores.balancers_by_target_group()
        behind = next((held for arn, held in used.items() if arn.endswith(f":targetgroup/{group}")), None)
        if not found or behind is None or not behind.arn.endswith(f":loadbalancer/{balancer}"):
            raise Refused("ValidationException", "The resource label's load balancer and target group don't exist")
        return (
            "AWS/ApplicationELB",
            "RequestCountPerTarget",
            "Sum",
            [("LoadBalancer", balancer), ("TargetGroup", f"targetgroup/{group}")],
        )
    raise Refused("ValidationException", f"The predefined metric type {kind} is not supported for ecs in {region}")


def loads(store: Store) -> list[Load]:
    """Of each service, for what it reports of its tasks."""
    return [
        (
            store.region,
            (("ClusterName", service.cluster.name), ("ServiceName", service.name)),
            [task.ip for task in store.tasks.values() if task.service is service and task.status == "RUNNING"],
        )
        for service in store.services.values()
        if service.status == "ACTIVE"
    ]


def _backend(region: str) -> Any:
    from moto.applicationautoscaling.models import applicationautoscaling_backends

    return applicationautoscaling_backends[stores.ACCOUNT][region]
