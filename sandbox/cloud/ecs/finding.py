"""From names and ARNs to what they name. Raises what AWS answers for what isn't there."""

from typing import Any

from sandbox.cloud.ecs import refusals
from sandbox.cloud.ecs.model import Cluster, Definition, Service, ServiceDeployment, Store, Task


def last(name: str) -> str:
    return name.rpartition("/")[2]


def cluster(store: Store, name: str | None) -> Cluster:
    found = store.clusters.get(last(name or "default"))
    if found is None or found.status != "ACTIVE":
        raise refusals.no_cluster()
    return found


def service(store: Store, cluster_name: str | None, name: str) -> Service:
    if name.startswith("arn:") and name.count("/") == 2:
        cluster_name = cluster_name or name.split("/")[1]
    found = find_service(store, cluster(store, cluster_name), name)
    if found is None:
        raise refusals.no_service()
    if found.status != "ACTIVE":
        raise refusals.inactive_service()
    return found


def find_service(store: Store, held: Cluster, name: str) -> Service | None:
    """Also one that is deleted already."""
    return store.services.get(f"{held.name}/{last(name)}")


def definition(store: Store, name: str, *, active: bool = False) -> Definition:
    """By `family`, `family:revision` or ARN; with `active` only one that may be run."""
    family, _, number = last(name).partition(":")
    held = store.families.get(family, [])
    if number:
        found = next((each for each in held if str(each.revision) == number), None)
    else:
        found = next((each for each in reversed(held) if each.status == "ACTIVE"), None)
    if found is None:
        raise refusals.client_error("TaskDefinition not found.") if active else refusals.no_definition()
    if active and found.status != "ACTIVE":
        raise refusals.client_error("TaskDefinition is inactive")
    return found


def task(store: Store, held: Cluster, name: str) -> Task | None:
    found = store.tasks.get(last(name))
    return found if found is not None and found.cluster is held else None


def service_deployment(store: Store, arn: str) -> tuple[Service, ServiceDeployment] | None:
    for held in store.services.values():
        for each in held.service_deployments:
            if each.arn == arn:
                return held, each
    return None


def failures(arns: list[str], reason: str = "MISSING") -> list[dict[str, Any]]:
    return [{"arn": each, "reason": reason} for each in arns]


def page(items: list[Any], token: str | None, most: int | None, usual: int = 100) -> tuple[list[Any], str | None]:
    first = int(token or 0)
    end = first + (most or usual)
    return items[first:end], str(end) if end < len(items) else None
