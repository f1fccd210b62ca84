"""Scaling groups: capacities out of bounds, and names, subnets, templates and target groups that don't exist."""

from collections import OrderedDict
from typing import Any

from moto.autoscaling.models import AutoScalingBackend, autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException

from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam
from sandbox.cloud.stores import ACCOUNT

HEALTH_CHECKS = {"EC2", "ELB", "VPC_LATTICE", "EBS"}


class Groups(OrderedDict[str, Any]):
    """moto's table of groups, which says by AWS's error that one isn't there."""

    def __missing__(self, name: str) -> Any:
        raise Refused("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")


def install(seam: Seam) -> None:
    @seam.around(AutoScalingBackend, "__init__")
    def init(original: Any, backend: Any, *args: Any, **kwargs: Any) -> None:
        original(backend, *args, **kwargs)
        backend.autoscaling_groups = Groups()

    for backend in autoscaling_backends[ACCOUNT].values():
        backend.autoscaling_groups = Groups(backend.autoscaling_groups)

    @seam.around(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, response: Any) -> Any:
        name = response._get_param("AutoScalingGroupName") or ""
        backend = response.autoscaling_backend
        if not name or ":" in name:
            raise Refused("ValidationError", f"Group name '{name}' is not valid: it must not be empty or contain ':'")
        if name in backend.autoscaling_groups:
            raise Refused(
                "AlreadyExists",
                f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
            )
        low, high = response._get_int_param("MinSize"), response._get_int_param("MaxSize")
        if low is None or high is None:
            raise Refused("ValidationError", "MinSize and MaxSize must be specified")
        _check_bounds(low, high, response._get_int_param("DesiredCapacity"))
        _check_rest(response)
        return original(response)

    @seam.around(AutoScalingResponse, "update_auto_scaling_group")
    def update(original: Any, response: Any) -> Any:
        group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
        _check_not_deleting(group)
        low, high = response._get_int_param("MinSize"), response._get_int_param("MaxSize")
        _check_bounds(
            group.min_size if low is None else low,
            group.max_size if high is None else high,
            response._get_int_param("DesiredCapacity"),
        )
        _check_rest(response)
        return original(response)

    @seam.around(AutoScalingResponse, "set_desired_capacity")
    def set_desired_capacity(original: Any, response: Any) -> Any:
        group = response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]
        _check_not_deleting(group)
        wanted = response._get_int_param("DesiredCapacity")
        if wanted > group.max_size:
            raise _beyond(wanted, "above max", group.max_size)
        if wanted < group.min_size:
            raise _beyond(wanted, "below min", group.min_size)
        return original(response)

    @seam.around(AutoScalingResponse, "set_instance_health")
    def set_instance_health(original: Any, response: Any) -> Any:
        id, status = response._get_param("InstanceId"), response._get_param("HealthStatus")
        if status not in ("Healthy", "Unhealthy"):
            raise Refused("ValidationError", f"Valid instance health states are: [Healthy, Unhealthy], not {status}")
        groups = response.autoscaling_backend.autoscaling_groups.values()
        if not any(member.instance.id == id for group in groups for member in group.instance_states):
            raise Refused("ValidationError", f"Instance Id not found - No managed instance found for instance ID {id}")
        return original(response)

    @seam.around(AutoScalingResponse, "attach_load_balancer_target_groups")
    def attach(original: Any, response: Any) -> Any:
        _check_target_groups(response)
        return original(response)


def _beyond(wanted: int, how: str, bound: int) -> Refused:
    return Refused(
        "ValidationError", f"New SetDesiredCapacity value {wanted} is {how} value {bound} for the AutoScalingGroup."
    )


def _check_not_deleting(group: Any) -> None:
    if getattr(group, "status", None):
        raise Refused("ScalingActivityInProgress", f"AutoScalingGroup {group.name} is being deleted")


def _check_bounds(low: int, high: int, desired: int | None) -> None:
    if low < 0 or high < 0:
        raise Refused("ValidationError", "Min and max bounds must not be negative")
    if low > high:
        raise Refused("ValidationError", f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if desired is not None and not low <= desired <= high:
        raise Refused(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}",
        )


def _check_rest(response: Any) -> None:
    kind = response._get_param("HealthCheckType")
    if kind is not None and not set(kind.split(",")) <= HEALTH_CHECKS:
        raise Refused("ValidationError", f"Invalid health check type: {kind}")
    grace = response._get_int_param("HealthCheckGracePeriod")
    if grace is not None and grace < 0:
        raise Refused("ValidationError", "Health check grace period must be greater than or equal to 0")
    ec2 = response.autoscaling_backend.ec2_backend
    known = {id for held in ec2.subnets.values() for id in held}
    for id in (response._get_param("VPCZoneIdentifier") or "").split(","):
        if id.strip() and id.strip() not in known:
            raise Refused("ValidationError", f"The subnet ID '{id.strip()}' does not exist")
    _check_target_groups(response)
    template = response._get_param("LaunchTemplate")
    if template:
        _check_template(ec2, template)


def _check_target_groups(response: Any) -> None:
    known = response.autoscaling_backend.elbv2_backend.target_groups
    if any(arn not in known for arn in response._get_param("TargetGroupARNs", []) or []):
        raise Refused(
            "ValidationError", "Provided Target Groups may not be valid. Please ensure they exist and try again."
        )


def _check_template(ec2: Any, given: dict[str, Any]) -> None:
    prefix = "You must use a valid fully-formed launch template. "
    try:
        id, name = given.get("LaunchTemplateId"), given.get("LaunchTemplateName")
        template = ec2.get_launch_template(id) if id else ec2.get_launch_template_by_name(name)
        version = template.get_version(given.get("Version") or "$Default")
    except ServiceException as error:
        raise Refused("ValidationError", prefix + str(error.message)) from error
    except ValueError as error:
        raise Refused("ValidationError", f"{prefix}Invalid launch template version {given.get('Version')!r}") from error
    if not version.image_id:
        raise Refused("ValidationError", prefix + "The request must contain the parameter ImageId")
