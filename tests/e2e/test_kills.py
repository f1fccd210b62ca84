"""Kill -9 at random moments of a canary and of a rollback; whatever comes next converges, and no client notices."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.e2e.matrix import CANARY, GATES, Running
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 200 if os.environ.get("BLUEGREEN_SOAK") else 20


@pytest.fixture(scope="module")
def play():
    with played(settings={"bluegreen:gates": GATES}) as play, play.load(100) as clients:
        yield play
        assert clients.stop()["failed"] == 0


def candidate(play) -> str:
    """A sound release stands by; gives the color that serves."""
    record = play.record()
    serves = record["colors"][record["activeColor"]]["image"].partition("@")[2]
    image = next(one for one in ("shop:2.0.0", "shop:3.0.0") if not play.stage.push(one).endswith(serves))
    play.run("deploy", image, "--end-hold")
    return record["activeColor"]


def killed(process: Running, chance: random.Random, longest: float) -> None:
    time.sleep(chance.uniform(0.1, longest))
    process.process.send_signal(signal.SIGKILL)
    process.process.wait(30)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_driver_leaves_what_one_command_brings_to_an_end(play, number):
    chance = random.Random(number)
    old = candidate(play)
    canary = Running.of(play.start(*CANARY))
    if number % 4 == 3:
        canary.until("watch 10 %")
        killed(Running.of(play.start("rollback")), chance, 2.0)
        canary.ended()
        words = ("rollback",)
    else:
        killed(canary, chance, 11.0)
        words = ("resume",) if chance.random() < 0.6 else ("rollback",)
    end = Running.of(play.start(*words)).ended()
    # 3: it was killed before it had begun, or after it had ended, and there was nothing to go back to.
    assert end.code in {0, 3} if words == ("rollback",) else end.code == 0, end
    seen = play.run("status", "--exit-code").document
    assert seen["exit_code"] == 0, (end, seen)
    assert (seen["transition"], seen["intent"]) == (None, None), (end, seen)
    assert sorted(seen["weights"].values()) == [0, 100]
    if words == ("rollback",) and end.code == 0:
        assert seen["weights"][old] == 100, end
