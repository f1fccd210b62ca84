"""Scaling policies: kept by group, obeyed, and gone with it. moto keeps policies by their names alone."""

from typing import Any

from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloud import stores
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam
from sandbox.cloud.watch import tracking
from sandbox.cloud.watch.adjusting import Breach
from sandbox.cloud.watch.policies import Policies


def install(seam: Seam, policies: Policies) -> None:
    @seam.around(AutoScalingBackend, "put_scaling_policy")
    def put(original: Any, backend: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        group = backend.autoscaling_groups[kwargs["as_name"]]
        key = f"{group.name}/{name}"
        before = backend.policies.get(key)
        policy = original(backend, name, *args, **kwargs)
        del backend.policies[name]
        if policy.policy_type == "TargetTrackingScaling":
            tracking.keep_alarms(policy, before)
        elif before is not None:
            tracking.drop_alarms(before)
        backend.policies[key] = policy
        return policy

    @seam.around(AutoScalingResponse, "put_scaling_policy")
    def put_scaling_policy(original: Any, response: Any) -> ActionResult:
        original(response)
        group, name = response._get_param("AutoScalingGroupName"), response._get_param("PolicyName")
        policy = response.autoscaling_backend.policies[f"{group}/{name}"]
        policy.enabled = response._get_bool_param("Enabled", True)
        return ActionResult({"PolicyARN": policy.arn, "Alarms": _alarms(policy)})

    @seam.around(AutoScalingBackend, "describe_policies")
    def describe_policies(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
        found = original(backend, *args, **kwargs)
        for policy in found:
            policy.alarms = _alarms(policy)
        return found

    @seam.instead(AutoScalingResponse, "delete_policy")
    def delete(response: Any) -> ActionResult:
        tracking.drop_alarms(response.autoscaling_backend.policies.pop(_key(response)))
        return EmptyResult()

    @seam.instead(AutoScalingResponse, "execute_policy")
    def execute(response: Any) -> ActionResult:
        policy = response.autoscaling_backend.policies[_key(response)]
        if policy.policy_type == "TargetTrackingScaling":
            raise Refused("ValidationError", "Policies of type TargetTrackingScaling can't be executed")
        value, threshold = (response._get_param(name) for name in ("MetricValue", "BreachThreshold"))
        breach = Breach("", None if value is None else float(value), float(threshold or 0))
        group = response.autoscaling_backend.autoscaling_groups[policy.auto_scaling_group_name]
        policies.execute(group, policy, breach, honor_cooldown=response._get_bool_param("HonorCooldown", False))
        return EmptyResult()


def forget(backend: Any, group_name: str) -> None:
    """What a deleted group had."""
    for held in (backend.policies, backend.lifecycle_hooks):
        for key in [key for key, value in held.items() if value.auto_scaling_group_name == group_name]:
            tracking.drop_alarms(held.pop(key))


def _alarms(policy: Any) -> list[dict[str, str]]:
    """The alarms that set a policy off."""
    found = stores.cloudwatch(policy.autoscaling_backend.region_name).alarms.values()
    return [
        {"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn}
        for alarm in found
        if policy.arn in (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
    ]


def _key(response: Any) -> str:
    """Of the policy that a request names, by ARN or by name and group."""
    named, group = response._get_param("PolicyName"), response._get_param("AutoScalingGroupName")
    for key, policy in response.autoscaling_backend.policies.items():
        if policy.arn == named or (policy.name == named and group in (None, policy.auto_scaling_group_name)):
            return str(key)
    raise Refused("ValidationError", f"Policy name not found - {named}")
