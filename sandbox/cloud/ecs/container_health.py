"""Containers' own health checks: the command's request is made for it, since no command runs here."""

import re
import shlex
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.ecs.model import Container, Task
from sandbox.cloud.ecs.running import listens_on, serving
from sandbox.cloud.probing import Check, Outcome, Prober

_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?(/[^\s'\"|;&)]*)?")
LEAST_TIMEOUT = 1.0  # real seconds: the app isn't sped up


@dataclass
class _Watch:
    next_check: float
    grace_ends: float
    bad: int = 0
    checking: bool = False


class ContainerHealth:
    def __init__(self, clock: Clock, prober: Prober, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._prober = prober
        self._wake = wake
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._outcomes: deque[tuple[Task, Container, _Watch, bool]] = deque()

    def began(self, task: Task) -> None:
        for container in task.containers:
            if check := checked(container):
                now = self._clock.now()
                watch = _Watch(now + float(check["interval"]), now + float(check.get("startPeriod") or 0))
                self._watches[task.id, container.name] = watch

    def step(self, task: Task) -> float:
        """Checks a running task's containers when that is due."""
        self._take_outcomes()
        due = NEVER
        for container in task.containers:
            watch = self._watches.get((task.id, container.name))
            if watch is not None:
                due = min(due, self._check(task, container, watch))
        self._take_outcomes()
        return due

    def forget(self, task: Task) -> None:
        for container in task.containers:
            self._watches.pop((task.id, container.name), None)

    def _check(self, task: Task, container: Container, watch: _Watch) -> float:
        now = self._clock.now()
        if watch.next_check > now:
            return watch.next_check
        check = checked(container) or {}
        watch.next_check = max(watch.next_check + float(check["interval"]), now + float(check["interval"]) / 2)
        if watch.checking:
            return watch.next_check
        url = _URL.search(" ".join(check["command"][1:]))
        if url is None or container is not serving(task):
            # Nothing here can run it: it says what it is made to say, or that the container runs.
            self._outcomes.append((task, container, watch, not _always_fails(check["command"])))
        elif task.bound is None or int(url[1] or 80) != listens_on(task):
            self._outcomes.append((task, container, watch, False))
        else:
            watch.checking = True
            timeout = max(float(check["timeout"]) / self._clock.speed, LEAST_TIMEOUT)
            address, port = task.bound
            self._prober.probe(
                Check(address, port, url[2] or "/", timeout),
                lambda outcome: self._done(task, container, watch, outcome),
            )
        return watch.next_check

    def _done(self, task: Task, container: Container, watch: _Watch, outcome: Outcome) -> None:
        self._outcomes.append((task, container, watch, 0 < outcome.status < 400))
        self._wake()

    def _take_outcomes(self) -> None:
        while self._outcomes:
            task, container, watch, good = self._outcomes.popleft()
            watch.checking = False
            if task.status != "RUNNING" or self._watches.get((task.id, container.name)) is not watch:
                continue
            if good:
                watch.bad, container.health = 0, "HEALTHY"
            elif container.health == "HEALTHY" or self._clock.now() >= watch.grace_ends:
                watch.bad += 1
                if watch.bad >= int((checked(container) or {})["retries"]):
                    container.health = "UNHEALTHY"


def checked(container: Container) -> dict[str, Any] | None:
    check = container.definition.get("healthCheck")
    return check if check and check["command"][0] != "NONE" else None


def health_of(task: Task) -> str:
    """Of the whole task, by its essential containers that have a check."""
    held = [each.health for each in task.containers if each.essential and checked(each)]
    if "UNHEALTHY" in held:
        return "UNHEALTHY"
    return "HEALTHY" if held and all(each == "HEALTHY" for each in held) else "UNKNOWN"


def _always_fails(command: list[str]) -> bool:
    words = shlex.split(command[-1]) if command[0] == "CMD-SHELL" else command[1:]
    return words[:2] == ["exit", "1"] or words == ["false"]
