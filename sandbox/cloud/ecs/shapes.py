"""What the API answers of services, deployments, revisions and tasks. Changes nothing."""

from typing import Any

from sandbox.cloud.ecs import tagging
from sandbox.cloud.ecs.container_health import health_of
from sandbox.cloud.ecs.model import (
    STARTING,
    UP,
    Container,
    Deployment,
    Revision,
    Service,
    ServiceDeployment,
    Store,
    Task,
)
from sandbox.cloud.stores import ACCOUNT

Shape = dict[str, Any]
PLATFORM_FAMILY = "Linux"
LATEST = "1.4.0"
ECHOED = ("enableECSManagedTags", "enableExecuteCommand")


def service(store: Store, held: Service, include: set[str]) -> Shape:
    tasks = [task for task in store.tasks.values() if task.service is held]
    revision = held.primary.revision
    return _without_none(
        {
            "serviceArn": held.arn,
            "serviceName": held.name,
            "clusterArn": held.cluster.arn,
            "status": held.status,
            "desiredCount": held.desired,
            "runningCount": sum(task.status in UP for task in tasks),
            "pendingCount": sum(task.status in STARTING for task in tasks),
            "loadBalancers": revision.load_balancers,
            "serviceRegistries": [],
            **_runs_on(revision, revision.platform_version),
            "taskDefinition": revision.definition.arn,
            "deploymentConfiguration": held.configuration,
            "deployments": [deployment(held, each, tasks) for each in held.deployments]
            if held.status != "INACTIVE"
            else [],
            "roleArn": held.role if revision.load_balancers else None,
            "events": held.events,
            "createdAt": held.created_at,
            "createdBy": f"arn:aws:iam::{ACCOUNT}:root",
            "placementConstraints": [],
            "placementStrategy": [],
            "networkConfiguration": revision.network,
            "healthCheckGracePeriodSeconds": held.grace if revision.load_balancers else None,
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "propagateTags": held.given.get("propagateTags", "NONE"),
            "availabilityZoneRebalancing": held.given.get("availabilityZoneRebalancing", "ENABLED"),
            **{key: bool(held.given.get(key)) for key in ECHOED},
            "currentServiceDeployment": held.service_deployments[0].arn if held.service_deployments else None,
            "currentServiceRevisions": [_summary(each.revision, held, tasks, each) for each in held.deployments],
            "tags": tagging.listed(store, held.arn) if "TAGS" in include else None,
        }
    )


def deployment(held: Service, each: Deployment, tasks: list[Task]) -> Shape:
    mine = [task for task in tasks if task.deployment is each]
    primary = each is held.primary
    return _without_none(
        {
            "id": each.id,
            "status": "PRIMARY" if primary else "ACTIVE",
            "taskDefinition": each.revision.definition.arn,
            "desiredCount": held.desired if primary else sum(task.stays for task in mine),
            "pendingCount": sum(task.status in STARTING for task in mine),
            "runningCount": sum(task.status in UP for task in mine),
            "failedTasks": each.failed_tasks,
            "createdAt": each.created_at,
            "updatedAt": each.updated_at,
            **_runs_on(each.revision),
            "networkConfiguration": each.revision.network,
            "rolloutState": each.state,
            "rolloutStateReason": each.reason,
        }
    )


def service_deployment_brief(held: Service, each: ServiceDeployment) -> Shape:
    return _without_none(
        {
            "serviceDeploymentArn": each.arn,
            "serviceArn": held.arn,
            "clusterArn": held.cluster.arn,
            "createdAt": each.created_at,
            "startedAt": each.started_at,
            "finishedAt": each.finished_at,
            "targetServiceRevisionArn": each.target.arn,
            "status": each.status,
            "statusReason": each.reason,
        }
    )


def service_deployment(store: Store, held: Service, each: ServiceDeployment) -> Shape:
    tasks = [task for task in store.tasks.values() if task.service is held]
    breaker = {"status": each.breaker, "failureCount": each.failures, "threshold": each.threshold}
    brief = service_deployment_brief(held, each)
    brief.pop("targetServiceRevisionArn")
    return brief | _without_none(
        {
            "updatedAt": each.updated_at,
            "stoppedAt": each.stopped_at,
            "sourceServiceRevisions": [_summary(source, held, tasks) for source in each.sources],
            "targetServiceRevision": _summary(each.target, held, tasks, each.deployment),
            "deploymentConfiguration": each.configuration,
            "rollback": each.rollback,
            "deploymentCircuitBreaker": breaker,
            "alarms": {"status": "DISABLED"},
        }
    )


