"""The simulated AWS as a whole: moto's store, the controllers on top of it, and one lock around both."""

import threading
import traceback
from contextlib import AbstractContextManager

from sandbox.cloud import (
    autoscaling_api,
    commands_api,
    ec2_api,
    elasticache_api,
    elb_api,
    hooks_api,
    policies_api,
    storage_api,
)
from sandbox.cloud.balancing import Balancing, DataPlane
from sandbox.cloud.boots import Boots
from sandbox.cloud.clock import Calendar, Clock
from sandbox.cloud.commands import Commands
from sandbox.cloud.ecs import ecs
from sandbox.cloud.ecs.container_health import ContainerHealth
from sandbox.cloud.ecs.running import Running
from sandbox.cloud.ecs.tasks import Tasks
from sandbox.cloud.ecs.tracking import ServiceScaling
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.hooks import Hooks
from sandbox.cloud.hosts import Hosts
from sandbox.cloud.image_faults import ImageFaults
from sandbox.cloud.instances import Apps, Instances
from sandbox.cloud.probing import Prober
from sandbox.cloud.refresh import api as refresh_api
from sandbox.cloud.refresh.refreshes import Refreshes
from sandbox.cloud.scaling import Scaling
from sandbox.cloud.seam import Seam
from sandbox.cloud.strict import autoscaling as strict_autoscaling
from sandbox.cloud.strict import ec2, listeners, load_balancers, ssm, target_groups
from sandbox.cloud.watch import alarms_api, metrics_api
from sandbox.cloud.watch.policies import Policies
from sandbox.cloud.watch.watch import Watch

LONGEST_SLEEP = 0.5  # real seconds, so that nothing that was overlooked is late by more
SHORTEST_SLEEP = 0.002


class Cloud:
    """Only one at a time in a process: moto's stores are global."""

    def __init__(self, clock: Clock, apps: Apps, plane: DataPlane, prober: Prober) -> None:
        self.clock = clock
        self.lock: AbstractContextManager[object] = threading.RLock()  # moto isn't thread-safe
        self.events = EventLog(clock)
        hooks = Hooks(clock)
        boots = Boots(clock, hooks, prober, self.wake)
        self.image_faults = ImageFaults()
        self.instances = Instances(clock, apps, self.events, boots, self.image_faults)
        running = Running(clock, apps, self.instances.next_address, self.image_faults)
        checks = ContainerHealth(clock, prober, self.wake)
        tasks = Tasks(clock, self.events, running, checks)
        self.hosts = Hosts(self.instances, tasks)
        self.health = Health(clock, self.hosts, prober, self.events, self.wake)
        self.ecs = ecs.Ecs(clock, tasks, running, self.health, checks, self.events)
        self.scaling = Scaling(clock, self.instances, self.health, self.events, hooks)
        self.refreshes = Refreshes(clock, self.scaling, self.health, self.events)
        self.balancing = Balancing(plane, self.health, self.hosts, self.events)
        calendar = Calendar(clock)
        self.watch = Watch(clock, calendar, self.balancing, self.health, self.instances, self.events)
        self._seam = Seam()
        self._wake = threading.Event()
        self._running = True
        self._thread: threading.Thread | None = None
        ec2_api.install(self._seam, self.instances)
        commands_api.install(self._seam, Commands(clock, self.instances, self.events))
        elb_api.install(self._seam, self.health)
        autoscaling_api.install(self._seam, self.scaling)
        refresh_api.install(self._seam, self.refreshes)
        hooks_api.install(self._seam, hooks)
        policies = Policies(clock, self.scaling.explain, self.events, self.wake)
        services = ServiceScaling(clock, self.ecs.targets, self.ecs.store, self.wake)
        self.watch.alarms.scale = lambda arn, breach: (services if ":resource/ecs/" in arn else policies).fire(
            arn, breach
        )
        self.watch.metering.services = self.ecs.loads
        policies_api.install(self._seam, policies)
        ecs.install(self._seam, self.ecs)
        metrics_api.install(self._seam, self.watch.store, calendar)
        alarms_api.install(self._seam, self.watch.alarms, calendar)
        elasticache_api.install(self._seam)
        storage_api.install(self._seam)
        # Last, so that what is refused reaches nothing else.
        for room in (strict_autoscaling, ec2, listeners, load_balancers, ssm, target_groups):
            room.install(self._seam)

    def step(self) -> float:
        """Lets everything that is due happen. Returns the simulated time at which the next thing is."""
        with self.lock:
            due = self.instances.step()
            due = min(due, self.refreshes.step())
            due = min(due, self.scaling.step())
            due = min(due, self.ecs.step())
            due = min(due, self.health.step())
            # A service goes by what the checks have just found; nothing else would wake us for it.
            due = min(due, self.ecs.step())
            # A launch, or a target that was let go, may be due before what was known when the step began.
            due = min(due, self.instances.step())
            self.balancing.sync()
            return min(due, self.watch.step())

    def run(self) -> None:
        """Steps in a thread of its own, when something is due or was changed."""
        self._thread = threading.Thread(target=self._loop, name="cloud", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def woken(self) -> bool:
        """Whether somebody woke the loop since it was last asked."""
        was = self._wake.is_set()
        self._wake.clear()
        return was

    def close(self) -> None:
        self._running = False
        self.wake()
        if self._thread is not None:
            self._thread.join(5)
        self._seam.close()

    def _loop(self) -> None:
        failure = ""
        while self._running:
            try:
                wait = (self.step() - self.clock.now()) / self.clock.speed
                failure = ""
            except Exception as error:
                if not self._running:
                    return
                if failure != (failure := f"a step failed: {type(error).__name__}: {error}"):
                    self.events.add("sandbox", "cloud", failure)
                    traceback.print_exc()
                wait = LONGEST_SLEEP
            if not self.woken():
                self._wake.wait(min(max(wait, SHORTEST_SLEEP), LONGEST_SLEEP))
