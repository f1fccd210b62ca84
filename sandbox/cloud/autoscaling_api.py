"""The Auto Scaling API as the sandbox answers it: capacity that only says what is wanted, and what moto drops kept."""

from typing import Any

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloud import activities
from sandbox.cloud.clock import timestamp
from sandbox.cloud.members import members_of
from sandbox.cloud.refusals import Refused
from sandbox.cloud.scaling import Fleet, Scaling
from sandbox.cloud.seam import Seam

# What a request says besides, by the names under which moto's answer looks for it.
KEPT = {
    "DefaultCooldown": "default_cooldown",
    "DefaultInstanceWarmup": "default_instance_warmup",
    "TerminationPolicies": "termination_policies",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "PlacementGroup": "placement_group",
    "CapacityRebalance": "capacity_rebalance",
    "ServiceLinkedRoleARN": "service_linked_role_arn",
    "DesiredCapacityType": "desired_capacity_type",
    "Context": "context",
}


def install(seam: Seam, scaling: Scaling) -> None:
    _capacity(seam, scaling)
    _groups(seam, scaling)
    _instances(seam, scaling)
    _activities(seam, scaling)


def _nothing(*_: Any, **__: Any) -> None:
    """The controllers do it, when it is due."""


def _capacity(seam: Seam, scaling: Scaling) -> None:
    for name in ("update_attached_target_groups", "update_attached_elbs", "notify_terminate_instances"):
        seam.replace(AutoScalingBackend, name, _nothing)

    @seam.instead(FakeAutoScalingGroup, "set_desired_capacity")
    def set_desired_capacity(group: Any, wanted: int | None) -> None:
        old = getattr(group, "desired_capacity", None)
        group.desired_capacity = group.min_size if wanted is None else wanted
        if old != group.desired_capacity:
            scaling.changed(group, old)

    @seam.around(FakeAutoScalingGroup, "update")
    def update(original: Any, group: Any, **wanted: Any) -> None:
        # moto compares the new bounds with the instances that are there; AWS with the capacity that was asked for.
        if wanted.get("desired_capacity") is None:
            low = group.min_size if wanted.get("min_size") is None else wanted["min_size"]
            high = group.max_size if wanted.get("max_size") is None else wanted["max_size"]
            wanted["desired_capacity"] = min(max(group.desired_capacity, low), high)
        if wanted.get("mixed_instances_policy") is None:
            wanted["mixed_instances_policy"] = group.mixed_instances_policy
        original(group, **wanted)


def _groups(seam: Seam, scaling: Scaling) -> None:
    @seam.around(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, response: Any) -> ActionResult:
        answer: ActionResult = original(response)
        group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
        # moto takes 0 for "not given" and makes 300 of it; AWS's default is 0.
        group.health_check_grace_period = response._get_int_param("HealthCheckGracePeriod", 0)
        _keep(response, group)
        for hook in response._get_param("LifecycleHookSpecificationList", []) or []:
            response.autoscaling_backend.create_lifecycle_hook(
                hook["LifecycleHookName"],
                group.name,
                hook["LifecycleTransition"],
                hook.get("HeartbeatTimeout"),
                hook.get("DefaultResult"),
            )
        return answer

    @seam.around(AutoScalingResponse, "update_auto_scaling_group")
    def update(original: Any, response: Any) -> ActionResult:
        answer: ActionResult = original(response)
        _keep(response, response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")])
        return answer

    @seam.instead(AutoScalingResponse, "delete_auto_scaling_group")
    def delete(response: Any) -> ActionResult:
        name = response._get_param("AutoScalingGroupName")
        group = response.autoscaling_backend.autoscaling_groups.get(name)
        if group is None:
            raise Refused("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        if not response._get_bool_param("ForceDelete", False):
            if any(member.counts for member in members_of(group)) or group.desired_capacity:
                raise Refused(
                    "ResourceInUse",
                    "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
                    "request(s) still in the group.",
                )
            if group.instance_states:
                raise Refused(
                    "ScalingActivityInProgress",
                    "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that "
                    "group.",
                )
        scaling.delete(group)
        return EmptyResult()


def _keep(response: Any, group: Any) -> None:
    for parameter, name in KEPT.items():
        value = response._get_param(parameter)
        if value is not None:
            setattr(group, name, value)


def _instances(seam: Seam, scaling: Scaling) -> None:
    @seam.instead(AutoScalingBackend, "terminate_instance")
    def terminate(backend: Any, instance_id: str, should_decrement: bool) -> Any:
        for group in backend.autoscaling_groups.values():
            for member in members_of(group):
                if member.id == instance_id:
                    return _terminate(scaling, group, member, should_decrement)
        raise Refused(
            "ValidationError", f"Instance Id not found - No managed instance found for instance ID {instance_id}"
        )

    @seam.around(AutoScalingBackend, "attach_instances")
    def attach(original: Any, backend: Any, group_name: str, instance_ids: list[str]) -> None:
        original(backend, group_name, instance_ids)
        scaling.attached(backend.autoscaling_groups[group_name])

    @seam.instead(AutoScalingBackend, "detach_load_balancer_target_groups")
    def detach(backend: Any, group_name: str, target_group_arns: list[str]) -> None:
        group = backend.autoscaling_groups[group_name]
        group.target_group_arns = [arn for arn in group.target_group_arns if arn not in target_group_arns]


def _terminate(scaling: Scaling, group: Any, member: Any, should_decrement: bool) -> Any:
    old = group.desired_capacity
    if should_decrement:
        if old - 1 < (group.min_size or 0):
            raise Refused(
                "ValidationError",
                f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without replacement "
                f"will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false "
                "or lower group's min size.",
            )
        group.desired_capacity = old - 1
    cause = f"At {timestamp()} instance {member.id} was taken out of service in response to a user request" + (
        f", shrinking the capacity from {old} to {old - 1}." if should_decrement else "."
    )
    return scaling.let_go(group, member, cause)


def _activities(seam: Seam, scaling: Scaling) -> None:
    @seam.instead(AutoScalingResponse, "describe_scaling_activities")
    def describe(response: Any) -> ActionResult:
        name = response._get_param("AutoScalingGroupName")
        wanted = response._get_param("ActivityIds", []) or []
        gone = response._get_bool_param("IncludeDeletedGroups", False)
        groups = {group.arn: group for group in response.autoscaling_backend.autoscaling_groups.values()}
        if name and not gone and name not in response.autoscaling_backend.autoscaling_groups:
            raise Refused("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
        found = []
        for arn, fleet in scaling.fleets.items():
            if (arn in groups or gone) and f":autoscaling:{response.region}:" in arn:
                found += _matching(fleet, name, wanted)
        found.sort(key=lambda activity: activity.start_time, reverse=True)
        first = int(response._get_param("NextToken") or 0)
        last = first + int(response._get_int_param("MaxRecords") or 100)
        more = str(last) if len(found) > last else None
        return ActionResult({"Activities": found[first:last], "NextToken": more})


def _matching(fleet: Fleet, name: str | None, wanted: list[str]) -> list[activities.Activity]:
    return [
        activity
        for activity in fleet.activities
        if (not name or activity.auto_scaling_group_name == name) and (not wanted or activity.activity_id in wanted)
    ]
