"""The API of services."""

import re
from typing import Any

from sandbox.cloud.ecs import finding, rollout, service_requests, shapes, tagging
from sandbox.cloud.ecs.model import Definition, Revision, Service, Store
from sandbox.cloud.ecs.refusals import invalid
from sandbox.cloud.refusals import Refused

Params = dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
MOST_TASKS = 5000
# What an update changes without a deployment, and what AWS makes a new deployment for.
PLAIN = ("enableECSManagedTags", "propagateTags", "enableExecuteCommand", "availabilityZoneRebalancing")
DEPLOYED = ("taskDefinition", "networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers")


def create(store: Store, params: Params) -> Params:
    name = params.get("serviceName") or ""
    cluster = finding.cluster(store, params.get("cluster"))
    if not _NAME.fullmatch(name):
        raise invalid("Invalid service name.")
    before = finding.find_service(store, cluster, name)
    if before is not None and before.status == "ACTIVE":
        raise invalid("Creation of service was not idempotent.")
    if before is not None and before.status == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    service_requests.check_controller(params)
    _check_count(params)
    definition = finding.definition(store, params.get("taskDefinition") or "", active=True)
    service = Service(
        name=name,
        cluster=cluster,
        desired=int(params.get("desiredCount") or 0),
        configuration=service_requests.configuration(params.get("deploymentConfiguration")),
        grace=service_requests.grace(params, bool(params.get("loadBalancers"))),
        given={key: params[key] for key in PLAIN if params.get(key) is not None},
        role=service_requests.SERVICE_ROLE,
    )
    revision = _revision(service, definition, params)
    store.tags.pop(service.arn, None)  # of one that had the name before
    tagging.put(store, service.arn, params.get("tags"))
    store.services[f"{cluster.name}/{name}"] = service
    rollout.begin(service, revision)
    return {"service": shapes.service(store, service, {"TAGS"})}


def update(store: Store, params: Params) -> Params:
    service = finding.service(store, params.get("cluster"), params.get("service") or "")
    service_requests.check_controller(params)
    _check_count(params)
    # Everything is checked before anything is changed.
    configuration = service_requests.configuration(params.get("deploymentConfiguration"), service.configuration)
    balanced = params.get("loadBalancers", service.primary.revision.load_balancers)
    grace = (
        service_requests.grace(params, bool(balanced)) if "healthCheckGracePeriodSeconds" in params else service.grace
    )
    definition, revision = None, None
    if params.get("taskDefinition"):
        definition = finding.definition(store, params["taskDefinition"], active=True)
    if _asks_for_another(service, definition, params):
        current = service.primary.revision
        wanted = {
            "networkConfiguration": current.network,
            "platformVersion": current.platform_version,
            "loadBalancers": current.load_balancers,
            **({"launchType": current.launch_type} if not params.get("capacityProviderStrategy") else {}),
            **({"capacityProviderStrategy": current.strategy} if current.strategy else {}),
            **{key: params[key] for key in DEPLOYED if params.get(key) is not None},
        }
        revision = _revision(service, definition or current.definition, wanted)
    service.configuration, service.grace = configuration, grace
    service.given |= {key: params[key] for key in PLAIN if params.get(key) is not None}
    if params.get("desiredCount") is not None and params["desiredCount"] != service.desired:
        service.desired, service.steady = int(params["desiredCount"]), False
    if revision is not None:
        rollout.begin(service, revision)
    return {"service": shapes.service(store, service, {"TAGS"})}


def delete(store: Store, params: Params) -> Params:
    service = finding.service(store, params.get("cluster"), params.get("service") or "")
    if service.desired > 0 and not params.get("force"):
        raise invalid("The service cannot be stopped while it is scaled above 0.")
    service.status, service.desired = "DRAINING", 0
    if current := rollout.current_of(service):
        current.become("STOPPED", "The service was deleted.", ends=True)
    return {"service": shapes.service(store, service, {"TAGS"})}


def describe_many(store: Store, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    names = params.get("services") or []
    if not names:
        raise invalid("Services cannot be empty.")
    if len(names) > 10:
        raise invalid("Services should have at most 10 items.")
    found, missing = [], []
    for name in names:
        held = finding.find_service(store, cluster, name)
        if held is None:
            missing.append(
                name if name.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':service/')}/{name}"
            )
        else:
            found.append(shapes.service(store, held, set(params.get("include") or [])))
    return {"services": found, "failures": finding.failures(missing)}


def list_services(store: Store, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    found = [held.arn for held in store.services.values() if held.cluster is cluster and held.status != "INACTIVE"]
    arns, token = finding.page(found, params.get("nextToken"), params.get("maxResults"), 10)
    return {"serviceArns": arns, "nextToken": token}


def _asks_for_another(service: Service, definition: Definition | None, params: Params) -> bool:
    current = service.primary.revision
    if params.get("forceNewDeployment"):
        return True
    if definition is not None and definition is not current.definition:
        return True
    if params.get("networkConfiguration") and params["networkConfiguration"] != current.network:
        return True
    if params.get("loadBalancers") is not None and params["loadBalancers"] != current.load_balancers:
        return True
    strategy = params.get("capacityProviderStrategy")
    if strategy is not None and [{"weight": 0, "base": 0, **item} for item in strategy] != current.strategy:
        return True
    version = params.get("platformVersion")
    return version is not None and service_requests.platform(params) != current.platform_version


def _revision(service: Service, definition: Definition, params: Params) -> Revision:
    """Raises Refused."""
    launch, strategy = service_requests.capacity(service.cluster, params)
    service_requests.check_definition(definition, params.get("networkConfiguration"))
    return Revision(
        arn=rollout.new_revision_arn(service),
        definition=definition,
        launch_type=launch,
        strategy=strategy,
        platform_version=service_requests.platform(params),
        load_balancers=service_requests.load_balancers(definition, params.get("loadBalancers")),
        network=_network(params["networkConfiguration"]),
    )


def _network(given: Params) -> Params:
    held = given["awsvpcConfiguration"]
    return {"awsvpcConfiguration": {"securityGroups": [], "assignPublicIp": "DISABLED", **held}}


def _check_count(params: Params) -> None:
    count = params.get("desiredCount")
    if count is not None and not 0 <= count <= MOST_TASKS:
        raise Refused("InvalidParameterException", f"desiredCount must be between 0 and {MOST_TASKS}.")
