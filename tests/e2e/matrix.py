"""Faults let loose at a place of a canary, or of a rollback out of it: one cell of the fault matrix each.

A cell holds when users of the old color lose nothing, the command ends with a code and a message that fit, and one
further command reaches a good state.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.rehearsal.clients import Clients
from tests.e2e.play import Play, Process, wait_for

PLACES = ("before", "first weight", "bake", "last weight", "rollback")
GATES = {
    "requests": {"least": 10, "otherwise": "hold", "maxBake": "6m"},
    "alarms": {"errors": 2, "latency": 0.5, "unhealthyHosts": 1},
}
CANARY = ("promote", "--weights", "10", "--bake", "4m", "--max-bake", "6m")
JUMPING = """
import datetime, pathlib, driver.clock
from driver.cli import main
flag, right = pathlib.Path({flag!r}), driver.clock.SystemClock.now
later = datetime.timedelta(minutes=10)
driver.clock.SystemClock.now = lambda self: right(self) + later if flag.exists() else right(self)
main()
"""


@dataclass(frozen=True)
class Way:
    """How one release comes after another: from a platform onto one, as a standby that is promoted or in place."""

    name: str
    source: str
    onto: str
    in_place: bool = False

    def ready(self, play: Play) -> str:
        """What serves runs on `source`, and nothing is in progress; gives the image that is to come, which stands by
        where the way leads over a standby."""
        if play.run("status").document["transition"]:
            play.run("rollback")
        if (serving := _serving(play))["platform"] != self.source:
            play.run("deploy", _other(play, serving), "--platform", self.source, "--end-hold")
            play.run("promote")
        image = _other(play, _serving(play))
        if not self.in_place:
            play.run("deploy", image, "--platform", self.onto, "--end-hold")
        return image

    def words(self, image: str) -> tuple[str, ...]:
        """The command that takes it."""
        if not self.in_place:
            return CANARY
        return ("deploy", image, "--platform", self.onto, "--in-place", *CANARY[3:], "--end-hold")

    @property
    def watched(self) -> str:
        """What the command says where its bake begins."""
        return "watch what has come" if self.in_place else "watch 10 %"


WAYS = (
    Way("compose to compose", "compose", "compose"),
    Way("compose to fargate", "compose", "fargate"),
    Way("fargate to fargate", "fargate", "fargate"),
    Way("in place on compose", "compose", "compose", in_place=True),
    Way("in place on fargate", "fargate", "fargate", in_place=True),
)


def _serving(play: Play) -> dict[str, Any]:
    record = play.record()
    return dict(record["colors"][record["activeColor"]])


def _other(play: Play, serving: dict[str, Any]) -> str:
    """A sound image that does not serve."""
    digest = serving["image"].partition("@")[2]
    return next(one for one in ("shop:2.0.0", "shop:3.0.0") if not play.stage.push(one).endswith(digest))


@dataclass
class Running:
    """A verb under way, and what it has said so far."""

    process: Process
    said: list[str] = field(default_factory=list)
    out: str = ""

    @classmethod
    def of(cls, process: Process) -> Running:
        running = cls(process)
        running._threads = [threading.Thread(target=work, daemon=True) for work in (running._hear, running._read)]
        for thread in running._threads:
            thread.start()
        return running

    def until(self, words: str, seconds: float = 60) -> None:
        """Returns when a line with these words was said, or the command has ended."""
        wait_for(
            lambda: any(words in line for line in list(self.said)) or self.process.poll() is not None,
            f"{words!r} was not said: {self.said}",
            seconds,
        )

    def ended(self, seconds: float = 120) -> End:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"not over after {seconds} s: {self.said}") from None
        for thread in self._threads:
            thread.join(10)
        document = json.loads(self.out) if self.out.strip() else {}
        return End(self.process.returncode, document, tuple(self.said))

    def _hear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.out = self.process.stdout.read()


@dataclass(frozen=True)
class End:
    """How a verb ended. A negative code is the signal that killed it."""

    code: int
    document: dict[str, Any]
    said: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.document.get('reason', '')} {' '.join(self.said)}"


@dataclass(frozen=True)
class Fault:
    """`begin` lets it loose; `end` takes it away. `harms`: clients of the new color feel it, and only they may.

    `codes`: what the command may end with, by place, else under `any`. `says`: what its words must match where it does
    not end well.
    """

    name: str
    begin: Callable[[Cell], None]
    end: Callable[[Cell], None] = lambda cell: cell.play.stage.post("fault", {"name": "clear"}) and None
    codes: dict[str, set[int]] = field(default_factory=dict)
    says: str = "."
    harms: bool = False
    loaded: bool = True
    starts: Callable[[Cell, tuple[str, ...]], Process] = lambda cell, words: cell.play.start(*words)

    def expected(self, place: str) -> set[int]:
        usual = self.codes.get("any", {0})
        # The first weight is said before its gates are asked: what comes in between is refused as if it came before.
        return usual | self.codes.get("before", set()) if place == "first weight" else self.codes.get(place, usual)


@dataclass
class Cell:
    """One fault at one place, on a stage that is steady before and after."""

    play: Play
    fault: Fault
    place: str
    way: Way
    old: str = ""
    new: str = ""
    end: End | None = None
    after: End | None = None
    failed: int = 0
    process: Process | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Plays the cell and holds it to what every cell is held to."""
        self.ready()
        with self._clients() as clients:
            try:
                self.end = self._played()
            finally:
                self.fault.end(self)
            self.after = self._onward()
        self._judge(dict(clients.stop()) if clients else {})

    def ready(self) -> None:
        """A candidate stands by and nothing is in progress, also where the cell before has failed."""
        self.way.ready(self.play)
        self.old = self.play.record()["activeColor"]
        self.new = "green" if self.old == "blue" else "blue"

    def _played(self) -> End:
        words = CANARY
        if self.place == "before":
            self.fault.begin(self)
            return self._start(words).ended()
        canary = self._start(words) if self.place != "rollback" else Running.of(self.play.start(*words))
        if self.place == "first weight":
            canary.until(f"shift 10 % of the traffic to {self.new}")
        elif self.place in {"bake", "rollback"}:
            canary.until(f"watch 10 % on {self.new}")
        else:
            canary.until("shift 100 %")
        if self.place != "rollback":
            self.fault.begin(self)
            return canary.ended()
        back = self._start(("rollback",))
        self.fault.begin(self)
        end = back.ended()
        canary.ended()
        return end

    def _start(self, words: tuple[str, ...]) -> Running:
        self.process = self.fault.starts(self, words)
        return Running.of(self.process)

    def _onward(self) -> End | None:
        """The one further command, where something is left in progress: what the first one's own hint says."""
        assert self.end is not None
        seen = self.play.run("status").document
        moved = seen["weights"] not in ({"blue": 100, "green": 0}, {"blue": 0, "green": 100})
        if not (seen["transition"] or seen["intent"] or seen["drift"] or moved):
            return None
        hint = shlex.split(self.end.document.get("next") or "")[3:]
        words = tuple(hint) if hint[:1] in (["resume"], ["rollback"]) else ("rollback",)
        return Running.of(self.play.start(*words)).ended()

    def _judge(self, load: dict[str, Any]) -> None:
        end, fault = self.end, self.fault
        assert end is not None
        where = f"{self.way.name} / {fault.name} / {self.place}: {end.code} {end.text[-700:]} then {self.after}"
        assert end.code in fault.expected(self.place), where
        if end.code > 0:
            assert re.search(fault.says, end.text, re.IGNORECASE), where
            assert end.document.get("next"), where
        steady = self.play.run("status", "--exit-code").document
        assert steady["exit_code"] == 0, (where, steady)
        assert steady["transition"] is None, (where, steady)
        assert steady["intent"] is None, (where, steady)
        assert sorted(steady["weights"].values()) == [0, 100], (where, steady)
        if load:
            self.failed = load["failed"]
            hurt = [failure for failure in load.get("failures", []) if failure.get("color") == self.old]
            assert not hurt, (where, hurt)
            assert fault.harms or not self.failed, (where, load)
        self._note()

    def _note(self) -> None:
        """Writes how the cell went to the file that FAULT_MATRIX names, for the table in the docs."""
        if (file := os.environ.get("FAULT_MATRIX")) and self.end is not None:
            then = self.after.document.get("verb") if self.after else None
            noted = {
                "fault": self.fault.name,
                "place": self.place,
                "code": self.end.code,
                "then": then,
                "way": self.way.name,
            }
            with Path(file).open("a") as stream:
                stream.write(json.dumps(noted) + "\n")

    @contextmanager
    def _clients(self) -> Iterator[Clients | None]:
        if not self.fault.loaded:
            yield None
            return
        with self.play.load(100) as clients:
            yield clients


