"""What runs in a task: its image pulled, its stand-in app started, stopped, and its log lines brought to CloudWatch."""

import time
from collections.abc import Callable
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import Clock
from sandbox.cloud.ecs import definitions, images, roles, starting
from sandbox.cloud.ecs.model import Container, Task, now
from sandbox.cloud.ecs.starting import CannotStart
from sandbox.cloud.image_faults import ImageFaults
from sandbox.cloud.instances import DIES_AFTER, SLOW_START, Apps
from sandbox.traffic import wire


class Running:
    def __init__(self, clock: Clock, apps: Apps, next_address: Callable[[], str], image_faults: ImageFaults) -> None:
        self._clock = clock
        self._apps = apps
        self._next_address = next_address
        self._image_faults = image_faults
        self._lines: dict[str, list[str]] = {}
        self._told: dict[str, int] = {}

    def pull(self, task: Task) -> None:
        """Everything that must be there before a container starts. Raises CannotStart."""
        role = _execution_role(task)
        for container in task.containers:
            starting.check_secrets(task, container, role)
        for container in task.containers:
            pulled = starting.pull(task, container, role)
            container.digest = pulled.digest
            if container is serving(task):
                task.tag = pulled.tag
        for container in task.containers:
            starting.check_logs(task, container, role)
            if starting.awslogs(container) is not None:
                self._make_stream(task, container)

    def start(self, task: Task) -> None:
        """Starts the containers; an app listens from now on, or what runs ends when its command does.

        Raises CannotStart where this machine has no address left.
        """
        container = serving(task)
        for each in task.containers:
            each.status, each.runtime_id = "RUNNING", f"{task.id}-{abs(hash(each.name)) % 10**10:010d}"
        command = _command(task, container)
        job = task.service is None and bool(_override(task, container).get("command"))
        ending = images.ending(task.tag, command, job=job)
        behaviour = self._image_faults.behaviour(container.digest or "", task.tag)
        if ending is not None:
            task.exits_at, task.exit_code = self._clock.now() + ending.after, ending.code
            task.exit_reason = ending.reason
        elif behaviour == "dies":
            task.exits_at, task.exit_code = self._clock.now() + DIES_AFTER, 1
        if ending is not None and (job or not ending.after):
            self._say(task, f"simulated by the sandbox: {' '.join(command) or task.tag}")
            return
        if not task.port:
            return
        self._boot(task, container, behaviour)

    def restart(self, task: Task, behaviour: str | None) -> None:
        """Runs a task's app anew, misbehaving that way (None: as its image does). Resets its connections."""
        if task.bound is not None and task.app:
            self._apps.kill(task.app)
            container = serving(task)
            self._boot(task, container, behaviour or self._image_faults.behaviour(container.digest or "", task.tag))

    def stop(self, task: Task) -> float:
        """SIGTERM: the app takes no new connections, what runs may end. How long it may take, in simulated seconds."""
        timeout = float(serving(task).definition.get("stopTimeout") or definitions.STOP_TIMEOUT)
        if task.bound is not None and task.app:
            task.bound = None
            self._apps.stop(task.app, timeout / self._clock.speed)
        return timeout

    def kill(self, task: Task) -> None:
        if task.bound is not None and task.app:
            task.bound = None
            self._apps.kill(task.app)

    def exited(self, task: Task, code: int) -> None:
        self.kill(task)
        self._say(task, f"exits with code {code}")

    def log(self, task: Task) -> list[str]:
        own = self._lines.get(task.id, [])
        return own + (self._apps.log(task.app) if task.app else [])

    def tell(self, task: Task) -> None:
        """Brings what the task has said since last time to its log stream."""
        container = serving(task)
        options = starting.awslogs(container)
        if options is None or not task.tag:
            return
        from moto.logs.models import logs_backends

        backend = logs_backends[stores.ACCOUNT][options.get("awslogs-region") or task.region]
        group = backend.groups.get(options["awslogs-group"])
        name = starting.stream(task, container)
        lines = self.log(task)
        told = self._told.get(task.id, 0)
        if group is None or name not in group.streams or len(lines) <= told:
            return
        stream = f"{group.arn.removesuffix(':*')}:log-stream:{name}"
        if roles.refusal(_execution_role(task), task.id, "logs:PutLogEvents", stream):
            return
        self._told[task.id] = len(lines)
        at = int(time.time() * 1000)
        backend.put_log_events(
            options["awslogs-group"], name, [{"timestamp": at, "message": line} for line in lines[told:]]
        )

    def forget(self, task: Task) -> None:
        self._lines.pop(task.id, None)
        self._told.pop(task.id, None)

    def _boot(self, task: Task, container: Container, behaviour: str) -> None:
        told = environment(task, container)
        task.address = task.address or self._next_address()
        task.color = told.get("BLUEGREEN_COLOR") or task.color
        # Below 1024 nobody but root may listen; where the port is, the balancer learns from us.
        any_port = task.address == "127.0.0.1" or _listens(told, task.port) < 1024
        seconds = {"slow-start": SLOW_START, "dies": DIES_AFTER}.get(behaviour)
        task.app = task.id
        app = wire.App(
            id=task.id,
            address=task.address,
            port=0 if any_port else _listens(told, task.port),
            service=told.get("BLUEGREEN_SERVICE") or task.group.partition(":")[2],
            version=task.tag,
            color=task.color,
            image=str(container.definition["image"]),
            behaviour=behaviour if seconds is None else f"{behaviour}={seconds / self._clock.speed:.3f}",
            health_path=told.get("BLUEGREEN_HEALTH_PATH") or _health_path(task) or "/health/deep",
        )
        try:
            task.bound = self._apps.boot(app)
        except RuntimeError as error:
            raise CannotStart(f"CannotStartContainerError: {error}") from error

    def _make_stream(self, task: Task, container: Container) -> None:
        from moto.logs.models import logs_backends

        options = starting.awslogs(container) or {}
        region = options.get("awslogs-region") or task.region
        logs_backends[stores.ACCOUNT][region].ensure_log_stream(
            options["awslogs-group"], starting.stream(task, container)
        )

    def _say(self, task: Task, line: str) -> None:
        self._lines.setdefault(task.id, []).append(f"{now():%Y-%m-%dT%H:%M:%SZ} {line}")


