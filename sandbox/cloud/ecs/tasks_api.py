"""The API of tasks."""

import json
import re
from collections import Counter
from typing import Any

from sandbox.cloud.ecs import fargate, finding, service_requests, shapes, tagging, tokens
from sandbox.cloud.ecs.model import Cluster, Definition, Store, Task
from sandbox.cloud.ecs.refusals import invalid, no_service
from sandbox.cloud.ecs.strategy import next_provider
from sandbox.cloud.ecs.tasks import Tasks

Params = dict[str, Any]
MOST_AT_ONCE = 10
LONGEST_OVERRIDES = 8192
"""Characters, JSON's own included."""
_STARTED_BY = re.compile(r"[A-Za-z0-9/_-]{0,128}")
# No filters beside startedBy, which "must be the only filter that you use" (ListTasks); a status is taken all the same.
_BESIDE_STARTED_BY = ("family", "serviceName", "containerInstance", "launchType")


def run(store: Store, tasks: Tasks, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    made = tokens.started(store, cluster, params, tasks.now())
    if made is not None:
        return {"tasks": [shapes.task(store, task, {"TAGS"}) for task in made], "failures": []}
    definition = finding.definition(store, params.get("taskDefinition") or "", active=True)
    launch, strategy = service_requests.capacity(cluster, params)
    service_requests.check_definition(definition, params.get("networkConfiguration"))
    service_requests.platform(params)
    _check(definition, params)
    count = params.get("count") or 1
    given = {
        key: params[key]
        for key in ("networkConfiguration", "overrides", "startedBy", "enableExecuteCommand")
        if params.get(key) is not None
    } | {"launchType": launch}
    made = []
    failures = []
    for _ in range(count):
        provider = next_provider(strategy, Counter(str(task.given["capacityProviderName"]) for task in made))
        try:
            made.append(_launch(store, tasks, cluster, definition, given | {"capacityProviderName": provider}, params))
        except LookupError as error:
            failures.append({"arn": cluster.arn, "reason": "RESOURCE:ENI", "detail": str(error)})
    tokens.keep(store, cluster, params, made, tasks.now())
    return {"tasks": [shapes.task(store, task, {"TAGS"}) for task in made], "failures": failures}


def stop(store: Store, tasks: Tasks, params: Params) -> Params:
    held = _task(store, params)
    tasks.stop(held, "UserInitiated", params.get("reason") or "Task stopped by user")
    return {"task": shapes.task(store, held, set())}


def describe_many(store: Store, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    names = params.get("tasks") or []
    if not names:
        raise invalid("Tasks cannot be empty.")
    if len(names) > 100:
        raise invalid("Tasks should have at most 100 items.")
    found, missing = [], []
    for name in names:
        held = finding.task(store, cluster, name)
        if held is None:
            missing.append(name if name.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':task/')}/{name}")
        else:
            found.append(shapes.task(store, held, set(params.get("include") or [])))
    return {"tasks": found, "failures": finding.failures(missing)}


def list_tasks(store: Store, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    desired = params.get("desiredStatus") or "RUNNING"
    if desired == "PENDING":
        desired = "RUNNING"
    name = params.get("serviceName")
    if params.get("startedBy") is not None and any(params.get(key) is not None for key in _BESIDE_STARTED_BY):
        raise invalid("startedBy must be the only filter.")
    if name is not None and finding.find_service(store, cluster, name) is None:
        raise no_service()
    found = [
        task.arn
        for task in store.tasks.values()
        if task.cluster is cluster
        and task.desired == desired
        and (name is None or (task.service is not None and task.service.name == finding.last(name)))
        and params.get("family") in (None, task.definition.family)
        and params.get("startedBy") in (None, task.given.get("startedBy"))
    ]
    arns, token = finding.page(found, params.get("nextToken"), params.get("maxResults"))
    return {"taskArns": arns, "nextToken": token}


def _launch(
    store: Store, tasks: Tasks, cluster: Cluster, definition: Definition, given: Params, params: Params
) -> Task:
    group = params.get("group") or f"family:{definition.family}"
    tags = {tag["key"]: tag.get("value", "") for tag in params.get("tags") or []}
    if params.get("propagateTags") == "TASK_DEFINITION":
        tags = store.tags.get(definition.arn, {}) | tags
    held = tasks.launch(store, definition, given, cluster=cluster, group=group, color=tags.get("bluegreen:color", ""))
    tagging.put(store, held.arn, [{"key": key, "value": value} for key, value in tags.items()])
    if params.get("enableECSManagedTags"):
        store.tags[held.arn] = store.tags.get(held.arn, {}) | {"aws:ecs:clusterName": cluster.name}
    return held


def _task(store: Store, params: Params) -> Task:
    cluster = finding.cluster(store, params.get("cluster"))
    held = finding.task(store, cluster, params.get("task") or "")
    if held is None:
        raise invalid("The referenced task was not found.")
    return held


def _check(definition: Definition, params: Params) -> None:
    if not 0 < (params.get("count") or 1) <= MOST_AT_ONCE:
        raise invalid(f"count must be between 1 and {MOST_AT_ONCE}.")
    if not _STARTED_BY.fullmatch(params.get("startedBy") or ""):
        raise invalid("startedBy must be at most 128 letters, digits, hyphens, slashes and underscores.")
    if (params.get("group") or "").startswith("service:"):
        raise invalid("Invalid namespace for group.")
    if params.get("propagateTags") == "SERVICE":
        raise invalid("The propagateTags value SERVICE is not supported when running a task.")
    _check_overrides(definition, params.get("overrides") or {})


def _check_overrides(definition: Definition, overrides: Params) -> None:
    if len(json.dumps(overrides)) > LONGEST_OVERRIDES:
        raise invalid(f"Container Overrides length must be at most {LONGEST_OVERRIDES}")
    names = {each["name"] for each in definition.containers}
    for held in overrides.get("containerOverrides") or []:
        if held.get("name") not in names:
            raise invalid(f"Override for container named {held.get('name')} is not a container in the TaskDefinition.")
    if overrides.get("cpu") or overrides.get("memory"):
        fargate.size(
            overrides.get("cpu") or definition.given.get("cpu"),
            overrides.get("memory") or definition.given.get("memory"),
        )
