"""Services: brings each from the tasks it has to those it should have, as its deployment configuration allows."""

from collections import Counter

from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.ecs import limits, rollout
from sandbox.cloud.ecs.container_health import checked, health_of
from sandbox.cloud.ecs.model import STARTING, Deployment, Service, Store, Task
from sandbox.cloud.ecs.strategy import next_provider
from sandbox.cloud.ecs.tasks import Tasks
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health


class Scheduler:
    def __init__(self, clock: Clock, tasks: Tasks, health: Health, events: EventLog) -> None:
        self._clock = clock
        self._tasks = tasks
        self._health = health
        self._events = events
        tasks.stopping = self._judge_end

    def step(self, store: Store) -> float:
        return min((self._step(store, service) for service in list(store.services.values())), default=NEVER)

    def tasks_of(self, store: Store, service: Service) -> list[Task]:
        return [task for task in store.tasks.values() if task.service is service]

    def serves(self, task: Task) -> bool:
        """Whether a running task is as healthy as its service asks for."""
        if task.status != "RUNNING" or not task.stays:
            return False
        if any(checked(each) for each in task.containers) and health_of(task) != "HEALTHY":
            return False
        for arn, _ in task.registered:
            target = self._health.target(arn, task.ip)
            # A group that no balancer forwards to checks nothing.
            if target is not None and target.state not in ("healthy", "unused"):
                return False
        return True

    def _step(self, store: Store, service: Service) -> float:
        if service.status == "INACTIVE":
            return NEVER
        held = self.tasks_of(store, service)
        if service.status == "DRAINING":
            self._drain(service, held)
            return NEVER
        due = self._judge(service, held)
        rollout.take_requested_back(service)
        due = min(due, self._start(store, service))
        held = self.tasks_of(store, service)
        self._shrink(service, held)
        self._settle(service, held)
        return due

    def _drain(self, service: Service, held: list[Task]) -> None:
        for task in held:
            self._tasks.stop(
                task, "ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {service.primary.id})"
            )
        if all(task.status == "STOPPED" for task in held):
            service.status = "INACTIVE"
            self._events.add("service", service.name, "inactive")

    def _judge(self, service: Service, held: list[Task]) -> float:
        """Stops the tasks that a health check found wanting. Returns when the next grace period ends."""
        due = NEVER
        for task in held:
            if not task.stays or task.status != "RUNNING":
                continue
            if self.serves(task):
                if not task.was_healthy:
                    task.was_healthy = True
                    if task.deployment is not None:
                        rollout.healthy_task(task.deployment, service)
                continue
            grace_ends = (task.started or 0.0) + service.grace
            if grace_ends > self._clock.now():
                due = min(due, grace_ends)
                continue
            if health_of(task) == "UNHEALTHY":
                service.say(f"(task {task.id}) failed container health checks.")
                self._tasks.stop(task, "ServiceSchedulerInitiated", "Task failed container health checks")
                continue
            for arn, port in task.registered:
                target = self._health.target(arn, task.ip)
                if target is not None and target.state == "unhealthy":
                    why = target.condition[2]
                    service.say(
                        f"(task {task.id}) (port {port}) is unhealthy in (target-group {arn}) due to (reason {why})."
                    )
                    self._tasks.stop(
                        task, "ServiceSchedulerInitiated", f"Task failed ELB health checks in (target-group {arn})"
                    )
                    break
        return due

    def _judge_end(self, task: Task) -> None:
        """Counts a task that ended before it ever served, and lets its service wait a little longer each time."""
        service, deployment = task.service, task.deployment
        if service is None or deployment is None:
            return
        if (task.stopped_reason or "").startswith(("Scaling activity", "Task stopped by")):
            return
        service.steady = False
        if task.was_healthy or task.stop_code == "UserInitiated":
            return
        rollout.failed_task(service, deployment)
        deployment.next_start = self._clock.now() + limits.pause(deployment.failures)

    def _start(self, store: Store, service: Service) -> float:
        """Starts what the first deployment lacks, as far as the maximum goes. Returns when it may try again."""
        primary = service.primary
        current = rollout.current_of(service)
        if primary.state == "FAILED":
            return NEVER
        held = [task for task in self.tasks_of(store, service) if task.stays]
        missing = service.desired - sum(task.deployment is primary for task in held)
        wanted = min(missing, limits.most(service.desired, service.configuration) - len(held))
        if wanted <= 0:
            return NEVER
        if primary.next_start > self._clock.now():
            return primary.next_start
        if current is not None and current.status == "PENDING":
            current.become("IN_PROGRESS")
            current.started_at = current.updated_at
        started = []
        for _ in range(wanted):
            try:
                started.append(self._launch(store, service, primary))
            except LookupError as error:
                service.say(f"was unable to place a task. Reason: {error}.")
                primary.next_start = self._clock.now() + limits.pause(4)
                break
        if started:
            names = " ".join(f"(task {task.id})" for task in started)
            service.say(f"has started {len(started)} tasks: {names}.")
            service.steady = False
        return NEVER

    def _launch(self, store: Store, service: Service, deployment: Deployment) -> Task:
        revision = deployment.revision
        fellows = [task for task in self.tasks_of(store, service) if task.stays and task.deployment is deployment]
        providers = Counter(str(task.given.get("capacityProviderName")) for task in fellows)
        given = {
            "networkConfiguration": revision.network,
            "launchType": revision.launch_type,
            "platformVersion": revision.platform_version,
            "capacityProviderName": next_provider(revision.strategy, providers),
            "enableExecuteCommand": service.given.get("enableExecuteCommand", False),
            "startedBy": deployment.id,
        }
        tags = _tags(store, service, deployment)
        task = self._tasks.launch(
            store,
            revision.definition,
            given,
            cluster=service.cluster,
            group=f"service:{service.name}",
            service=service,
            deployment=deployment,
            color=tags.get("bluegreen:color") or store.tags.get(service.arn, {}).get("bluegreen:color", ""),
        )
        if tags:
            store.tags[task.arn] = tags
        return task

    def _shrink(self, service: Service, held: list[Task]) -> None:
        """Stops what is too much: first what isn't up, then of other deployments, then of the first one itself."""
        primary = service.primary
        staying = [task for task in held if task.stays]
        mine = [task for task in staying if task.deployment is primary]
        others = [task for task in staying if task.deployment is not primary]
        if len(mine) > service.desired:
            self._let_go(service, self._first_to_go(mine)[: len(mine) - service.desired])
        if primary.state == "FAILED":
            return
        most = limits.most(service.desired, service.configuration)
        blocked = len(mine) < service.desired and len(staying) >= most
        floor = limits.least_healthy(service.desired, service.configuration) if blocked else service.desired
        serving = sum(self.serves(task) for task in staying)
        leaving: list[Task] = []
        for task in self._first_to_go(others):
            if self.serves(task):
                if serving <= floor:
                    continue
                serving -= 1
            elif len(mine) < service.desired and not blocked:
                continue
            leaving.append(task)
        self._let_go(service, leaving)
        if blocked and not leaving and others and most <= limits.least_healthy(service.desired, service.configuration):
            message = (
                "was unable to stop or start tasks during a deployment because of the service deployment "
                "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
            )
            if not any(message in each["message"] for each in service.events[:5]):
                service.say(message)

    def _first_to_go(self, tasks: list[Task]) -> list[Task]:
        zones = Counter(task.subnet.availability_zone for task in tasks)
        return sorted(
            tasks,
            key=lambda task: (task.status not in STARTING, self.serves(task), -zones[task.subnet.availability_zone]),
        )

    def _let_go(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            self._tasks.stop(
                task, "ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {service.primary.id})"
            )
        if tasks:
            names = " ".join(f"(task {task.id})" for task in tasks)
            service.say(f"has stopped {len(tasks)} running tasks: {names}.")
            service.steady = False

    def _settle(self, service: Service, held: list[Task]) -> None:
        """Drops deployments that have no tasks left, and says when the first one is complete and the service steady."""
        left = {task.deployment for task in held if task.status not in ("DEPROVISIONING", "STOPPED")}
        primary = service.primary
        mine = [task for task in held if task.deployment is primary and task.stays]
        done = len(mine) == service.desired and all(self.serves(task) for task in mine)
        service.deployments[:] = [each for each in service.deployments if each is primary or each in left]
        if not done or any(each in left for each in service.deployments[1:]):
            return
        if primary.state == "IN_PROGRESS":
            rollout.complete(service)
        if primary.state == "COMPLETED" and not service.steady:
            service.steady = True
            service.say("has reached a steady state.")


def _tags(store: Store, service: Service, deployment: Deployment) -> dict[str, str]:
    """What a task gets from its service or its definition, and ECS's own."""
    source = service.given.get("propagateTags")
    tags: dict[str, str] = {}
    if source == "SERVICE":
        tags = dict(store.tags.get(service.arn, {}))
    elif source == "TASK_DEFINITION":
        tags = dict(store.tags.get(deployment.revision.definition.arn, {}))
    if service.given.get("enableECSManagedTags"):
        tags |= {"aws:ecs:clusterName": service.cluster.name, "aws:ecs:serviceName": service.name}
    return tags
