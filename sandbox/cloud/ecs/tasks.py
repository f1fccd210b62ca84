"""Tasks from PROVISIONING to STOPPED: each state in about AWS's time, registered with the balancer in between."""

import uuid
from collections.abc import Callable
from typing import Any

from sandbox.cloud import firewall, stores
from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.ecs import network
from sandbox.cloud.ecs.container_health import ContainerHealth
from sandbox.cloud.ecs.model import Container, Definition, Store, Task, now
from sandbox.cloud.ecs.network import Interface
from sandbox.cloud.ecs.running import Running, container_port, listens_on, load_balancers, serving
from sandbox.cloud.ecs.starting import CannotStart
from sandbox.cloud.events import EventLog

# Simulated seconds, near what Fargate takes for a small image.
PROVISIONING = 10.0
PULLING = 15.0
ACTIVATING = 3.0
STOPPING = 2.0
DEPROVISIONING = 8.0
REMEMBERED = 3600.0  # how long a stopped task is shown

TERMINATED = 143
"""Exit code of what ends on SIGTERM without a say in it; the stand-in app ends well."""

_NOWHERE = ("127.0.0.1", 1)


class Tasks:
    """`stopping`, `ended`: told of each task that begins to stop, and that has stopped. `drains_until`: when the load
    balancer has let an address go, in simulated seconds."""

    def __init__(self, clock: Clock, events: EventLog, running: Running, health: ContainerHealth) -> None:
        self._clock = clock
        self._events = events
        self._running = running
        self._health = health
        self.drains_until: Callable[[str], float] = lambda _: 0.0
        self.stopping: Callable[[Task], None] = lambda _: None
        self.ended: Callable[[Task], None] = lambda _: None
        self.by_ip: dict[str, Task] = {}

    def launch(self, store: Store, definition: Definition, given: dict[str, Any], **of: Any) -> Task:
        """Makes a task. `given`: as RunTask has it. Raises LookupError where there is no address for it."""
        crowd = [each.subnet for each in store.tasks.values() if each.stays and each.service is of.get("service")]
        subnet, groups = network.place(store.region, given["networkConfiguration"], crowd)
        ip = network.address(subnet, set(self.by_ip))
        task = Task(
            id=uuid.uuid4().hex,
            definition=definition,
            containers=[Container(held) for held in definition.containers],
            subnet=subnet,
            groups=groups,
            ip=ip,
            mac=network.mac(),
            given=given,
            due=self._clock.now() + PROVISIONING,
            **of,
        )
        task.times["createdAt"] = now()
        task.port = container_port(task)
        self.by_ip[ip] = task
        subnet._subnet_ips[ip] = task
        store.tasks[task.id] = task
        self._say(task, f"provisioning in {subnet.availability_zone}, {definition.family}:{definition.revision}")
        return task

    def now(self) -> float:
        """Simulated seconds."""
        return self._clock.now()

    def step(self, store: Store) -> float:
        due = NEVER
        for task in list(store.tasks.values()):
            due = min(due, self._step(store, task))
        return due

    def stop(self, task: Task, code: str, reason: str) -> None:
        if not task.stays:
            return
        task.desired, task.stop_code, task.stopped_reason = "STOPPED", code, reason
        task.times["stoppingAt"] = now()
        self._say(task, f"stops: {reason}")
        if task.status in ("PROVISIONING", "PENDING"):
            self._deprovision(task)
        else:
            self._enter(task, "DEACTIVATING", 0.0)
            self._deregister(task)
            task.due = max(self._clock.now(), self.drains_until(task.ip) if task.registered else 0.0)
        self.stopping(task)

    def exit(self, task: Task, code: int, reason: str | None = None) -> None:
        """An essential container ends by itself."""
        container = serving(task)
        container.status, container.exit_code, container.reason = "STOPPED", code, reason
        self._running.exited(task, code)
        self.stop(task, "EssentialContainerExited", "Essential container in task exited")

    def alive(self, ip: str) -> bool:
        task = self.by_ip.get(ip)
        return task is not None and task.bound is not None

    def admits(self, ip: str, port: int, balancer: Any) -> bool:
        task = self.by_ip.get(ip)
        if task is None or task.bound is None:
            return True
        interface = Interface(task.region, task.subnet.vpc_id, task.ip, task.groups)
        return firewall.admits(balancer, interface, port)

    def endpoint(self, ip: str, port: int, balancer: Any = None) -> tuple[str, int]:
        """Where a port of a task is on this machine; where nothing listens if nothing answers there."""
        task = self.by_ip.get(ip)
        if task is None or task.bound is None or port != listens_on(task):
            return _NOWHERE
        if balancer is not None and not self.admits(ip, port, balancer):
            return _NOWHERE
        return task.bound

    def _step(self, store: Store, task: Task) -> float:
        now = self._clock.now()
        if task.status == "RUNNING" and task.exits_at <= now:
            self.exit(task, task.exit_code, task.exit_reason)
        while task.due <= now:
            before = task.status
            self._advance(store, task)
            if task.status == before:
                break
        if task.status == "RUNNING":
            return min(self._health.step(task), task.exits_at)
        return task.due if task.id in store.tasks else NEVER

    def _advance(self, store: Store, task: Task) -> None:
        match task.status:
            case "PROVISIONING":
                task.times["connectivityAt"] = task.times["pullStartedAt"] = now()
                self._enter(task, "PENDING", PULLING)
            case "PENDING":
                self._start(task)
            case "ACTIVATING":
                if task.exits_at <= self._clock.now():
                    self.exit(task, task.exit_code, task.exit_reason)
                    return
                task.times["startedAt"], task.started = now(), self._clock.now()
                self._enter(task, "RUNNING", NEVER)
                self._health.began(task)
            case "DEACTIVATING":
                timeout = self._running.stop(task)
                self._enter(task, "STOPPING", min(STOPPING, timeout))
            case "STOPPING":
                self._deprovision(task)
            case "DEPROVISIONING":
                self._ended(task)
            case "STOPPED":
                del store.tasks[task.id]
                store.tags.pop(task.arn, None)
                self._running.tell(task)
                self._running.forget(task)
                task.status = "FORGOTTEN"

    def _start(self, task: Task) -> None:
        try:
            self._running.pull(task)
            task.times["pullStoppedAt"] = now()
            if task.deployment is not None:
                task.deployment.revision.digests |= {each.name: each.digest or "" for each in task.containers}
            self._running.start(task)
        except CannotStart as error:
            if str(error).startswith("CannotPull"):
                task.containers[0].reason = str(error)
            self.stop(task, "TaskFailedToStart", str(error))
            return
        self._enter(task, "ACTIVATING", ACTIVATING)
        self._register(task)

    def _register(self, task: Task) -> None:
        groups = stores.elbv2(task.region).target_groups
        for held in load_balancers(task):
            group = groups.get(held["targetGroupArn"])
            if group is not None:
                port = int(held["containerPort"])
                group.register([{"Id": task.ip, "Port": port}])
                task.registered.append((group.arn, port))
                if task.service is not None:
                    task.service.say(f"registered 1 targets in (target-group {group.arn})")

    def _deregister(self, task: Task) -> None:
        groups = stores.elbv2(task.region).target_groups
        for arn, port in task.registered:
            group = groups.get(arn)
            if group is not None and task.ip in group.targets:
                group.deregister([{"Id": task.ip, "Port": port}])
                if task.service is not None:
                    task.service.say("has begun draining connections on 1 tasks.")
                    task.service.say(f"deregistered 1 targets in (target-group {arn})")

    def _deprovision(self, task: Task) -> None:
        self._running.kill(task)
        for container in task.containers:
            if container.status == "RUNNING":
                container.exit_code = 0 if task.app else TERMINATED
            container.status = "STOPPED"
        task.times["executionStoppedAt"] = now()
        self._enter(task, "DEPROVISIONING", DEPROVISIONING)

    def _ended(self, task: Task) -> None:
        task.times["stoppedAt"] = now()
        self.by_ip.pop(task.ip, None)
        task.subnet._subnet_ips.pop(task.ip, None)
        self._enter(task, "STOPPED", REMEMBERED)
        self._say(task, "stopped")
        self.ended(task)

    def _enter(self, task: Task, status: str, lasts: float) -> None:
        task.status, task.due = status, self._clock.now() + lasts
        task.version += 1

    def _say(self, task: Task, message: str) -> None:
        self._events.add("task", task.id, message)
