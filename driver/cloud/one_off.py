"""A command in a task of its own, by the definition of an ECS service and in its network.

No service counts the task and no target group gets it. The limits are RunTask's: `startedBy` of up to 128 letters,
digits, hyphens, slashes and underscores; overrides of up to 8192 characters; a client token of up to 64, with which
ECS starts a task once for a day at most. A task is shown for about an hour after it has stopped. Used by
`driver.cloud.runs` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from driver.cloud import services
from driver.cloud.failures import spoken
from driver.cloud.logs import latest
from driver.errors import Failure
from driver.ports import Ran
from driver.release.once import NotNow

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from driver.release.once import Once

GROUP = "bluegreen-run-once"
"""The task group: none of a service's, so that no service counts it."""
_LINES = 5
_MOST = 100
"""Tasks in one DescribeTasks."""
_BY_ITSELF = "EssentialContainerExited"


class OneOff:
    """Tasks of their own beside one service."""

    def __init__(self, clients: Callable[[str], Any], name: str) -> None:
        self._clients, self._name = clients, name
        self._ecs: ECSClient = clients("ecs")
        self._cluster, self._service = services.parts(name)

    def place(self) -> str:
        self._found()
        return self._name

    def known(self, once: Once) -> bool:
        """By its client token, for as long as ECS keeps that; a task that is younger is listed."""
        return once.place == self._name

    def begun(self, once: Once) -> str:
        mark = _mark(once)
        return self._running(mark) or next(
            (_id(task) for task in self._stopped() if task.get("startedBy") == mark),
            "",
        )

    def begin(self, once: Once, limit: int) -> str:  # noqa: ARG002 - ECS ends no task by the clock
        service, mark = self._found(), _mark(once)
        container = self._container(service["taskDefinition"])
        strategy = service.get("capacityProviderStrategy")
        where: dict[str, Any] = (
            {"capacityProviderStrategy": strategy} if strategy else {"launchType": service.get("launchType", "FARGATE")}
        )
        with spoken("a task of its own (ecs:RunTask, ecs:TagResource, iam:PassRole on its roles)"):
            answer = self._ecs.run_task(
                cluster=self._cluster,
                taskDefinition=service["taskDefinition"],
                count=1,
                group=GROUP,
                startedBy=mark,
                clientToken=mark,
                overrides={"containerOverrides": [{"name": container["name"], "command": list(once.words)}]},
                networkConfiguration=service["networkConfiguration"],
                platformVersion=service.get("platformVersion", "LATEST"),
                enableExecuteCommand=service.get("enableExecuteCommand", False),
                enableECSManagedTags=True,
                propagateTags="TASK_DEFINITION",
                **where,
            )
        if not answer["tasks"]:
            raise NotNow("; ".join(_refusal(one) for one in answer["failures"]) or "ECS started no task")
        return _id(answer["tasks"][0])

    def outcome(self, once: Once, id: str) -> Ran:  # noqa: ARG002 - a task's id says it all
        with spoken(f"the task {id}"):
            found: list[Any] = self._ecs.describe_tasks(cluster=self._cluster, tasks=[id])["tasks"]
        if not found:
            raise LookupError(id)
        task = found[0]
        if task["lastStatus"] != "STOPPED":
            return Ran(None)
        code, lines = _code(task), self._said(task, id)
        if code == 0:
            return Ran(0, lines)
        return Ran(code, f"{lines}\nECS says: {services.reason(task)}")

    def end(self, once: Once) -> str:
        if id := self._running(_mark(once)):
            with spoken(f"the task {id} (ecs:StopTask)"):
                self._ecs.stop_task(cluster=self._cluster, task=id, reason="bluegreen: the release that it ran goes")
        return id

    def named(self, once: Once, id: str) -> str:  # noqa: ARG002 - as above
        return f"task {id}"

    def _found(self) -> Mapping[str, Any]:
        service = services.active(self._ecs, self._name)
        if service is None:
            raise NotNow(f"the service {self._service} is not there")
        return service

    def _running(self, mark: str) -> str:
        try:
            with spoken("tasks (ecs:ListTasks)"):
                arns = self._ecs.list_tasks(cluster=self._cluster, startedBy=mark)["taskArns"]
        except LookupError:
            return ""  # the cluster is gone, and all of its tasks
        return arns[0].rpartition("/")[2] if arns else ""

    def _stopped(self) -> Iterator[Mapping[str, Any]]:
        """By family, which is that of one release: `startedBy` takes no other filter beside it."""
        service = services.active(self._ecs, self._name)
        if service is None:
            return
        family = service["taskDefinition"].rpartition("/")[2].partition(":")[0]
        with spoken("tasks that have stopped (ecs:ListTasks, ecs:DescribeTasks)"):
            pages = self._ecs.get_paginator("list_tasks").paginate(
                cluster=self._cluster, family=family, desiredStatus="STOPPED"
            )
            arns = [arn for page in pages for arn in page["taskArns"]]
            for at in range(0, len(arns), _MOST):
                yield from self._ecs.describe_tasks(cluster=self._cluster, tasks=arns[at : at + _MOST])["tasks"]

    def _container(self, definition: str) -> Mapping[str, Any]:
        """Of the release's own definition, which another version of this program may have made: the app's container."""
        with spoken(f"the task definition {definition} (ecs:DescribeTaskDefinition)"):
            found: Any = self._ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
        containers = found["containerDefinitions"]
        return next((one for one in containers if one.get("essential", True)), containers[0])

    def _said(self, task: Mapping[str, Any], id: str) -> str:
        """Its last lines; what can't be read is not worth failing for."""
        try:
            container = self._container(task["taskDefinitionArn"])
            options = container["logConfiguration"]["options"]
            stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{id}"
            return "\n".join(latest(self._clients("logs"), options["awslogs-group"], stream, _LINES))
        except (Failure, LookupError):
            return ""


def _mark(once: Once) -> str:
    """By which an attempt's task is found again, and of which ECS starts no second one."""
    return f"{GROUP}-{once.attempt}"


def _id(task: Mapping[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]


def _code(task: Mapping[str, Any]) -> int:
    """The container's exit code. One that was stopped did not succeed, whatever it said at the end."""
    wanted = {one.get("name") for one in task.get("overrides", {}).get("containerOverrides", [])}
    code = next((one.get("exitCode") for one in task["containers"] if one["name"] in wanted), None)
    if code is None or (code == 0 and task.get("stopCode") != _BY_ITSELF):
        return -1
    return int(code)


def _refusal(failure: Mapping[str, Any]) -> str:
    return ": ".join(text for text in (failure.get("reason", ""), failure.get("detail", "")) if text)