def revision(held: Service, each: Revision) -> Shape:
    return _without_none(
        {
            "serviceRevisionArn": each.arn,
            "serviceArn": held.arn,
            "clusterArn": held.cluster.arn,
            "taskDefinition": each.definition.arn,
            **_runs_on(each),
            "loadBalancers": each.load_balancers,
            "networkConfiguration": each.network,
            "containerImages": [
                _without_none(
                    {"containerName": c["name"], "image": c["image"], "imageDigest": each.digests.get(c["name"])}
                )
                for c in each.definition.containers
            ],
            "guardDutyEnabled": False,
            "createdAt": each.created_at,
        }
    )


def task(store: Store, held: Task, include: set[str]) -> Shape:
    given, definition = held.given, held.definition.given
    overrides = given.get("overrides") or {}
    return _without_none(
        {
            "taskArn": held.arn,
            "taskDefinitionArn": held.definition.arn,
            "clusterArn": held.cluster.arn,
            "group": held.group,
            "lastStatus": held.status,
            "desiredStatus": held.desired,
            "healthStatus": health_of(held),
            "availabilityZone": held.subnet.availability_zone,
            "attachments": [_attachment(held)],
            "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(held)}],
            "connectivity": "CONNECTED" if "connectivityAt" in held.times else None,
            "containers": [_container(held, each) for each in held.containers],
            "cpu": overrides.get("cpu") or definition.get("cpu"),
            "memory": overrides.get("memory") or definition.get("memory"),
            "enableExecuteCommand": bool(given.get("enableExecuteCommand")),
            "launchType": "FARGATE",
            "capacityProviderName": given.get("capacityProviderName"),
            "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **overrides},
            "platformVersion": LATEST,
            "platformFamily": PLATFORM_FAMILY,
            "startedBy": given.get("startedBy"),
            "stopCode": held.stop_code,
            "stoppedReason": held.stopped_reason,
            **held.times,
            "version": held.version,
            "ephemeralStorage": definition.get("ephemeralStorage") or {"sizeInGiB": 20},
            "tags": tagging.listed(store, held.arn) if "TAGS" in include else [],
        }
    )


def _container(held: Task, each: Container) -> Shape:
    return _without_none(
        {
            "containerArn": f"{held.arn.replace(':task/', ':container/')}/{each.name}",
            "taskArn": held.arn,
            "name": each.name,
            "image": each.definition["image"],
            "imageDigest": each.digest,
            "runtimeId": each.runtime_id or None,
            "lastStatus": each.status,
            "exitCode": each.exit_code,
            "reason": each.reason,
            "networkBindings": [],
            "networkInterfaces": [{"attachmentId": _attachment(held)["id"], "privateIpv4Address": held.ip}],
            "healthStatus": each.health,
            "cpu": str(each.definition.get("cpu", 0)),
            "memory": str(each.definition["memory"]) if each.definition.get("memory") else None,
        }
    )


def _attachment(held: Task) -> Shape:
    status = {"PROVISIONING": "PRECREATED", "STOPPED": "DELETED", "DEPROVISIONING": "DETACHING"}.get(held.status)
    details = {
        "subnetId": held.subnet.id,
        "networkInterfaceId": f"eni-{held.id[:17]}",
        "macAddress": held.mac,
        "privateDnsName": f"ip-{held.ip.replace('.', '-')}.{held.region}.compute.internal",
        "privateIPv4Address": held.ip,
    }
    return {
        "id": f"{held.id[:8]}-{held.id[8:12]}-{held.id[12:16]}-{held.id[16:20]}-{held.id[20:]}",
        "type": "ElasticNetworkInterface",
        "status": status or "ATTACHED",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }


def _architecture(held: Task) -> str:
    return str((held.definition.given.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64").lower()


def _runs_on(each: Revision, platform: str = "") -> Shape:
    """The service says "LATEST" where that was asked for, its deployments which one that is."""
    resolved = LATEST if each.platform_version == "LATEST" else each.platform_version
    return {
        "launchType": each.launch_type,
        "capacityProviderStrategy": each.strategy or None,
        "platformVersion": platform or resolved,
        "platformFamily": PLATFORM_FAMILY,
    }


def _summary(each: Revision, held: Service, tasks: list[Task], of: Deployment | None = None) -> Shape:
    mine = [task for task in tasks if task.deployment is not None and task.deployment.revision is each]
    wanted = held.desired if of is not None and of is held.primary else sum(task.stays for task in mine)
    return {
        "arn": each.arn,
        "requestedTaskCount": wanted,
        "runningTaskCount": sum(task.status in UP for task in mine),
        "pendingTaskCount": sum(task.status in STARTING for task in mine),
    }


def _without_none(shape: Shape) -> Shape:
    return {key: value for key, value in shape.items() if value is not None}