def posted(name: str, **aim: Any) -> Callable[[Cell], None]:
    """A fault of the sandbox's own. `color="new"` is the color that the traffic goes to."""

    def begin(cell: Cell) -> None:
        given = {key: (cell.new if value == "new" else value) for key, value in aim.items()}
        cell.play.stage.post("fault", {"name": name, **given})

    return begin


def nothing(cell: Cell) -> None:
    """No more is needed than how the command was started, or what was deployed."""


def signalled(number: int) -> Callable[[Cell], None]:
    def begin(cell: Cell) -> None:
        time.sleep(0.3)
        if cell.process is not None and cell.process.poll() is None:
            cell.process.send_signal(number)

    return begin


def second_driver(cell: Cell) -> None:
    """Another one wants the opposite at the same time."""
    cell.kept["second"] = Running.of(cell.play.start("rollback" if cell.place != "before" else "promote"))


def second_over(cell: Cell) -> None:
    cell.kept["second"].ended()


def drifted(cell: Cell) -> None:
    """Someone moves the weights by hand."""
    elb = cell.play.client("elbv2")
    rule = cell.play.record()["rules"]["production"]
    action = elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]
    for group, weight in zip(action["ForwardConfig"]["TargetGroups"], (70, 30), strict=True):
        group["Weight"] = weight
    elb.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "ForwardConfig": action["ForwardConfig"]}])


