"""A stack without AWS and Pulumi: the ports as values that change the way the real ones do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from driver.ports import Answers, Changes, Fetched, Ports, Ran, Wish
from driver.release.freeze import sentence
from driver.release.lines import Line
from driver.release.news import Notify
from driver.release.once import parse as parse_once
from driver.release.requests import Terms
from driver.release.signals import Alarm, Served
from driver.release.snapshot import Capacity, Crew, Rule, Stored, Target
from driver.stack.failures import Locked
from infra import decision
from infra.record import (
    COLORS,
    Color,
    Deployed,
    Record,
    Release,
    Slot,
    other,
    parse_deployed,
    parse_intent,
    weights,
)
from tests.driver.fake_registry import FakeRegistry
from tests.driver.fake_rollouts import FakeRollouts
from tests.driver.fake_runs import FakeRuns

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACCOUNT = "111122223333"


def image(tag: str) -> str:
    """An image of the stack's own registry, as records name it."""
    return f"shop:{tag}@sha256:{sum(tag.encode()):064x}"


def digest_of(platform: str, named: str) -> str:
    return f"{platform}-{named[-6:]}"


def release(tag: str, platform: str = "compose") -> Release:
    return Release(platform, image(tag), digest_of(platform, image(tag)))


def slot(tag: str, fill: int, floor: int = 2) -> Slot:
    made = release(tag)
    return Slot(made.platform, made.image, made.digest, fill, floor)


class FakeClock:
    """Sleeping is instant; `ticks` are called after each sleep, as the world goes on meanwhile."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ticks: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def later(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds)

    def since(self, moment: datetime) -> float:
        return max(0.0, (self.now() - moment).total_seconds())

    def elapsed(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for tick in list(self.ticks):
            tick()


class FakeProbe:
    """Answers as the color that has the traffic; or as told."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.answers: Answers | None = None
        self.asked = 0
        self.fetched: list[str] = []
        self.pages: dict[str, Fetched] = {}

    def ask(self, url: str, times: int) -> Answers:
        self.asked += 1
        if self.answers is not None:
            return self.answers
        live = self.cloud.live()
        serves = max(live, key=lambda color: live[color])
        return Answers(True, (200,) * times, (serves,) * times)

    def fetch(self, url: str) -> Fetched:
        self.fetched.append(url)
        return self.pages.get(url, Fetched(200, "all is well"))


