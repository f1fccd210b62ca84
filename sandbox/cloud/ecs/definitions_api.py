"""The API of task definitions."""

from typing import Any

from sandbox.cloud.ecs import definitions, finding, tagging
from sandbox.cloud.ecs.model import Definition, Store, now
from sandbox.cloud.ecs.refusals import client_error
from sandbox.cloud.stores import ACCOUNT

Params = dict[str, Any]


def register(store: Store, params: Params) -> Params:
    given = definitions.taken(params)
    held = store.families.setdefault(params["family"], [])
    made = Definition(params["family"], held[-1].revision + 1 if held else 1, store.region, given)
    tagging.put(store, made.arn, params.get("tags"))
    held.append(made)
    return {"taskDefinition": describe(made), "tags": tagging.listed(store, made.arn)}


def deregister(store: Store, params: Params) -> Params:
    name = params.get("taskDefinition") or ""
    if ":" not in finding.last(name):
        raise client_error("Task definition must be specified with a revision.")
    found = finding.definition(store, name)
    found.status, found.deregistered_at = "INACTIVE", found.deregistered_at or now()
    return {"taskDefinition": describe(found)}


def delete(store: Store, params: Params) -> Params:
    gone, failures = [], []
    for name in params.get("taskDefinitions") or []:
        found = finding.definition(store, name)
        if found.status == "ACTIVE":
            failures.append(
                {
                    "arn": found.arn,
                    "reason": "The specified task definition is still in ACTIVE status. Please "
                    "deregister the task definition first.",
                }
            )
            continue
        found.status = "DELETE_IN_PROGRESS"
        gone.append(describe(found))
        used = any(task.definition is found for task in store.tasks.values() if task.status != "STOPPED")
        if not used:
            store.families[found.family].remove(found)
            store.tags.pop(found.arn, None)
    return {"taskDefinitions": gone, "failures": failures}


def describe_one(store: Store, params: Params) -> Params:
    found = finding.definition(store, params.get("taskDefinition") or "")
    tags = {"tags": tagging.listed(store, found.arn)} if "TAGS" in (params.get("include") or []) else {}
    return {"taskDefinition": describe(found), **tags}


def list_definitions(store: Store, params: Params) -> Params:
    status, prefix = params.get("status") or "ACTIVE", params.get("familyPrefix")
    found = [
        each.arn
        for family, held in sorted(store.families.items())
        for each in held
        if each.status == status and (not prefix or family == prefix)
    ]
    if params.get("sort") == "DESC":
        found.reverse()
    arns, token = finding.page(found, params.get("nextToken"), params.get("maxResults"))
    return {"taskDefinitionArns": arns, "nextToken": token}


def list_families(store: Store, params: Params) -> Params:
    prefix, status = params.get("familyPrefix") or "", params.get("status") or "ALL"
    found = [
        family
        for family, held in sorted(store.families.items())
        if family.startswith(prefix) and (status == "ALL" or any(each.status == status for each in held))
    ]
    families, token = finding.page(found, params.get("nextToken"), params.get("maxResults"))
    return {"families": families, "nextToken": token}


def describe(held: Definition) -> Params:
    return {
        "taskDefinitionArn": held.arn,
        "family": held.family,
        "revision": held.revision,
        "status": held.status,
        "registeredAt": held.registered_at,
        "registeredBy": f"arn:aws:iam::{ACCOUNT}:root",
        **({"deregisteredAt": held.deregistered_at} if held.deregistered_at else {}),
        **held.given,
    }