def alarm_gone(cell: Cell) -> None:
    cell.play.client("cloudwatch").delete_alarms(AlarmNames=[f"shop/dev/{cell.new}/{cell.way.onto}/errors"])


def alarm_back(cell: Cell) -> None:
    cell.play.run("up")


def state(cell: Cell) -> Path:
    return Path(cell.play.environ["PULUMI_BACKEND_URL"].removeprefix("file://"))


def locked(pid: int, host: str) -> Callable[[Cell], None]:
    """A lock that another driver holds, or has left."""

    def begin(cell: Cell) -> None:
        folder = state(cell) / ".pulumi" / "locks" / "organization" / "shop" / "dev"
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / f"{uuid.uuid4()}.json"
        owner = {"pid": pid, "username": "someone", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}
        lock.write_text(json.dumps(owner))
        cell.kept["lock"] = lock

    return begin


def unlocked(cell: Cell) -> None:
    cell.kept["lock"].unlink(missing_ok=True)


def stale(cell: Cell) -> None:
    """What a driver of this machine leaves that was killed while its update ran."""
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    import psutil

    leases = Path(cell.play.environ["PULUMI_HOME"]) / "bluegreen" / "leases"
    leases.mkdir(parents=True, exist_ok=True)
    lease = {
        "pid": victim.pid,
        "started": psutil.Process(victim.pid).create_time(),
        "boot": psutil.boot_time(),
        "namespace": Path("/proc/self/ns/pid").stat().st_ino if Path("/proc/self/ns/pid").exists() else 0,
        "host": socket.gethostname(),
    }
    (leases / f"{victim.pid}.json").write_text(json.dumps(lease))
    folder = state(cell) / ".pulumi" / "locks" / "organization" / "shop" / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    owner = {"pid": victim.pid, "username": "root", "hostname": socket.gethostname(), "timestamp": stamp}
    cell.kept["lock"] = folder / f"{uuid.uuid4()}.json"
    cell.kept["lock"].write_text(json.dumps(owner))
    victim.kill()
    victim.wait()


def backend_gone(cell: Cell) -> None:
    home = state(cell)
    cell.kept["home"] = home.rename(home.with_name("away"))
    home.write_text("not a directory")


def backend_back(cell: Cell) -> None:
    home = state(cell)
    home.unlink()
    cell.kept["home"].rename(home)


def small_disk(cell: Cell, words: tuple[str, ...]) -> Process:
    """No file may grow beyond a few KiB: the state can't be saved any more."""
    process = cell.play.start(*words)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (8192, 8192))
    return process


def jumpy(cell: Cell, words: tuple[str, ...]) -> Process:
    """The driver's clock will be set ten minutes ahead."""
    code = JUMPING.format(flag=str(cell.play.stage.home / "jumped"))
    return cell.play.popen([sys.executable, "-c", code, "-s", "dev", "-y", "--output", "json", *words])


