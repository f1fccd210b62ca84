"""What holds a color's capacity, whatever its platform: scaling groups, and ECS services by the record's word for them.

Used by `driver.cloud.aws` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from driver.cloud import services
from driver.cloud.failures import spoken
from driver.release.snapshot import Capacity
from infra.record import SERVICE

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

Clients = Callable[[str], Any]
"""A client of a service, made when it is first needed."""


def capacities(clients: Clients, names: Sequence[str]) -> Mapping[str, Capacity]:
    """By name; what does not exist is left out."""
    groups = [name for name in names if name and not name.startswith(SERVICE)]
    tasks = [name for name in names if name.startswith(SERVICE)]
    found = _groups(clients("autoscaling"), groups) if groups else {}
    return (
        {**found, **services.capacities(clients("ecs"), clients("application-autoscaling"), tasks)} if tasks else found
    )


def set_desired(clients: Clients, name: str, desired: int) -> None:
    """How many instances or tasks there are to be, within the bounds that the stack has set."""
    if name.startswith(SERVICE):
        services.set_desired(clients("ecs"), name, desired)
        return
    with spoken(f"the scaling group {name}"):
        clients("autoscaling").set_desired_capacity(
            AutoScalingGroupName=name, DesiredCapacity=desired, HonorCooldown=False
        )


def failures(clients: Clients, name: str, log_group: str, template: str = "") -> tuple[str, ...]:
    """Why instances or tasks lately never came into service: a line for each reason, newest first."""
    if name.startswith(SERVICE):
        return services.failures(clients("ecs"), name, template)
    from driver.cloud import launches
    from driver.cloud.logs import last

    return launches.failures(clients("autoscaling"), name, lambda id: last(clients("logs"), log_group, f"{id}/failure"))


def _groups(scaling: AutoScalingClient, names: Sequence[str]) -> dict[str, Capacity]:
    with spoken("scaling groups"):
        found = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(names))["AutoScalingGroups"]
    return {
        group["AutoScalingGroupName"]: Capacity(
            name=group["AutoScalingGroupName"],
            least=group["MinSize"],
            most=group["MaxSize"],
            desired=group["DesiredCapacity"],
            instances=tuple(instance["InstanceId"] for instance in group["Instances"]),
            tags={tag["Key"]: tag.get("Value", "") for tag in group.get("Tags", [])},
            template=version(group.get("LaunchTemplate")),
            launched={
                instance["InstanceId"]: version(instance["LaunchTemplate"])
                for instance in group["Instances"]
                if instance.get("LaunchTemplate")
            },
        )
        for group in found
    }


def version(template: Mapping[str, Any] | None) -> str:
    """A launch template's version, as the record writes it."""
    return f"{template.get('LaunchTemplateId', '')}:{template.get('Version', '')}" if template else ""
