"""Rolling deployments of ECS services towards a task definition. Used by `driver.cloud.rollouts` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driver.cloud.failures import spoken
from driver.cloud.services import parts
from driver.release.rollout import Rollout, State

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_STATES: Mapping[str, State] = {
    "PENDING": "going",
    "IN_PROGRESS": "going",
    "SUCCESSFUL": "done",
    "STOP_REQUESTED": "stopping",
    "STOPPED": "stopped",
    "ROLLBACK_REQUESTED": "backing",
    "ROLLBACK_IN_PROGRESS": "backing",
    "ROLLBACK_SUCCESSFUL": "back",
    "ROLLBACK_FAILED": "failed",
}


def latest(ecs: ECSClient, name: str) -> Rollout | None:
    """The latest deployment, with the definition that it was to bring, whatever ECS has made of it since.

    Not read off the service's own list: that shows a rollback as one more deployment, of the old definition.
    """
    cluster, service = parts(name)
    with spoken(f"the deployments of {service}"):
        known = ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        if not known:
            return None
        arn = max(known, key=lambda one: one["createdAt"])["serviceDeploymentArn"]
        (found,) = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        revision = found["targetServiceRevision"]["arn"]
        (brought,) = ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    state = _STATES.get(found["status"], "going")
    if state == "stopped" and _triggered(found):
        state = "failed"
    return Rollout(brought["taskDefinition"], state, _reason(found), _percent(found))


def begin(ecs: ECSClient, name: str, definition: str) -> None:
    """The definition that the service has already begins nothing (UpdateService)."""
    cluster, service = parts(name)
    with spoken(f"the service {service}"):
        ecs.update_service(cluster=cluster, service=service, taskDefinition=definition)


def _triggered(found: Mapping[str, Any]) -> bool:
    return (found.get("deploymentCircuitBreaker") or {}).get("status") == "TRIGGERED"


def _reason(found: Mapping[str, Any]) -> str:
    return (found.get("rollback") or {}).get("reason") or found.get("statusReason") or ""


def _percent(found: Mapping[str, Any]) -> int:
    target = found.get("targetServiceRevision") or {}
    wanted, running = target.get("requestedTaskCount") or 0, target.get("runningTaskCount") or 0
    return min(100, 100 * running // wanted) if wanted else 0
