"""A driver's process among faults: every port call of it is a point at which something may happen, once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import driver.observe
import driver.urgent
import driver.watching
from driver.errors import Invalid, Unforeseen
from driver.ports import Ports
from driver.stack.failures import UpdateFailed
from infra.record import Color
from tests.driver.fakes import FakeRunner

if TYPE_CHECKING:
    from tests.driver.chaos import Chaos

WRITES = {"forward", "put_intent", "drop_intent", "set_desired", "update", "refresh", "adopt", "begin", "stop", "back"}
CALLS = WRITES | {"stored", "rules", "health", "capacity", "alarms", "served", "sleep", "ask", "latest"}


class Died(BaseException):
    """A driver's process is no more: nothing that it would do after this has any effect."""


@dataclass(frozen=True)
class Fault:
    """What happens at the n-th point of a command: of all of them, or of those round calls that change something."""

    kind: str
    number: int
    writes: bool = True
    other: tuple[Any, ...] = ()
    """What the other driver asks for, or what a hand does."""


class Serial:
    """An executor that does things one after the other, in either order, so that the n-th call is always the same."""

    backwards = False

    def __init__(self, max_workers: int = 1) -> None:
        self.tasks: list[tuple[Future[Any], Callable[[], Any]]] = []

    def __enter__(self) -> Serial:
        return self

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.tasks.append((future, lambda: call(*args)))
        return future

    def __exit__(self, *_: object) -> None:
        for future, task in reversed(self.tasks) if Serial.backwards else self.tasks:
            try:
                future.set_result(task())
            except BaseException as error:
                future.set_exception(error)


@contextlib.contextmanager
def serially() -> Iterator[None]:
    """While this runs no driver has a thread of its own."""
    rooms: tuple[Any, ...] = (driver.observe, driver.urgent)
    keeper = driver.watching._Keeper
    before = [room.ThreadPoolExecutor for room in rooms], keeper.start, keeper.stop
    for room in rooms:
        room.ThreadPoolExecutor = Serial
    keeper.start = keeper.stop = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        for room, executor in zip(rooms, before[0], strict=True):
            room.ThreadPoolExecutor = executor
        keeper.start, keeper.stop = before[1:]  # type: ignore[method-assign]


class Wire:
    """A port as one process has it: each call of it is a point before and a point after."""

    def __init__(self, process: Process, port: Any) -> None:
        self._process, self._port = process, port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name == "rollouts":
            return lambda: Wire(self._process, found())
        if name not in CALLS:
            return found
        process = self._process

        def call(*args: Any, **named: Any) -> Any:
            process.point(name, "before")
            process.chaos.running = process
            if name == "health":
                process.look(args[0])
            process.decides = process.decides or name == "put_intent"
            answer = found(*args, **named)
            process.chaos.running = process
            process.called.append(name)
            process.point(name, "after")
            return answer

        return call


@dataclass
class Process:
    """One command's driver: what will happen to it, and what it has seen."""

    chaos: Chaos
    verb: str
    fault: Fault | None = None
    at_once: bool = False
    end_hold: bool = False
    in_place: bool = False
    dead: bool = False
    points: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    happened: bool = False
    called: list[str] = field(default_factory=list)
    disturbed: int | None = None
    """How many calls it had made when someone else acted; None where nobody did."""
    decides: bool = False
    """Whether the intent there is its own."""
    looked: dict[Color, tuple[int, int]] = field(default_factory=dict)
    """Healthy and ailing targets by color, as it last saw them."""
    moves: list[dict[Color, int]] = field(default_factory=list)

    @property
    def ports(self) -> Ports:
        made, chaos = [Wire(self, port) for port in self.chaos.parts], self.chaos
        return Ports(made[0], made[1], made[2], made[3], chaos.said.append, FakeRunner())  # type: ignore[arg-type]

    def look(self, arn: str) -> None:
        color: Color = "blue" if arn.endswith("blue") else "green"
        targets = self.chaos.cloud.targets.get(arn, ())
        self.looked[color] = (sum(one.healthy for one in targets), sum(one.state == "unhealthy" for one in targets))

    def point(self, name: str, stage: str) -> None:
        if self.dead:
            raise Died
        for writes in (False, True):
            if not writes or name in WRITES:
                self.points[writes] += 1
        fault = self.fault
        if fault is None or self.happened or self.points[fault.writes] < fault.number:
            return
        if fault.kind == "fail" and name in {"sleep", "ask"}:
            return
        if fault.kind == "backend" and (name, stage) not in {("update", "before"), ("refresh", "before")}:
            return
        self.happened = True
        self._happens(fault, name)

    def _happens(self, fault: Fault, name: str) -> None:
        if fault.kind == "die":
            self.dead = True
            raise Died
        if fault.kind == "fail":
            raise (
                UpdateFailed("the update failed", "timed out", "up")
                if name == "update"
                else Unforeseen("AWS failed", name, "doctor")
            )
        if fault.kind == "backend":
            raise Invalid("the stack's backend can't be used", "no such bucket", ("doctor",))
        self.disturbed = len(self.called)
        if fault.kind == "hand":
            self.chaos.by_hand(*fault.other)
        else:
            self.chaos.command(*fault.other)
        self.chaos.running = self

    @property
    def looked_since(self) -> bool:
        """Whether it has read record and rule after someone else acted."""
        later = self.called[self.disturbed or 0 :]
        return self.disturbed is None or {"stored", "rules"} <= set(
            later[later.index("stored") :] if "stored" in later else ()
        )


@dataclass(frozen=True)
class Outcome:
    """How a command ended. `code` is None where its process died."""

    process: Process
    code: int | None
    failure: BaseException | None = None
    reason: str = ""
    paused: bool = False

    @property
    def told(self) -> str:
        return f"{self.failure}: {getattr(self.failure, 'why', '')}" if self.failure else self.reason

    @property
    def next(self) -> tuple[str, ...]:
        return getattr(self.failure, "next", ())
