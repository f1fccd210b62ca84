"""The API of tasks."""

from collections import Counter
from typing import Any

from sandbox.cloud.ecs import fargate, finding, service_requests, shapes, tagging
from sandbox.cloud.ecs.model import Cluster, Definition, Store, Task
from sandbox.cloud.ecs.refusals import invalid, no_service
from sandbox.cloud.ecs.strategy import next_provider
from sandbox.cloud.ecs.tasks import Tasks

Params = dict[str, Any]
MOST_AT_ONCE = 10


def run(store: Store, tasks: Tasks, params: Params) -> Params:
    cluster = finding.cluster(store, params.get("cluster"))
    definition = finding.definition(store, params.get("taskDefinition") or "", active=True)
    launch, strategy = service_requests.capacity(cluster, params)
    service_requests.check_definition(definition, params.get("networkConfiguration"))
    count = params.get("count") or 1
    if not 0 < count <= MOST_AT_ONCE:
        raise invalid(f"count must be between 1 and {MOST_AT_ONCE}.")
    _check_overrides(definition, params.get("overrides") or {})
    if len(params.get("startedBy") or "") > 128:
        raise invalid("startedBy must be at most 128 characters.")
    given = {
        key: params[key]
        for key in ("networkConfiguration", "overrides", "startedBy", "enableExecuteCommand")
        if params.get(key) is not None
    } | {"launchType": launch}
    made: list[Task] = []
    failures = []
    for _ in range(count):
        provider = next_provider(strategy, Counter(str(task.given["capacityProviderName"]) for task in made))
        try:
            made.append(_launch(store, tasks, cluster, definition, given | {"capacityProviderName": provider}, params))
        except LookupError as error:
            failures.append({"arn": cluster.arn, "reason": "RESOURCE:ENI", "detail": str(error)})
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


def _check_overrides(definition: Definition, overrides: Params) -> None:
    names = {each["name"] for each in definition.containers}
    for held in overrides.get("containerOverrides") or []:
        if held.get("name") not in names:
            raise invalid(f"Override for container named {held.get('name')} is not a container in the TaskDefinition.")
    if overrides.get("cpu") or overrides.get("memory"):
        fargate.size(
            overrides.get("cpu") or definition.given.get("cpu"),
            overrides.get("memory") or definition.given.get("memory"),
        )
