"""Kill -9 at random moments of a canary, of an in-place release, and of a rollback out of either, on both platforms.

Whatever comes next converges, and no client notices.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.e2e.play import played
from tests.e2e.running import Running
from tests.e2e.ways import BY_PLATFORM, GATES, WAYS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 200 if os.environ.get("BLUEGREEN_SOAK") else 20
# A number keeps its moment and its way, whichever else are played.
NUMBERS = sorted(range(KILLS), key=lambda number: (BY_PLATFORM.index(WAYS[number % len(WAYS)]), number))


@pytest.fixture(scope="module")
def play():
    with played(settings={"bluegreen:gates": GATES}) as play, play.load(100) as clients:
        yield play
        assert clients.stop()["failed"] == 0


def killed(process: Running, chance: random.Random, longest: float) -> None:
    time.sleep(chance.uniform(0.1, longest))
    process.process.send_signal(signal.SIGKILL)
    process.process.wait(30)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{number}-{WAYS[number % len(WAYS)].name}")
def test_a_killed_driver_leaves_what_one_command_brings_to_an_end(play, number):
    chance, way = random.Random(number), WAYS[number % len(WAYS)]
    image = way.ready(play)
    was = play.record()
    begun = Running.of(play.start(*way.words(image)))
    if number % 4 == 3:
        begun.until(way.watched)
        killed(Running.of(play.start("rollback")), chance, 2.0)
        begun.ended()
        words = ("rollback",)
    else:
        killed(begun, chance, 15.0 if way.in_place else 11.0)
        words = ("resume",) if chance.random() < 0.6 else ("rollback",)
    left = play.record()
    end = Running.of(play.start(*words)).ended()
    # 3: it was killed before it had begun, or after it had ended, and there was nothing to go back to.
    assert end.code in {0, 3} if words == ("rollback",) else end.code == 0, (way, end)
    seen = play.run("status", "--exit-code").document
    assert seen["exit_code"] == 0, (way, end, seen)
    assert (seen["transition"], seen["intent"]) == (None, None), (way, end, seen)
    assert sorted(seen["weights"].values()) == [0, 100]
    if words == ("rollback",) and end.code == 0:
        serves = was["activeColor"]
        if not left.get("transition") and left["activeColor"] == serves:
            # It was killed before anything had begun: there was only the release before to go back to.
            assert was["standby"] == "previous", (way, end, left)
            serves = "green" if serves == "blue" else "blue"
        assert seen["weights"][serves] == 100, (way, end)
        now = play.record()["colors"][serves]
        assert now["digest"] == was["colors"][serves]["digest"], (way, end)