def serving(task: Task) -> Container:
    """The container that the app stands in for: the balancer's, else the first essential one."""
    named = {each["containerName"] for each in load_balancers(task)}
    essential = [each for each in task.containers if each.essential]
    return next((each for each in task.containers if each.name in named), (essential or task.containers)[0])


def load_balancers(task: Task) -> list[dict[str, Any]]:
    return task.deployment.revision.load_balancers if task.deployment is not None else []


def container_port(task: Task) -> int:
    """The port that the task is reached on; 0 for one that listens nowhere."""
    if held := load_balancers(task):
        return int(held[0]["containerPort"])
    ports = serving(task).definition.get("portMappings") or []
    return int(ports[0]["containerPort"]) if ports else 0


def environment(task: Task, container: Container) -> dict[str, str]:
    given = [*(container.definition.get("environment") or []), *(_override(task, container).get("environment") or [])]
    return {each["name"]: each.get("value", "") for each in given}


def _listens(told: dict[str, str], port: int) -> int:
    """Where the app listens: by its environment, whatever the definition says."""
    asked = told.get("PORT") or told.get("BLUEGREEN_PORT") or ""
    return int(asked) if asked.isdigit() and 0 < int(asked) < 65536 else port


def listens_on(task: Task) -> int:
    return _listens(environment(task, serving(task)), task.port)


def _override(task: Task, container: Container) -> dict[str, Any]:
    held = (task.given.get("overrides") or {}).get("containerOverrides") or []
    return next((each for each in held if each.get("name") == container.name), {})


def _command(task: Task, container: Container) -> list[str]:
    command = _override(task, container).get("command") or container.definition.get("command") or []
    return [str(each) for each in command]


def _execution_role(task: Task) -> str | None:
    overrides = task.given.get("overrides") or {}
    return overrides.get("executionRoleArn") or task.definition.given.get("executionRoleArn")


def _health_path(task: Task) -> str | None:
    for held in load_balancers(task):
        group = stores.elbv2(task.region).target_groups.get(held["targetGroupArn"])
        if group is not None:
            return str(group.health_check_path or "/")
    return None
