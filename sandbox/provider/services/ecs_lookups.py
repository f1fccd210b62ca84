"""Finding clusters, services and task definitions that are there."""

from __future__ import annotations

import json

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider import tagging
from sandbox.provider.resource import Job
from sandbox.provider.services.ecs import ecs
from sandbox.provider.services.ecs_task_definition import definition_outputs


def get_cluster(job: Job) -> Properties:
    name = job.news["clusterName"]
    found = ecs(job).describe_clusters(clusters=[name], include=["TAGS", "SETTINGS", "CONFIGURATIONS"])["clusters"]
    if not found:
        raise ProviderError(f"reading ECS Cluster ({name}): couldn't find resource")
    held = found[0]
    return {
        "id": held["clusterArn"],
        "arn": held["clusterArn"],
        "clusterName": name,
        "pendingTasksCount": held["pendingTasksCount"],
        "registeredContainerInstancesCount": held["registeredContainerInstancesCount"],
        "runningTasksCount": held["runningTasksCount"],
        "serviceConnectDefaults": [held["serviceConnectDefaults"]] if held.get("serviceConnectDefaults") else [],
        "settings": held.get("settings", []),
        "status": held["status"],
        "region": job.region,
        "tags": tagging.as_map(held.get("tags"), "key", "value"),
    }


def get_service(job: Job) -> Properties:
    cluster, name = job.news["clusterArn"], job.news["serviceName"]
    found = ecs(job).describe_services(cluster=cluster, services=[name], include=["TAGS"])["services"]
    if not found:
        raise ProviderError(f"reading ECS Service ({name}): couldn't find resource")
    held = json.loads(json.dumps(found[0], default=str))
    network = (held.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    return {
        "id": held["serviceArn"],
        "arn": held["serviceArn"],
        "clusterArn": cluster,
        "serviceName": name,
        "region": job.region,
        "availabilityZoneRebalancing": held.get("availabilityZoneRebalancing"),
        "capacityProviderStrategies": held.get("capacityProviderStrategy", []),
        "createdAt": held["createdAt"],
        "createdBy": held["createdBy"],
        "deploymentConfigurations": [
            {
                "maximumPercent": held["deploymentConfiguration"]["maximumPercent"],
                "minimumHealthyPercent": held["deploymentConfiguration"]["minimumHealthyPercent"],
                "deploymentCircuitBreakers": [held["deploymentConfiguration"]["deploymentCircuitBreaker"]],
                "strategy": held["deploymentConfiguration"]["strategy"],
            }
        ],
        "deploymentControllers": [held["deploymentController"]],
        "deployments": held["deployments"],
        "desiredCount": held["desiredCount"],
        "enableEcsManagedTags": held["enableECSManagedTags"],
        "enableExecuteCommand": held["enableExecuteCommand"],
        "events": held["events"],
        "healthCheckGracePeriodSeconds": held.get("healthCheckGracePeriodSeconds", 0),
        "iamRole": held.get("roleArn", ""),
        "launchType": held.get("launchType", ""),
        "loadBalancers": held["loadBalancers"],
        "networkConfigurations": [
            {
                "subnets": network["subnets"],
                "securityGroups": network["securityGroups"],
                "assignPublicIp": network["assignPublicIp"] == "ENABLED",
            }
        ]
        if network
        else [],
        "orderedPlacementStrategies": [],
        "pendingCount": held["pendingCount"],
        "placementConstraints": [],
        "platformFamily": held.get("platformFamily"),
        "platformVersion": held.get("platformVersion"),
        "propagateTags": held.get("propagateTags"),
        "runningCount": held["runningCount"],
        "schedulingStrategy": held["schedulingStrategy"],
        "serviceRegistries": [],
        "status": held["status"],
        "tags": tagging.as_map(held.get("tags"), "key", "value"),
        "taskDefinition": held["taskDefinition"],
        "taskSets": [],
    }


def get_task_definition(job: Job) -> Properties:
    name = job.news["taskDefinition"]
    held = ecs(job).describe_task_definition(taskDefinition=name)["taskDefinition"]
    storage = held.get("ephemeralStorage")
    return {
        **definition_outputs(held),
        "id": held["taskDefinitionArn"],
        "taskDefinition": name,
        "region": job.region,
        "status": held["status"],
        "ipcMode": held.get("ipcMode", ""),
        "ephemeralStorages": [{"sizeInGib": storage["sizeInGiB"]}] if storage else [],
        "placementConstraints": [],
        "proxyConfigurations": [],
        "requiresCompatibilities": held.get("requiresCompatibilities", []),
        "runtimePlatforms": [held["runtimePlatform"]] if held.get("runtimePlatform") else [],
        "volumes": [{"name": each["name"]} for each in held.get("volumes", [])],
    }


LOOKUPS = {
    "aws:ecs/getCluster:getCluster": get_cluster,
    "aws:ecs/getService:getService": get_service,
    "aws:ecs/getTaskDefinition:getTaskDefinition": get_task_definition,
}
