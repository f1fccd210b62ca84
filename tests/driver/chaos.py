"""A stack in a world that goes wrong: every port call of a driver is a point at which something may happen.

A driver is a `Process`. It may be killed at a point, before or after the call there took effect; the call may fail, or
its answer be lost; another driver may act, or a person's hand. What is promised is looked at in `promises`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import driver.observe
import driver.urgent
import driver.watching
from driver.errors import Failure, Invalid, Unforeseen
from driver.pending import bring_up
from driver.ports import Changes, Ports, Wish
from driver.release.requests import Deploy, Promote, Resume, Retire
from driver.release.signals import Alarm, Served
from driver.release.snapshot import Capacity, Rule, Target
from driver.release.terms import ALL_AT_ONCE, Alarms, Requests, Strategy, Terms
from driver.rollback import Haste, roll_back
from driver.stack.failures import Locked, UpdateFailed, refused
from driver.transition import Limits, carry_out
from infra import decision
from infra.record import COLORS, Color, Record, weights
from tests.driver.fakes import FakeClock, FakeCloud, FakeProbe, FakeRunner, FakeStack, _write, digest_of, release

PRODUCTION = "arn:rule/production"
WRITES = {"forward", "put_intent", "drop_intent", "set_desired", "update", "refresh", "adopt"}
CALLS = WRITES | {"stored", "rules", "health", "capacity", "alarms", "served", "sleep", "ask"}
LIMITS = Limits(timeout=60, lock=5)
TERMS = Terms(
    hold=60,
    least=2,
    most=6,
    strategy=Strategy("canary", (10,), 20),
    strategies={
        "all-at-once": ALL_AT_ONCE,
        "canary": Strategy("canary", (10,), 20),
        "linear": Strategy("linear", (20, 60), 10),
    },
    alarms=Alarms({color: {"compose": (f"{color}-errors",)} for color in COLORS}, sight=10),
    requests=Requests(10, "hold", 40),
)


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


class ChaosCloud(FakeCloud):
    """New targets take a moment to become healthy; ill ones stay so through updates; each change is told."""

    chaos: Chaos

    def live(self) -> dict[Color, int]:
        rule = self.forwarding.get(PRODUCTION)
        return {color: rule.shares.get(f"arn:tg/{color}", 0) if rule else 0 for color in COLORS}

    def forward(self, rule: Rule) -> None:
        before = self.live()
        if PRODUCTION not in self.forwarding:
            raise Unforeseen("there is no such rule", "RuleNotFound")
        self.forwarding[rule.arn] = rule
        self.chaos.moved(before, self.live(), "forward")

    def set_desired(self, name: str, desired: int) -> None:
        if name not in self.groups:
            raise Unforeseen("AWS refused", "ValidationError: no such group", "status")
        if desired < self.groups[name].least:
            raise Unforeseen("AWS refused", "ValidationError: below the minimum", "status")
        self.chaos.resized(name, desired)
        super().set_desired(name, desired)

    def settle(self) -> None:
        states = {target.id: target for targets in self.targets.values() for target in targets}
        super().settle()
        for arn, targets in self.targets.items():
            self.targets[arn] = tuple(states.get(one.id, Target(one.id, "initial")) for one in targets)

    def pass_by(self) -> None:
        """A moment later: what was on its way in is as its image is."""
        assert self.deployed is not None
        for color, slot in self.deployed.record.colors.items():
            to = (
                Target("", "unhealthy", "Target.FailedHealthChecks")
                if slot.image in self.sick
                else Target("", "healthy")
            )
            self.targets[f"arn:tg/{color}"] = tuple(
                replace(to, id=one.id) if one.state == "initial" else one for one in self.targets[f"arn:tg/{color}"]
            )

    def healthy(self, color: Color) -> int:
        return sum(target.healthy for target in self.targets.get(f"arn:tg/{color}", ()))


class ChaosStack(FakeStack):
    """Updates follow the checkout where nobody wishes, hold a lock, and can end between rule and record."""

    chaos: Chaos
    busy = False

    def update(self, wish: Wish | None = None) -> Changes:
        if self.busy:
            raise Locked("another update holds the stack", "held by someone", ("wait", "status"))
        self.busy = True
        try:
            return super().update(wish)
        finally:
            self.busy = False

    def _decide(self, wish: Wish | None) -> decision.Decision:
        if wish is None and self.adopted is not None:
            wish = Wish(self.adopted.record, self.adopted.basis)
            stale = True
        else:
            stale = False
        chosen = super()._decide(wish)
        if stale and chosen.adopted:
            terms: Any = type("Terms", (), {"stack": self.name})
            live = self.cloud.live() if PRODUCTION in self.cloud.forwarding else None
            if said := decision.unfinished(chosen, live, terms):
                raise refused(said, ours=False)
        return chosen

    def _apply(self, chosen: decision.Decision) -> None:
        wanted = weights(chosen.record)
        if self.state != wanted:
            before = self.cloud.live()
            if PRODUCTION not in self.cloud.forwarding and self.state != {"blue": 0, "green": 0}:
                raise UpdateFailed("the update failed", "RuleNotFound", "up")
            self.cloud.move(wanted["blue"])
            self.state = wanted
            self.chaos.moved(before, self.cloud.live(), "update", chosen.record)
        self.chaos.running.point("update", "midway")
        if chosen.generation != (self.cloud.deployed.generation if self.cloud.deployed else 0):
            self.chaos.written(chosen)
        _write(self.cloud, chosen.record, chosen.generation)


class Wire:
    """A port as one process has it: each call of it is a point before and a point after."""

    def __init__(self, process: Process, port: Any) -> None:
        self._process, self._port = process, port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
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


class Chaos:
    """The world: one stack, and whoever acts on it."""

    def __init__(self, record: Record, generation: int = 5, terms: Terms = TERMS) -> None:
        self.cloud, self.clock = ChaosCloud(), FakeClock()
        self.stack = ChaosStack(self.cloud, self.clock, settings=terms)
        self.probe = FakeProbe(self.cloud)
        self.cloud.chaos = self.stack.chaos = self
        self.said: list[str] = []
        self.broken: list[str] = []
        self.running = Process(self, "set up")
        self.cloud.move(weights(record)["blue"])
        self.stack.state = self.cloud.live()
        _write(self.cloud, record, generation)
        self.cloud.pass_by()
        self.stack.adopted = self.cloud.deployed
        self.cloud.alarming = {f"{color}-errors": Alarm(f"{color}-errors", "OK") for color in COLORS}
        self.clock.ticks.append(self.cloud.pass_by)
        self.watch: Any = None
        """Who holds the promises against what happens: `promises.Watch`."""

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.cloud, self.stack, self.clock, self.probe

    @property
    def record(self) -> Record:
        assert self.cloud.deployed is not None
        return self.cloud.deployed.record

    def moved(self, before: Mapping[Color, int], after: dict[Color, int], by: str, wish: Record | None = None) -> None:
        self.running.moves.append(after)
        if self.watch:
            self.watch.moved(before, after, by, wish)

    def written(self, chosen: decision.Decision) -> None:
        if self.watch:
            self.watch.written(chosen)

    def resized(self, group: str, desired: int) -> None:
        if self.watch:
            self.watch.resized(group, desired)

    def clone(self) -> Chaos:
        """Another world that is as this one is, in which one may try things."""
        made = Chaos.__new__(Chaos)
        made.__dict__.update(self.__dict__)
        made.clock, made.said, made.watch = FakeClock(), [], None
        made.clock.seconds = self.clock.seconds
        made.cloud = ChaosCloud()
        made.cloud.__dict__.update(
            {
                key: value.copy() if isinstance(value, dict | list | set) else value
                for key, value in self.cloud.__dict__.items()
            }
        )
        made.stack = ChaosStack(made.cloud, made.clock)
        made.stack.__dict__.update(
            {key: value for key, value in self.stack.__dict__.items() if key not in {"cloud", "clock"}}
        )
        made.stack.updates, made.stack.busy = [], False
        made.probe = FakeProbe(made.cloud)
        made.cloud.chaos = made.stack.chaos = made
        made.clock.ticks.append(made.cloud.pass_by)
        made.running = Process(made, "nobody")
        return made

    def heal(self) -> None:
        """What AWS and the release do wrong passes; what drivers and hands have done stays."""
        for arn, targets in self.cloud.targets.items():
            self.cloud.targets[arn] = tuple(replace(one, state="initial", reason="") for one in targets)
        self.cloud.traffic = Served(1_000, 0)
        self.cloud.alarming = {f"{color}-errors": Alarm(f"{color}-errors", "OK") for color in COLORS}
        self.cloud.pass_by()

    def facts(self) -> tuple[Any, ...]:
        """What a command could have changed."""
        cloud, deployed = self.cloud, self.cloud.deployed
        wanted = tuple(sorted((group.name, group.desired) for group in cloud.groups.values()))
        return (deployed.generation if deployed else 0, cloud.live(), cloud.intent, wanted)

    # What drivers do.

    def command(self, verb: str, options: Mapping[str, Any] | None = None, fault: Fault | None = None) -> Outcome:
        """One command from beginning to end, as its verb does it."""
        asked = dict(options or {})
        process = Process(self, verb, fault, at_once=bool(asked.get("at_once")), end_hold=bool(asked.get("end_hold")))
        self.running, before = process, self.running
        try:
            made = getattr(self, f"_{verb}")(process, **asked)
            journey = made if hasattr(made, "paused_at") else None
            paused = journey is not None and journey.paused_at is not None
            return Outcome(process, 0, reason=getattr(made, "reason", ""), paused=paused)
        except Failure as failure:
            return Outcome(process, failure.exit_code, failure)
        except Died as died:
            return Outcome(process, None, died)
        except Exception as error:
            return Outcome(process, 1, error)
        finally:
            self.running = before

    def _deploy(self, process: Process, tag: str = "3", capacity: int | None = None, end_hold: bool = False) -> Any:
        return carry_out(process.ports, Deploy(release(tag), capacity, end_hold), LIMITS)

    def _promote(self, process: Process, **asked: Any) -> Any:
        return carry_out(process.ports, Promote(**asked), LIMITS)

    def _resume(self, process: Process, **asked: Any) -> Any:
        if self.cloud.stored().pending:
            process.at_once = True
            return roll_back(process.ports, Haste(at_once=True, why="resume", timeout=60, lock=5))
        return carry_out(process.ports, Resume(**asked), LIMITS)

    def _rollback(self, process: Process, at_once: bool = False) -> Any:
        return roll_back(process.ports, Haste(at_once=at_once, timeout=60, lock=5))

    def _retire(self, process: Process, due: bool = False) -> Any:
        return carry_out(process.ports, Retire(due=due), LIMITS)

    def _up(self, process: Process) -> Any:
        return bring_up(process.ports, timeout=60, wait=True)

    def _sync(self, process: Process) -> Any:
        deployed = process.ports.cloud.stored().deployed
        assert deployed is not None
        process.ports.stack.adopt(deployed)

    # What others do.

    def by_hand(self, what: str, *how: Any) -> None:
        """A person in the console, or the scaler."""
        cloud = self.cloud
        if what == "weights" and PRODUCTION in cloud.forwarding:
            cloud.move(how[0])
        elif what == "rule gone":
            cloud.forwarding.pop(PRODUCTION, None)
        elif what == "desired":
            group = cloud.groups[next(iter(cloud.groups))]
            self._group(group, desired=min(max(how[0], group.least), group.most))
        elif what == "least":
            for group in list(cloud.groups.values()):
                self._group(group, least=min(how[0], group.desired))
        elif what == "stale checkout":
            self.stack.adopted = how[0] or self.stack.adopted

    def _group(self, group: Capacity, **changes: int) -> None:
        self.cloud.groups[group.name] = replace(group, **changes)  # type: ignore[arg-type]
        self.cloud.settle()

    def observed(self, what: str, color: Color = "green") -> None:
        """What the world does by itself."""
        if what in {"ails", "dies"} and f"arn:tg/{color}" in self.cloud.targets:
            self.cloud.ail(color, 1 if what == "ails" else 9)
        elif what == "recovers":
            self.heal()
        elif what == "alarm":
            self.cloud.alarming[f"{color}-errors"] = Alarm(f"{color}-errors", "ALARM", "too many errors", fired=True)
        elif what == "alarm missing":
            self.cloud.alarming.pop(f"{color}-errors", None)
        elif what == "no traffic":
            self.cloud.traffic = Served(0, 0)


def hints_of(outcome: Outcome | Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """The commands among hints that can be carried out here, as `Chaos.command` takes them."""
    hints = outcome.next if isinstance(outcome, Outcome) else outcome
    known: dict[str, tuple[str, dict[str, Any]]] = {
        "resume": ("resume", {}),
        "rollback": ("rollback", {}),
        "rollback --now": ("rollback", {"at_once": True}),
        "up": ("up", {}),
        "retire": ("retire", {}),
        "retire --due": ("retire", {"due": True}),
        "promote": ("promote", {}),
        "promote --again": ("promote", {"again": True}),
        "deploy IMAGE": ("deploy", {"tag": "9"}),
        "deploy IMAGE --end-hold": ("deploy", {"tag": "9", "end_hold": True}),
    }
    return [known[hint] for hint in hints if hint in known]


__all__ = ["LIMITS", "TERMS", "Chaos", "Died", "Fault", "Outcome", "digest_of", "hints_of", "serially"]
