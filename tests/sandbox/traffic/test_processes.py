"""The processes themselves: gone with their parent, clear when they have died, and not shaken by a bad line."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.traffic.apphost import AppHost
from sandbox.traffic.balancer import Balancer
from sandbox.traffic.child import TrafficError
from sandbox.traffic.wire import App, Table

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many

PARENT = """
import subprocess, sys, time
from sandbox.traffic.apphost import AppHost
from sandbox.traffic.balancer import Balancer
balancer, apps = Balancer.start(), AppHost.start()
print(balancer.pid, apps.pid, flush=True)
time.sleep(60)
"""
HEIR = """
import os
for fd in range(3, 64):
    try:
        os.set_inheritable(fd, True)
    except OSError:
        pass
heir = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], close_fds=False)
"""
ROOT = Path(__file__).resolve().parents[3]


def gone(pids: list[int], within: float) -> bool:
    end = time.monotonic() + within
    while pids and time.monotonic() < end:
        time.sleep(0.02)
        pids = [pid for pid in pids if alive(pid)]
    return not pids


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may have collected an orphan's exit yet.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or ") Z " not in stat.read_text()


def test_a_killed_parent_takes_its_processes_along() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(map(alive, pids))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pids, 10)


@pytest.mark.slow
def test_a_killed_parent_whose_pipes_live_on_takes_them_along_too() -> None:
    program = PARENT.replace("print(", HEIR + "print(heir.pid, ", 1)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    heir, *pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    assert gone(pids, 10)
    assert alive(heir)
    os.kill(heir, 9)
    parent.stdout.close()


def test_one_that_has_died_says_so() -> None:
    balancer = Balancer.start()
    os.kill(balancer.pid, 9)
    with pytest.raises(TrafficError, match=r"the plane process has ended \(exit -9\)"):
        balancer.apply(Table(1, (), ()))
    assert not balancer.alive
    balancer.close()


def test_a_closed_one_is_gone_and_may_be_closed_again() -> None:
    apps = AppHost.start()
    address = apps.boot(App("a", "127.0.0.1", 0, "web", "v1", "blue", "x"))
    assert address[1]
    apps.close()
    assert not apps.alive
    apps.close()
    with pytest.raises(TrafficError, match="has ended"):
        apps.running()


def test_a_line_that_makes_no_sense_is_refused_and_the_next_one_served(balancer: Any, apps: Any) -> None:
    for child in (balancer._child, apps._child):
        with pytest.raises(TrafficError, match="KeyError"):
            child.ask("dance")
    with pytest.raises(TrafficError, match="not a Table"):
        balancer._child.ask("apply", table={"version": "one"})
    assert balancer.counters().version >= 0
    assert apps.running() is not None
