"""ECS services as what holds a color's capacity: their bounds, their tasks' addresses, why tasks ended.

The record's word for one is `ecs:<cluster>/<service>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from driver.cloud.failures import spoken
from driver.release.lines import LostLaunch, told
from driver.release.snapshot import Capacity, Crew
from infra.record import SERVICE

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_RECENT = timedelta(hours=1)
_DIMENSION = "ecs:service:DesiredCount"
_ENDED_BY_ITSELF = {"TaskFailedToStart", "EssentialContainerExited", "SpotInterruption"}
_MOST = 100
"""Tasks in one DescribeTasks."""
_FEW = 10
"""Services in one DescribeServices."""


def capacities(ecs: ECSClient, scaling: Any, names: Sequence[str]) -> dict[str, Capacity]:
    """By the record's word; a service that is gone, or on its way out, is left out."""
    found = {name: active(ecs, name) for name in names}
    held = {name: service for name, service in found.items() if service is not None}
    bounds = _bounds(scaling, list(held)) if held else {}
    return {name: _capacity(ecs, name, service, bounds.get(_resource(name))) for name, service in held.items()}


def _capacity(ecs: ECSClient, name: str, service: Mapping[str, Any], bounds: tuple[int, int] | None) -> Capacity:
    least, most = bounds or (0, service["desiredCount"])
    launched = _addresses(ecs, name)
    return Capacity(
        name=name,
        least=least,
        most=most,
        desired=service["desiredCount"],
        instances=tuple(launched),
        tags={tag["key"]: tag.get("value", "") for tag in service.get("tags", [])},
        template=service["taskDefinition"],
        launched=launched,
    )


def crews(ecs: ECSClient, names: Sequence[str]) -> dict[str, Crew]:
    """Of services without traffic, all in one cluster each; those that are gone, or on their way out, are left out."""
    found: dict[str, Crew] = {}
    by_cluster: dict[str, list[str]] = {}
    for name in names:
        by_cluster.setdefault(parts(name)[0], []).append(name)
    for cluster, held in by_cluster.items():
        for at in range(0, len(held), _FEW):
            found |= _crews(ecs, cluster, held[at : at + _FEW])
    return found


def _crews(ecs: ECSClient, cluster: str, names: Sequence[str]) -> dict[str, Crew]:
    wanted = {parts(name)[1]: name for name in names}
    try:
        with spoken(f"the workers' services of {cluster}"):
            found = ecs.describe_services(cluster=cluster, services=list(wanted))["services"]
    except LookupError:
        return {}
    return {
        wanted[one["serviceName"]]: Crew(one["desiredCount"], one["runningCount"])
        for one in found
        if one["status"] == "ACTIVE"
    }


def set_desired(ecs: ECSClient, name: str, desired: int) -> None:
    cluster, service = parts(name)
    with spoken(f"the service {service}"):
        ecs.update_service(cluster=cluster, service=service, desiredCount=desired)


def failures(ecs: ECSClient, name: str, definition: str = "") -> tuple[str, ...]:
    """Why tasks ended by themselves lately, and that the deployment was given up, where ECS says so.

    `definition`: the tasks' own, where it is not the service's any more.
    """
    service = active(ecs, name)
    if service is None:
        return ()
    broken = [
        LostLaunch("", one.get("rolloutStateReason", "").rstrip("."))
        for one in service["deployments"]
        if _given_up(one)
    ]
    earliest, wanted = datetime.now(UTC) - _RECENT, definition or service["taskDefinition"]
    ended = [
        task
        for task in _tasks(ecs, name, "STOPPED")
        if task["taskDefinitionArn"] == wanted and task.get("stoppedAt", earliest) > earliest
    ]
    ended.sort(key=lambda task: task.get("stoppedAt", earliest), reverse=True)
    return told([*broken, *(LostLaunch(_id(task), reason(task)) for task in ended if _lost(task))])


def active(ecs: ECSClient, name: str) -> Mapping[str, Any] | None:
    """A service as ECS describes it; None for one that is gone, or on its way out."""
    cluster, service = parts(name)
    try:
        with spoken(f"the service {service}"):
            found = ecs.describe_services(cluster=cluster, services=[service], include=["TAGS"])["services"]
    except LookupError:
        return None
    return next((one for one in found if one["status"] == "ACTIVE"), None)


def _bounds(scaling: Any, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    with spoken("scalable targets"):
        found = scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[_resource(name) for name in names], ScalableDimension=_DIMENSION
        )["ScalableTargets"]
    return {one["ResourceId"]: (one["MinCapacity"], one["MaxCapacity"]) for one in found}


def _addresses(ecs: ECSClient, name: str) -> dict[str, str]:
    """The definition that each task runs, by the task's address."""
    return {address: task["taskDefinitionArn"] for task in _tasks(ecs, name, "RUNNING") for address in _address(task)}


def _tasks(ecs: ECSClient, name: str, wanted: Literal["RUNNING", "STOPPED"]) -> Iterator[Mapping[str, Any]]:
    cluster, service = parts(name)
    with spoken(f"the tasks of {service}"):
        pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=service, desiredStatus=wanted)
        arns = [arn for page in pages for arn in page["taskArns"]]
        for at in range(0, len(arns), _MOST):
            yield from ecs.describe_tasks(cluster=cluster, tasks=arns[at : at + _MOST])["tasks"]


def _address(task: Mapping[str, Any]) -> Iterator[str]:
    """None before its network is there."""
    for attachment in task.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail.get("name") == "privateIPv4Address":
                yield str(detail["value"])


def _given_up(deployment: Mapping[str, Any]) -> bool:
    return deployment.get("status") == "PRIMARY" and deployment.get("rolloutState") == "FAILED"


def _lost(task: Mapping[str, Any]) -> bool:
    return task.get("stopCode") in _ENDED_BY_ITSELF or "health check" in task.get("stoppedReason", "").lower()


def reason(task: Mapping[str, Any]) -> str:
    """Why a task ended, in ECS's words."""
    said = " ".join(task.get("stoppedReason", "").split()) or str(task.get("stopCode", "ended"))
    for container in task.get("containers", []):
        if container.get("reason") and container["reason"] not in said:
            said += f" ({container['reason']})"
        elif container.get("exitCode"):
            said += f" (exit code {container['exitCode']})"
    return said


def _id(task: Mapping[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]


def _resource(name: str) -> str:
    return "service/" + "/".join(parts(name))


def parts(name: str) -> tuple[str, str]:
    """Cluster and service."""
    cluster, _, service = name.removeprefix(SERVICE).partition("/")
    return cluster, service
