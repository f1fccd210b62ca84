"""Carries faults out: finds the instances and tasks that are meant, and breaks what the fault says."""

import re
from collections.abc import Sequence
from typing import Any

from sandbox import faults
from sandbox.cloud import images, stores
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.ecs import running
from sandbox.cloud.probing import Outcome
from sandbox.cloud.requests import signed_as
from sandbox.cloud.weather import Spell, Weather

KILLED = 137  # the exit code of a process that got SIGKILL


class Faulting:
    """The surface that sandbox.faults works on."""

    def __init__(self, cloud: Cloud, weather: Weather) -> None:
        self._cloud = cloud
        self._weather = weather
        self._active: dict[str, list[str]] = {}

    def known(self) -> list[dict[str, str]]:
        return [{"name": fault.name, "does": fault.does} for fault in faults.FAULTS.values()]

    def active(self) -> list[dict[str, Any]]:
        apis = [{"name": f"api-{spell.kind}", "until": spell.until} for spell in self._weather.spells]
        watch = self._cloud.watch
        alarms = [{"name": "alarm-fires", "alarm": hold.name, "until": hold.until} for hold in watch.alarms.held()]
        if watch.metering.silent_until > self._cloud.clock.now():
            alarms.append({"name": "no-metrics", "until": watch.metering.silent_until})
        images = [{"name": name, "image": image} for image, name in self._cloud.image_faults.active().items()]
        return [{"name": name, "instances": ids} for name, ids in self._active.items()] + images + apis + alarms

    def begin(self, name: str, given: dict[str, Any]) -> list[str]:
        """What it did, a line each. Raises ValueError."""
        did = faults.begin(self, name, given)
        for line in did:
            self._cloud.events.add("fault", name, line)
        self._cloud.wake()
        return did

    def serving(self, color: str | None, instance: str | None, image: str | None) -> Sequence[str]:
        return self._serving(color, instance, None if image is None else _digest(image))

    def _serving(self, color: str | None, instance: str | None, digest: str | None) -> list[str]:
        return [
            machine.id
            for machine in self._cloud.instances.machines.values()
            if machine.alive
            and machine.bound is not None
            and (instance is None or machine.id == instance)
            and (color is None or (machine.release is not None and machine.release.color == color))
            and digest in (None, machine.digest)
        ] + [
            task.id
            for task in self._cloud.ecs.serving()
            if instance in (None, task.id)
            and color in (None, task.color)
            and digest in (None, running.serving(task).digest)
        ]

    def terminate(self, id: str) -> None:
        if task := self._cloud.ecs.task(id):
            self._cloud.ecs.tasks.exit(task, KILLED)
        else:
            machine = self._cloud.instances.machines[id]
            stores.ec2(machine.region).terminate_instances([id])

    def kill_app(self, id: str) -> None:
        if task := self._cloud.ecs.task(id):
            self._cloud.ecs.tasks.exit(task, KILLED)
        else:
            self._cloud.instances.kill_app(id)

    def misbehave_later(self, image: str, behaviour: str) -> None:
        self._cloud.image_faults.begin(_digest(image), behaviour)

    def misbehave(self, id: str, behaviour: str | None) -> None:
        self._restart(id, behaviour)
        self._note(behaviour, id)

    def fail_checks(self, id: str, status: int, flapping: bool) -> None:
        task = self._cloud.ecs.task(id)
        self._cloud.health.force(Outcome(status), {task.ip if task else id}, flapping)
        self._note("health-flaps" if flapping else "health-fails", id)

    def api(
        self, kind: str, share: float, seconds: float, service: str, delay: float, operations: Sequence[str]
    ) -> None:
        until, named = self._cloud.clock.now() + seconds, tuple(name.lower() for name in operations)
        self._weather.begin(Spell(kind, share, until, signed_as(service), delay, named))

    def alarms(self, color: str | None) -> Sequence[str]:
        """Those with the color as a part of their name; without a color none, as all would be a wild guess."""
        return sorted(
            alarm.name for _, alarm in stores.alarms() if color is not None and color in re.split("[-/]", alarm.name)
        )

    def fire(self, alarm: str, seconds: float) -> None:
        self._cloud.watch.alarms.hold(alarm, seconds)

    def silence(self, seconds: float) -> None:
        self._cloud.watch.metering.silent_until = self._cloud.clock.now() + seconds

    def clear(self) -> None:
        """All well again; what was terminated stays so."""
        self._weather.clear()
        faulty = self._cloud.image_faults.active()
        self._cloud.image_faults.clear()
        self._cloud.watch.alarms.holds.clear()
        self._cloud.watch.metering.silent_until = 0.0
        self._cloud.health.force(None, {*self._cloud.instances.machines, *self._cloud.ecs.tasks.by_ip})
        astray = {id for name, ids in self._active.items() if not name.startswith("health-") for id in ids}
        for id in astray.union(*(self._serving(None, None, digest) for digest in faulty)):
            self._restart(id, None)
        self._active.clear()

    def _restart(self, id: str, behaviour: str | None) -> None:
        if task := self._cloud.ecs.task(id):
            self._cloud.ecs.running.restart(task, behaviour)
        else:
            self._cloud.instances.restart_app(id, behaviour)

    def _note(self, name: str | None, id: str) -> None:
        self._active.setdefault(name or "ok", []).append(id)


def _digest(image: str) -> str:
    try:
        return images.digest(image)
    except images.NoSuchImage as error:
        raise ValueError(str(error)) from error