def jumps(cell: Cell) -> None:
    (cell.play.stage.home / "jumped").touch()


def jumped(cell: Cell) -> None:
    (cell.play.stage.home / "jumped").unlink()


HURT = {"any": {0, 3, 4}}
FAULTS = {
    fault.name: fault
    for fault in (
        Fault("never healthy", posted("health-fails", color="new"), codes=HURT, harms=True),
        Fault("dies after a while", posted("app-dies", color="new", count=1), codes=HURT, harms=True),
        Fault("slow", posted("app-slow", color="new", amount=1.5), codes=HURT, harms=True),
        Fault("5 % errors", posted("app-errors", color="new", amount=0.05), codes=HURT, harms=True),
        Fault("100 % errors", posted("app-errors", color="new", amount=1.0), codes=HURT, harms=True),
        Fault("smaller than active", posted("instance-dies", color="new", count=1), codes=HURT, harms=True),
        Fault("empty", posted("instance-dies", color="new", count=2), codes=HURT, harms=True),
        Fault("alarm firing", posted("alarm-fires", color="new"), codes={"before": {3}, "any": {0, 4}}, says="alarm"),
        Fault("alarm missing", alarm_gone, alarm_back, codes={"before": {3}, "any": {0, 4}}, says="alarm"),
        Fault("no traffic", posted("no-metrics"), codes={"any": {0, 6}}, says="requests", loaded=False),
        Fault("throttled API", posted("api-throttled", amount=0.4, seconds=120), codes={"any": {0, 6}}),
        Fault("answer lost", posted("api-lost", amount=0.3, seconds=120), codes={"any": {0, 5, 6}}),
        Fault("lock held", locked(1, "elsewhere"), unlocked, codes={"any": {0, 5, 6}}, says="lock|holds"),
        Fault("stale lock", stale, unlocked),
        Fault("second driver", second_driver, second_over, codes={"any": {0, 3, 5, 6}}),
        Fault("drift", drifted, codes={"before": {3}, "any": {0, 5}}, says="weights|record"),
        Fault("backend unreachable", backend_gone, backend_back, codes={"before": {2}, "any": {0, 1, 2, 6}}),
        Fault("SIGTERM", signalled(signal.SIGTERM), codes={"any": {0, 6}}, says="interrupted"),
        Fault("kill -9", signalled(signal.SIGKILL), codes={"any": {0, -9}}),
        Fault("disk full", nothing, nothing, codes={"any": {0, 2, 6}}, says="saved|written", starts=small_disk),
        Fault("clock jump", jumps, jumped, codes={"before": {0, 6}}, says="requests", starts=jumpy),
    )
}


FEW = ("100 % errors", "no traffic", "answer lost", "stale lock", "second driver")


def chosen() -> list[tuple[Way, str, str]]:
    """A few faults over ways and places in turn; with BLUEGREEN_SOAK each fault at each place on each way.

    In place there is no other color, and none of these places: what a driver's death does there, `test_kills` plays.
    """
    ways = [way for way in WAYS if not way.in_place]
    if os.environ.get("BLUEGREEN_SOAK"):
        return [(way, fault, place) for way in ways for fault in FAULTS for place in PLACES]
    return [(ways[at % 3], fault, PLACES[at % len(PLACES)]) for at, fault in enumerate(FEW)]


def table(lines: list[str], way: Way) -> str:
    """The notes of a run as a table of `docs/fault-matrix.md`."""
    noted = {(one["fault"], one["place"]): one for one in map(json.loads, lines) if one["way"] == way.name}
    rows = ["| fault | " + " | ".join(PLACES) + " |", "|" + "---|" * (len(PLACES) + 1)]
    for fault in FAULTS:
        cells = [_shown(noted.get((fault, place))) for place in PLACES]
        rows.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _shown(one: dict[str, Any] | None) -> str:
    if one is None:
        return "not run"
    code = "killed" if one["code"] < 0 else str(one["code"])
    return f"{code}, then `{one['then']}`" if one["then"] else code


if __name__ == "__main__":
    notes = Path(sys.argv[1]).read_text().splitlines()
    for one in WAYS:
        if any(json.loads(line)["way"] == one.name for line in notes):
            print(f"## {one.name}\n\n{table(notes, one)}\n")
