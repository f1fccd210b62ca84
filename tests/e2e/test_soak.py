"""A hundred transitions in a row under load: no request is lost, and what the sandbox runs on does not grow."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil
import pytest

from tests.e2e.play import Play, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.soak]

TRANSITIONS = int(os.environ.get("BLUEGREEN_SOAK_TRANSITIONS", "100"))
WARM = TRANSITIONS // 5
"""By then every cache is filled and every module loaded: what grows after that, grows."""

CANARY = ("--weights", "20", "--bake", "2m", "--gate", "requests=off")
ROUND = (
    ("promote", "--again", *CANARY),
    ("rollback",),
    ("promote", "--again"),
    ("rollback",),
)
"""A canary, all at once, and the way back from each. A rejected release is what `--again` is for."""

GROWTH = 0.15
FEW = 32 * 1024 * 1024
"""Resident memory may be larger by this share, or by these bytes: an allocator keeps what it once had."""

HANDLES = 20
"""Threads and open files that may be there more: connections come and go with the load."""


@dataclass(frozen=True)
class Held:
    """What a process of the sandbox holds."""

    memory: int
    threads: int
    files: int


def held(play: Play) -> dict[str, Held]:
    """By process: the daemon, and its children, the balancer and the host of the apps. The most of a few looks."""
    daemon = psutil.Process(play.stage.running.pid)
    looks: dict[str, list[Held]] = {}
    for _ in range(5):
        for process in (daemon, *daemon.children(recursive=True)):
            name = "daemon" if process == daemon else f"{process.cmdline()[-1]} {process.pid}"
            with process.oneshot():
                look = Held(process.memory_info().rss, process.num_threads(), process.num_fds())
            looks.setdefault(name, []).append(look)
        time.sleep(0.2)
    return {
        name: Held(max(o.memory for o in of), max(o.threads for o in of), max(o.files for o in of))
        for name, of in looks.items()
    }


def test_a_hundred_transitions_lose_no_request_and_leave_nothing_behind():
    with played() as play, play.load(100) as clients:
        play.run("deploy", "shop:2.0.0", "--end-hold")
        warm: dict[str, Held] = {}
        for number in range(TRANSITIONS):
            if number == WARM:
                warm = held(play)
            play.run(*ROUND[number % len(ROUND)])
            tally = clients.tally()
            assert tally.failed == 0, f"{tally.failed} requests failed by transition {number + 1}"
        at_last = held(play)
        final = clients.stop()
    print(f"{TRANSITIONS} transitions, {final['sent']} requests, {final['failed']} failed")
    for name, before in warm.items():
        print(f"{name}: after {WARM} {before}, after {TRANSITIONS} {at_last.get(name)}")
    assert final["failed"] == 0, final["failures"]
    assert final["sent"] > 50 * TRANSITIONS
    assert warm.keys() == at_last.keys(), "a process of the sandbox was lost, or one more is there"
    assert len(warm) >= 3, warm
    for name, before in warm.items():
        after = at_last[name]
        assert after.memory <= max(before.memory * (1 + GROWTH), before.memory + FEW), (name, before, after)
        assert after.threads <= before.threads + HANDLES, (name, before, after)
        assert after.files <= before.files + HANDLES, (name, before, after)