class FakeRunner:
    """Notes what is run, and ends as told."""

    def __init__(self) -> None:
        self.ran: list[tuple[Sequence[str], Mapping[str, str]]] = []
        self.ends = Ran(0)

    def run(self, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> Ran:
        self.ran.append((words, environment))
        return self.ends


@dataclass
class FakeCloud:
    """Parameters, two rules, two target groups and the scaling groups of one stack."""

    deployed: Deployed | None = None
    intent: str = ""
    freeze: str = ""
    driver: str = ""
    """The lease of who watches. Its calls are not counted: a thread of its own makes them."""
    kept_once: str = ""
    claims: dict[str, str] = field(default_factory=dict)
    commands: FakeRuns = field(default_factory=FakeRuns)
    made_of: dict[str, str] = field(default_factory=dict)
    """The image that comes of each template."""
    published: list[tuple[str, str, str]] = field(default_factory=list)
    region: str = "eu-central-1"
    groups: dict[str, Capacity] = field(default_factory=dict)
    manned: dict[str, Crew] = field(default_factory=dict)
    """Workers that are services of their own."""
    targets: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    forwarding: dict[str, Rule] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    repository: FakeRegistry = field(default_factory=FakeRegistry)
    calls: list[str] = field(default_factory=list)
    logged: dict[Color, list[Line]] = field(default_factory=dict)
    alarming: dict[str, Alarm] = field(default_factory=dict)
    traffic: Served = field(default_factory=lambda: Served(1_000_000, 0))
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Why instances of a group never got ready."""
    sick: set[str] = field(default_factory=set)
    """Images whose targets never get healthy."""
    failing: dict[str, Exception] = field(default_factory=dict)
    history: list[dict[Color, int]] = field(default_factory=list)
    """Every set of live weights there has been."""

    @cached_property
    def replacing(self) -> FakeRollouts:
        return FakeRollouts(self)

    def account(self) -> str:
        return ACCOUNT

    def stored(self) -> Stored:
        self._call("stored")
        intent = parse_intent(self.intent) if self.intent else None
        return Stored(self.deployed, intent, sentence(self.freeze), self.driver, once=parse_once(self.kept_once))

    def rules(self, arns: Sequence[str]) -> Mapping[str, Rule]:
        self._call("rules")
        return {arn: self.forwarding[arn] for arn in arns if arn in self.forwarding}

    def health(self, target_group: str) -> tuple[Target, ...]:
        self._call("health")
        return self.targets.get(target_group, ())

    def capacity(self, names: Sequence[str]) -> Mapping[str, Capacity]:
        self._call("capacity")
        return {name: self.groups[name] for name in names if name in self.groups}

    def crews(self, names: Sequence[str]) -> Mapping[str, Crew]:
        self._call("crews")
        return {name: self.manned[name] for name in names if name in self.manned}

    def image(self, reference: str) -> str:
        return self.images[reference]

    def registry(self) -> FakeRegistry:
        return self.repository

    def forward(self, rule: Rule) -> None:
        self._call("forward")
        self.forwarding[rule.arn] = rule
        self.history.append(self.live())

    def alarms(self, names: Sequence[str], since: datetime | None = None) -> Mapping[str, Alarm]:
        self._call("alarms")
        found = {name: self.alarming[name] for name in names if name in self.alarming}
        return {name: alarm if since else replace(alarm, fired=False) for name, alarm in found.items()}

    def served(self, target_group: str, rule: str, since: datetime) -> Served:
        self._call("served")
        return self.traffic

    def rollouts(self) -> FakeRollouts:
        return self.replacing

    def launch_failures(self, group: str, color: Color, template: str = "") -> tuple[str, ...]:
        self._refuse("launch_failures")
        return self.lost.get(group, ())

    def log_lines(self, color: Color, since: datetime, limit: int) -> Sequence[Line]:
        self._call("log_lines")
        return [line for line in self.logged.get(color, ()) if line.when >= since][-limit:]

    def put_record(self, text: str) -> None:
        self._call("put_record")
        self.deployed = parse_deployed(text)

    def put_intent(self, text: str) -> None:
        self._call("put_intent")
        self.intent = text

    def drop_intent(self) -> None:
        self._call("drop_intent")
        self.intent = ""

    def watcher(self) -> str:
        return self.driver

    def put_driver(self, text: str) -> None:
        self._refuse("put_driver")
        self.driver = text

    def drop_driver(self) -> None:
        self._refuse("drop_driver")
        self.driver = ""

    def put_freeze(self, text: str) -> None:
        self._call("put_freeze")
        self.freeze = text

    def drop_freeze(self) -> None:
        self._call("drop_freeze")
        self.freeze = ""

    def put_once(self, text: str) -> None:
        self._call("put_once")
        self.kept_once = text

    def drop_once(self) -> None:
        self._call("drop_once")
        self.kept_once = ""

    def claim(self, name: str, text: str) -> str:
        self._call("claim")
        return self.claims.setdefault(name, text)

    def drop_claims(self) -> None:
        self._call("drop_claims")
        self.claims.clear()

    def runs(self, name: str) -> FakeRuns:
        return self.commands.of(name, lambda: self.groups[name].instances if name in self.groups else ())

    def publish(self, topic: str, subject: str, message: str) -> None:
        self._refuse("publish")
        self.published.append((topic, subject, message))

    def set_desired(self, name: str, desired: int) -> None:
        self._call("set_desired")
        self.groups[name] = replace(self.groups[name], desired=desired)
        self.settle()

    # What the tests do to it.

    def live(self) -> dict[Color, int]:
        rule = self.forwarding["arn:rule/production"]
        return {color: rule.shares[f"arn:tg/{color}"] for color in COLORS}

    def move(self, blue: int) -> None:
        """The rule, by someone's hand or an update."""
        shares = {"arn:tg/blue": blue, "arn:tg/green": 100 - blue}
        self.forwarding["arn:rule/production"] = Rule("arn:rule/production", shares)
        self.history.append(self.live())

    def settle(self) -> None:
        """Instances come and go until each group has as many as it wants; those of sound images are healthy."""
        if self.deployed is None:
            return
        for color, slot in self.deployed.record.colors.items():
            group = self.groups[self.deployed.capacity[color]]
            wanted = min(max(group.desired, group.least), group.most)
            numbers = {name.split("-")[-1].partition(".")[0]: name for name in group.instances}
            names = tuple(numbers.get(str(number), f"i-{color}-{slot.fill}-{number}") for number in range(wanted))
            launched = {name: group.launched.get(name, group.template) for name in names}
            self.groups[group.name] = replace(group, desired=wanted, instances=names, launched=launched)
            self.targets[f"arn:tg/{color}"] = tuple(Target(name, *self._state(launched[name])) for name in names)

    def is_sick(self, template: str) -> bool:
        """Whether what is launched from it never gets healthy."""
        return self.made_of.get(template) in self.sick

    def _state(self, template: str) -> tuple[str, str]:
        return ("unhealthy", "Target.FailedHealthChecks") if self.is_sick(template) else ("healthy", "")

    def ail(self, color: Color, number: int) -> None:
        """So many targets of a color turn unhealthy."""
        arn = f"arn:tg/{color}"
        self.targets[arn] = tuple(
            replace(target, state="unhealthy", reason="Target.Timeout") if index < number else target
            for index, target in enumerate(self.targets[arn])
        )

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self._refuse(name)

    def _refuse(self, name: str) -> None:
        if name in self.failing:
            raise self.failing[name]


@dataclass
class FakeStack:
    """Updates that decide as the program does, and change the fake cloud accordingly."""

    cloud: FakeCloud
    clock: FakeClock
    name: str = "dev"
    project: str = "shop"
    settings: Terms = field(default_factory=lambda: Terms(hold=0, least=2, most=6))
    told: Notify = field(default_factory=Notify)
    state: dict[Color, int] | None = None
    """The weights that Pulumi believes the rule to have."""
    updates: list[Wish | None] = field(default_factory=list)
    refreshed: int = 0
    reread: list[tuple[str, ...]] = field(default_factory=list)
    adopted: Deployed | None = None
    locked: list[Locked] = field(default_factory=list)
    """Raised one after the other before an update goes through."""
    before: Callable[[], None] | None = None
    """Runs once, as another driver would, just before an update decides."""
    failing: Exception | None = None
    remembered: str = ""
    emptied: bool = False
    """The backend in use is not the one that the stack was made with."""
    torn: list[Exception] = field(default_factory=list)
    """Raised one after the other by updates that have moved the rule and not yet written the record."""

    def terms(self) -> Terms:
        return self.settings

    def notify(self) -> Notify:
        return self.told

    def forbidden(self) -> tuple[str, ...]:
        return ()

    def release(self, platform: str, image: str) -> Release:
        return Release(platform, image, digest_of(platform, image))

    def preview(self, wish: Wish | None = None) -> Changes:
        return Changes({"same": 10})

    def update(self, wish: Wish | None = None) -> Changes:
        if self.locked:
            raise self.locked.pop(0)
        if self.before:
            hook, self.before = self.before, None
            hook()
        self.updates.append(wish)
        if self.failing:
            raise self.failing
        assert self.cloud.deployed is not None or wish is None
        chosen = self._decide(wish)
        self._apply(chosen)
        return Changes({"update": 3}, seconds=1.0)

    def refresh(self, targets: Sequence[str]) -> None:
        self.refreshed += 1
        self.reread.append(tuple(targets))
        self.state = self.cloud.live()

    def destroy(self) -> Changes:
        raise AssertionError("not asked for in these tests")

    def blank(self) -> bool:
        return self.emptied

    def protected(self) -> tuple[str, ...]:
        return ()

    def recorded(self) -> str:
        return self.remembered

    def adopt(self, deployed: Deployed) -> None:
        self.adopted = deployed

    def forget(self) -> None:
        self.adopted = None

    def _decide(self, wish: Wish | None) -> decision.Decision:
        stored = self.cloud.stored()
        copy = decision.Copy(wish.record, wish.basis) if wish else decision.Copy()
        terms = decision.Terms(
            stack=self.name,
            now=self.clock.now(),
            hold=timedelta(seconds=self.settings.hold),
            floor=self.settings.least,
            platforms=("compose",),
            first_release=lambda: release("1"),
            digest=lambda platform, image: self.release(platform, image).digest,
        )
        chosen = decision.decide(stored.deployed, stored.pending, copy, terms)
        if isinstance(chosen, decision.Refused):
            from driver.stack.failures import refused

            raise refused(chosen)
        return chosen

    def _apply(self, chosen: decision.Decision) -> None:
        wanted = weights(chosen.record)
        if self.state != wanted:
            self.cloud.move(wanted["blue"])
            self.state = wanted
        if self.torn:
            raise self.torn.pop(0)
        _write(self.cloud, chosen.record, chosen.generation)


def _write(cloud: FakeCloud, record: Record, generation: int) -> None:
    names = {color: f"{color}-{slot.fill}-group" for color, slot in record.colors.items()}
    templates: dict[Color, dict[str, str]] = {}
    for color, slot in record.colors.items():
        kept = cloud.groups.get(names[color])
        desired = max(kept.desired if kept else slot.floor, slot.floor)
        releases = [slot.release, *([record.leaving] if record.leaving and color == record.active else [])]
        templates[color] = {one.digest: _template(cloud, color, one, generation) for one in releases}
        launches = templates[color][releases[-1].digest]
        cloud.groups[names[color]] = Capacity(
            names[color],
            slot.floor,
            6,
            desired,
            kept.instances if kept else (),
            {"bluegreen:fill": str(slot.fill)},
            launches,
            dict(kept.launched) if kept else {},
        )
    cloud.groups = {name: group for name, group in cloud.groups.items() if name in names.values()}
    cloud.deployed = Deployed(
        record,
        generation,
        account=ACCOUNT,
        region=cloud.region,
        rules={"production": "arn:rule/production", "test": "arn:rule/test"},
        target_groups={color: {"compose": f"arn:tg/{color}"} for color in COLORS},
        capacity=names,
        templates=templates,
        url="http://shop.example",
        test_url="http://shop.example:9001",
        who="a test",
        when="2026-03-01T11:00:00Z",
        why="set up",
    )
    cloud.forwarding["arn:rule/test"] = Rule("arn:rule/test", {f"arn:tg/{other(record.active)}": 1})
    cloud.settle()


def _template(cloud: FakeCloud, color: Color, release: Release, generation: int) -> str:
    """What is noted already, or a new one: no two attempts at a release have the same."""
    known = cloud.deployed.template(color, release) if cloud.deployed else ""
    slot = cloud.deployed.record.colors.get(color) if cloud.deployed else None
    made = known if known and slot else f"t-{color}-{release.digest}:{generation}"
    cloud.made_of[made] = release.image
    return made


@dataclass
class World:
    """A stack at some record, and the ports to move it through."""

    cloud: FakeCloud
    stack: FakeStack
    clock: FakeClock
    probe: FakeProbe
    said: list[str] = field(default_factory=list)
    runner: FakeRunner = field(default_factory=FakeRunner)

    @property
    def ports(self) -> Ports:
        return Ports(self.cloud, self.stack, self.clock, self.probe, self.said.append, self.runner)

    @property
    def record(self) -> Record:
        assert self.cloud.deployed is not None
        return self.cloud.deployed.record


def world(record: Record | None = None, generation: int = 5) -> World:
    """A stack that has this record deployed, with live weights and healthy fleets to match."""
    cloud, clock = FakeCloud(), FakeClock()
    clock.ticks.append(cloud.replacing.pass_by)
    made = World(cloud, FakeStack(cloud, clock), clock, FakeProbe(cloud))
    if record is not None:
        cloud.move(weights(record)["blue"])
        made.stack.state = cloud.live()
        _write(cloud, record, generation)
        cloud.history.clear()
    return made


def serving(standby: str = "candidate", *, floor: int = 2, held: str | None = None) -> Record:
    """Blue serves release 1; green holds release 2 and is what `standby` says."""
    colors: dict[Color, Slot] = {"blue": slot("1", 1)}
    if standby != "empty":
        colors["green"] = slot("2", 4, floor)
    return Record("blue", standby, colors, None, held)  # type: ignore[arg-type]
