"""A stack in a world that goes wrong: every port call of a driver is a point at which something may happen.

A driver is a `Process`. It may be killed at a point, before or after the call there took effect; the call may fail, or
its answer be lost; another driver may act, or a person's hand. What is promised is looked at in `promises`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from driver.errors import Failure, Unforeseen
from driver.pending import bring_up
from driver.ports import Changes, Wish
from driver.release.requests import Deploy, InPlace, Promote, Resume, Retire
from driver.release.signals import Alarm, Served
from driver.release.snapshot import Capacity, Rule, Target
from driver.release.terms import ALL_AT_ONCE, Alarms, Requests, Strategy, Terms
from driver.rollback import Haste, roll_back
from driver.stack.failures import Locked, UpdateFailed, refused
from driver.transition import Limits, carry_out
from infra import decision
from infra.record import COLORS, Color, Record, weights
from tests.driver.fakes import FakeClock, FakeCloud, FakeProbe, FakeStack, _write, release
from tests.driver.processes import Died, Fault, Outcome, Process, Serial, serially

PRODUCTION = "arn:rule/production"
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
        self.replacing.pass_by()
        for color in self.deployed.record.colors:
            group = self.groups[self.deployed.capacity[color]]
            self.targets[f"arn:tg/{color}"] = tuple(
                Target(one.id, *self._state(group.launched.get(one.id, ""))) if one.state == "initial" else one
                for one in self.targets[f"arn:tg/{color}"]
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
        made.cloud.replacing = self.cloud.replacing.clone(made.cloud)
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
        process.in_place = bool(asked.get("in_place"))
        self.running, before = process, self.running
        try:
            made = getattr(self, f"_{verb}")(process, **asked)
            paused = getattr(made, "paused", None) is not None
            return Outcome(process, 0, reason=getattr(made, "reason", ""), paused=paused)
        except Failure as failure:
            return Outcome(process, failure.exit_code, failure)
        except Died as died:
            return Outcome(process, None, died)
        except Exception as error:
            return Outcome(process, 1, error)
        finally:
            self.running = before

    def _deploy(
        self,
        process: Process,
        tag: str = "3",
        capacity: int | None = None,
        end_hold: bool = False,
        in_place: InPlace | None = None,
    ) -> Any:
        return carry_out(process.ports, Deploy(release(tag), capacity, end_hold, in_place=in_place), LIMITS)

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
                self._group(group, least=min(how[0], group.least))
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
        "deploy IMAGE --in-place": ("deploy", {"tag": "9", "in_place": InPlace()}),
        "deploy IMAGE --in-place --end-hold": ("deploy", {"tag": "9", "end_hold": True, "in_place": InPlace()}),
    }
    return [known[hint] for hint in hints if hint in known]


__all__ = [
    "LIMITS",
    "PRODUCTION",
    "TERMS",
    "Chaos",
    "Died",
    "Fault",
    "Outcome",
    "Process",
    "Serial",
    "hints_of",
    "serially",
]
