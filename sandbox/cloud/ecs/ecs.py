"""ECS as a whole: a store for each region, what goes on in it, and the API that moto's takes its place."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.ecs import (
    clusters_api,
    definitions_api,
    deployments_api,
    services_api,
    tagging,
    targets_api,
    tasks_api,
    tracking,
)
from sandbox.cloud.ecs.container_health import ContainerHealth
from sandbox.cloud.ecs.model import Store, Task
from sandbox.cloud.ecs.refusals import lacking
from sandbox.cloud.ecs.running import Running
from sandbox.cloud.ecs.scalable import ScalableTargets
from sandbox.cloud.ecs.scheduler import Scheduler
from sandbox.cloud.ecs.tasks import Tasks
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.seam import Seam

Action = Callable[[Store, dict[str, Any]], dict[str, Any]]
ACTIONS: dict[str, Action] = {
    "create_cluster": clusters_api.create,
    "update_cluster": clusters_api.update,
    "update_cluster_settings": clusters_api.update,
    "put_cluster_capacity_providers": clusters_api.put_providers,
    "delete_cluster": clusters_api.delete,
    "describe_clusters": clusters_api.describe_many,
    "list_clusters": clusters_api.list_clusters,
    "register_task_definition": definitions_api.register,
    "deregister_task_definition": definitions_api.deregister,
    "delete_task_definitions": definitions_api.delete,
    "describe_task_definition": definitions_api.describe_one,
    "list_task_definitions": definitions_api.list_definitions,
    "list_task_definition_families": definitions_api.list_families,
    "create_service": services_api.create,
    "update_service": services_api.update,
    "delete_service": services_api.delete,
    "describe_services": services_api.describe_many,
    "list_services": services_api.list_services,
    "describe_tasks": tasks_api.describe_many,
    "list_tasks": tasks_api.list_tasks,
    "list_service_deployments": deployments_api.list_deployments,
    "describe_service_deployments": deployments_api.describe_deployments,
    "describe_service_revisions": deployments_api.describe_revisions,
    "stop_service_deployment": deployments_api.stop,
    "tag_resource": tagging.tag,
    "untag_resource": tagging.untag,
    "list_tags_for_resource": tagging.list_of,
}
# moto's, which know nothing of what is here.
LACKING = (
    "create_capacity_provider",
    "create_task_set",
    "delete_task_set",
    "describe_task_sets",
    "register_container_instance",
    "start_task",
    "update_service_primary_task_set",
    "update_task_set",
)


class Ecs:
    def __init__(
        self, clock: Clock, tasks: Tasks, running: Running, health: Health, checks: ContainerHealth, events: EventLog
    ) -> None:
        self.tasks = tasks
        self.running = running
        self.scheduler = Scheduler(clock, tasks, health, events)
        self.stores: dict[str, Store] = {}
        self.targets = ScalableTargets(self.store)
        tasks.ended = checks.forget
        tasks.drains_until = health.drains_until

    def store(self, region: str) -> Store:
        return self.stores.setdefault(region, Store(region))

    def all_tasks(self) -> list[Task]:
        return [task for store in self.stores.values() for task in store.tasks.values()]

    def loads(self) -> list[tracking.Load]:
        return [load for store in self.stores.values() for load in tracking.loads(store)]

    def serving(self) -> list[Task]:
        """The tasks whose app listens and that are meant to run on."""
        return [task for task in self.all_tasks() if task.bound is not None and task.stays]

    def task(self, id: str) -> Task | None:
        return next((task for task in self.all_tasks() if task.id == id), None)

    def step(self) -> float:
        due = NEVER
        for store in self.stores.values():
            due = min(due, self.tasks.step(store), self.scheduler.step(store))
            # What was just started or stopped may be due before what was known when the step began.
            due = min(due, self.tasks.step(store))
        return due


def install(seam: Seam, ecs: Ecs) -> None:
    actions = ACTIONS | {
        "run_task": lambda store, params: tasks_api.run(store, ecs.tasks, params),
        "stop_task": lambda store, params: tasks_api.stop(store, ecs.tasks, params),
    }
    for name, action in actions.items():
        seam.replace(EC2ContainerServiceResponse, name, _method(ecs, action))
    for name in LACKING:
        seam.replace(EC2ContainerServiceResponse, name, _refusing(name))
    targets_api.install(seam, ecs.targets)
    _logs(seam, ecs)


def _method(ecs: Ecs, action: Action) -> Callable[[Any], ActionResult]:
    def method(response: Any) -> ActionResult:
        given = {key: value for key, value in dict(response._get_params()).items() if value is not None}
        return ActionResult(action(ecs.store(response.region), given))

    return method


def _refusing(name: str) -> Callable[[Any], ActionResult]:
    def method(_: Any) -> ActionResult:
        raise lacking(name.replace("_", " "))

    return method


def _logs(seam: Seam, ecs: Ecs) -> None:
    """What tasks have said is in CloudWatch whenever somebody looks."""
    from moto.logs.models import LogsBackend

    for name in ("get_log_events", "filter_log_events", "describe_log_streams"):

        @seam.around(LogsBackend, name)
        def look(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
            for task in ecs.all_tasks():
                if task.region == backend.region_name:
                    ecs.running.tell(task)
            return original(backend, *args, **kwargs)
