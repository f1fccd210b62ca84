"""The API of clusters."""

from typing import Any

from sandbox.cloud.ecs import finding, tagging
from sandbox.cloud.ecs.model import STARTING, UP, Cluster, Store
from sandbox.cloud.ecs.refusals import client_error, invalid
from sandbox.cloud.refusals import Refused

Params = dict[str, Any]
PROVIDERS = ("FARGATE", "FARGATE_SPOT")


def create(store: Store, params: Params) -> Params:
    name = params.get("clusterName") or "default"
    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 255:
        raise invalid("Invalid identifier: Identifier is for cluster. Your identifier is " + name)
    held = store.clusters.get(name)
    if held is None or held.status != "ACTIVE":
        settings = params.get("settings") or [{"name": "containerInsights", "value": "disabled"}]
        _check_settings(settings)
        held = Cluster(name, store.region, settings, params.get("configuration"))
        held.service_connect = params.get("serviceConnectDefaults")
        _set_providers(held, params)
        store.clusters[name] = held
        store.tags.pop(held.arn, None)
        tagging.put(store, held.arn, params.get("tags"))
    return {"cluster": describe(store, held, {"TAGS", "SETTINGS", "CONFIGURATIONS"})}


def update(store: Store, params: Params) -> Params:
    held = finding.cluster(store, params.get("cluster"))
    if params.get("settings"):
        _check_settings(params["settings"])
        held.settings = params["settings"]
    if "configuration" in params:
        held.configuration = params["configuration"]
    if "serviceConnectDefaults" in params:
        held.service_connect = params["serviceConnectDefaults"]
    return {"cluster": describe(store, held, {"SETTINGS", "CONFIGURATIONS"})}


def put_providers(store: Store, params: Params) -> Params:
    held = finding.cluster(store, params.get("cluster"))
    _set_providers(held, params)
    return {"cluster": describe(store, held, {"SETTINGS"})}


def delete(store: Store, params: Params) -> Params:
    held = finding.cluster(store, params.get("cluster"))
    if any(each.cluster is held and each.status != "INACTIVE" for each in store.services.values()):
        raise Refused("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if any(each.cluster is held and each.status != "STOPPED" for each in store.tasks.values()):
        raise Refused("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    held.status = "INACTIVE"
    return {"cluster": describe(store, held, set())}


def describe_many(store: Store, params: Params) -> Params:
    found, missing = [], []
    for name in params.get("clusters") or ["default"]:
        held = store.clusters.get(finding.last(name))
        if held is None:
            missing.append(Cluster(finding.last(name), store.region, []).arn)
        else:
            found.append(describe(store, held, set(params.get("include") or [])))
    return {"clusters": found, "failures": finding.failures(missing)}


def list_clusters(store: Store, params: Params) -> Params:
    found = [held.arn for held in store.clusters.values() if held.status == "ACTIVE"]
    arns, token = finding.page(found, params.get("nextToken"), params.get("maxResults"))
    return {"clusterArns": arns, "nextToken": token}


def describe(store: Store, held: Cluster, include: set[str]) -> Params:
    tasks = [task for task in store.tasks.values() if task.cluster is held]
    services = [each for each in store.services.values() if each.cluster is held and each.status != "INACTIVE"]
    answer: Params = {
        "clusterArn": held.arn,
        "clusterName": held.name,
        "status": held.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(task.status in UP for task in tasks),
        "pendingTasksCount": sum(task.status in STARTING for task in tasks),
        "activeServicesCount": len(services),
        "statistics": [],
        "tags": tagging.listed(store, held.arn) if "TAGS" in include else [],
        "settings": held.settings if "SETTINGS" in include else [],
        "capacityProviders": held.capacity_providers,
        "defaultCapacityProviderStrategy": held.default_strategy,
    }
    if held.configuration and "CONFIGURATIONS" in include:
        answer["configuration"] = held.configuration
    if held.service_connect:
        answer["serviceConnectDefaults"] = held.service_connect
    return answer


def check_strategy(held: Cluster, strategy: list[Params]) -> None:
    """Raises Refused."""
    for item in strategy:
        name = item.get("capacityProvider")
        if name not in PROVIDERS:
            raise invalid(
                f"The specified capacity provider '{name}' was not found. Specify a valid name or ARN of a capacity "
                "provider and try again."
            )
        if name not in held.capacity_providers:
            raise invalid(f"The specified capacity provider {name} is not associated with the cluster.")
    if sum(bool(item.get("base")) for item in strategy) > 1:
        raise invalid("Only one capacity provider in a strategy can have a base defined.")
    if strategy and not any(item.get("weight") for item in strategy):
        raise invalid("A capacity provider strategy must have at least one provider with a weight greater than 0.")


def _set_providers(held: Cluster, params: Params) -> None:
    names = params.get("capacityProviders") or []
    for name in names:
        if name not in PROVIDERS:
            raise invalid(
                f"The specified capacity provider '{name}' was not found. The sandbox has {' and '.join(PROVIDERS)}."
            )
    strategy = params.get("defaultCapacityProviderStrategy") or []
    trial = Cluster(held.name, held.region, [], capacity_providers=list(names))
    check_strategy(trial, strategy)
    held.capacity_providers = list(names)
    held.default_strategy = [{"weight": 0, "base": 0, **item} for item in strategy]


def _check_settings(settings: list[dict[str, str]]) -> None:
    for setting in settings:
        if setting.get("name") != "containerInsights":
            raise client_error(f"Setting name {setting.get('name')} is not valid.")
        if setting.get("value") not in ("enabled", "disabled", "enhanced"):
            raise client_error("Setting value is not valid.")
