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
    ("promote", *CANARY),
    ("rollback",),
    ("promote", "--again"),
    ("rollback",),
    ("promote", "--again"),
)
"""After a deploy: a canary, all at once, and the way back from each. The last one stays."""

TAGS = ("2.0.0", "3.0.0", "1.0.0")
"""What is deployed in turn: never what serves or stands by already."""

PLATFORMS = ("fargate", "fargate", "compose", "compose")
"""From each platform to each."""

GROWTH = 0.15
FEW = 32 * 1024 * 1024
"""Resident memory may be larger by this share, or by these bytes: an allocator keeps what it once had."""

HANDLES = 20
"""Threads and open files that may be there more."""

REST = 66
"""Seconds after the last request until idle connections are closed: the balancer's idle timeout, and a little more."""


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


def moved(play: Play, numbers: range) -> int:
    """Plays these transitions under load; gives how many requests were sent."""
    with play.load(100) as clients:
        for number in numbers:
            if number % len(ROUND) == 0:
                turn = number // len(ROUND)
                image, platform = f"shop:{TAGS[turn % len(TAGS)]}", PLATFORMS[turn % len(PLATFORMS)]
                play.run("deploy", image, "--platform", platform, "--end-hold")
            play.run(*ROUND[number % len(ROUND)])
            tally = clients.tally()
            assert tally.failed == 0, f"{tally.failed} requests failed by transition {number + 1}"
        final = clients.stop()
    assert final["failed"] == 0, final["failures"]
    return int(final["sent"])


def test_a_hundred_transitions_lose_no_request_and_leave_nothing_behind():
    with played() as play:
        sent = moved(play, range(WARM))
        # Connections come and go with the load, and a machine that stalls for a moment has many: so it is at rest.
        time.sleep(REST)
        warm = held(play)
        sent += moved(play, range(WARM, TRANSITIONS))
        time.sleep(REST)
        at_last = held(play)
    print(f"{TRANSITIONS} transitions, {sent} requests, none failed")
    for name, before in warm.items():
        print(f"{name}: after {WARM} {before}, after {TRANSITIONS} {at_last.get(name)}")
    assert sent > 50 * TRANSITIONS
    assert warm.keys() == at_last.keys(), "a process of the sandbox was lost, or one more is there"
    assert len(warm) >= 3, warm
    for name, before in warm.items():
        after = at_last[name]
        assert after.memory <= max(before.memory * (1 + GROWTH), before.memory + FEW), (name, before, after)
        assert after.threads <= before.threads + HANDLES, (name, before, after)
        assert after.files <= before.files + HANDLES, (name, before, after)
