"""What the fault matrix lets loose, and what a command may end with then."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.cell import Cell, Fault
from tests.e2e.play import Process
from tests.e2e.running import Running

JUMPING = """
import datetime, pathlib, driver.clock
from driver.cli import main
flag, right = pathlib.Path({flag!r}), driver.clock.SystemClock.now
later = datetime.timedelta(minutes=10)
driver.clock.SystemClock.now = lambda self: right(self) + later if flag.exists() else right(self)
main()
"""


def posted(name: str, **aim: Any) -> Callable[[Cell], None]:
    """A fault of the sandbox's own. `on="new"`: what runs the release that comes, or the alarms that are about it."""

    def begin(cell: Cell) -> None:
        given = dict(aim)
        if given.pop("on", None) == "new":
            # In place the old release runs on the same color, so that what it runs has to be told apart by its image.
            by_image = cell.way.in_place and name != "alarm-fires"
            given.update({"image": cell.image} if by_image else {"color": cell.new})
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
    same = cell.way.words(cell.image) if cell.way.in_place else ("promote",)
    cell.kept["second"] = Running.of(cell.play.start(*(same if cell.place == "before" else ("rollback",))))


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
        Fault("never healthy", posted("health-fails", on="new"), codes=HURT, harms=True),
        Fault("dies after a while", posted("app-dies", on="new", count=1), codes=HURT, harms=True, present=True),
        Fault("slow", posted("app-slow", on="new", amount=1.5), codes=HURT, harms=True),
        Fault("5 % errors", posted("app-errors", on="new", amount=0.05), codes=HURT, harms=True),
        Fault("100 % errors", posted("app-errors", on="new", amount=1.0), codes=HURT, harms=True),
        Fault("smaller than active", posted("instance-dies", on="new", count=1), codes=HURT, harms=True, present=True),
        Fault("empty", posted("instance-dies", on="new", count=2), codes=HURT, harms=True, present=True),
        Fault("alarm firing", posted("alarm-fires", on="new"), codes={"before": {3}, "any": {0, 4}}, says="alarm"),
        Fault("alarm missing", alarm_gone, alarm_back, codes={"before": {3}, "any": {0, 4}}, says="alarm"),
        Fault("no traffic", posted("no-metrics"), codes={"any": {0, 6}}, says="requests", loaded=False),
        Fault("throttled API", posted("api-throttled", amount=0.4, seconds=120), codes={"any": {0, 6}}),
        Fault("answer lost", posted("api-lost", amount=0.3, seconds=120), codes={"any": {0, 5, 6}}),
        Fault("lock held", locked(1, "elsewhere"), unlocked, codes={"any": {0, 5, 6}}, says="lock|holds"),
        Fault("stale lock", stale, unlocked),
        Fault("second driver", second_driver, second_over, codes={"any": {0, 3, 5, 6}}),
        Fault("drift", drifted, codes={"before": {3}, "any": {0, 5}}, says="weights|record", astray=True),
        Fault("backend unreachable", backend_gone, backend_back, codes={"before": {2}, "any": {0, 1, 2, 6}}),
        Fault("SIGTERM", signalled(signal.SIGTERM), codes={"any": {0, 6}}, says="interrupted"),
        Fault("kill -9", signalled(signal.SIGKILL), codes={"any": {0, -9}}),
        Fault("disk full", nothing, nothing, codes={"any": {0, 2, 6}}, says="saved|written", starts=small_disk),
        Fault("clock jump", jumps, jumped, codes={"before": {0, 6}}, says="requests", starts=jumpy),
    )
}
