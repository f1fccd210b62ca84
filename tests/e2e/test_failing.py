"""What hurts: the release that never gets healthy, the kill in the middle, two drivers at once."""

import os
import shlex
import signal
import time

import pytest

from tests.e2e.play import finish, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOAK = os.environ.get("BLUEGREEN_SOAK")


@pytest.fixture(scope="module")
def play():
    with played() as play:
        play.run("deploy", "shop:2.0.0")
        yield play


def settle(play):
    """Whatever happened, everything agrees."""
    assert play.run("status", "--exit-code").document["drift"] == []


def ready(play, verb):
    """Brings the stack to where the verb has something to do; gives the color that serves."""
    if (play.record()["standby"] == "previous") == (verb == "promote"):
        play.run(*(("rollback",) if verb == "promote" else ("promote", "--again")))
    return play.record()["activeColor"]


@pytest.mark.parametrize("after", [0.35, 0.9, 1.4] if not SOAK else [0.1 * tenth for tenth in range(2, 25)])
@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_a_driver_killed_in_the_middle_leaves_something_that_the_next_run_finishes(play, after, verb):
    here = ready(play, verb)
    argv = ("promote", "--again") if verb == "promote" else ("rollback",)
    with play.load(100) as clients:
        process = play.start(*argv)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        again = play.run(*argv, expect=None)
        # 3: the killed one had got through, and there is nothing left to do.
        assert again.code in (0, 3), again
        if again.document["next"].endswith(" up"):
            # Or its update had got just as far as the test rule.
            play.run("up")
            play.run(*argv)
    assert clients.stop()["failed"] == 0
    there = play.record()["activeColor"]
    assert there != here
    assert play.weights()[there] == 100
    settle(play)


def test_two_drivers_at_once_never_both_win_different_things(play):
    ready(play, "promote")
    before = play.record()
    with play.load(100) as clients:
        codes = [finish(process, None).code for process in [play.start("promote", "--again") for _ in range(2)]]
    assert clients.stop()["failed"] == 0
    assert 0 in codes
    assert set(codes) <= {0, 3, 5}
    after = play.record()
    assert after["activeColor"] != before["activeColor"]
    assert after["generation"] == before["generation"] + 1
    settle(play)


@pytest.mark.parametrize("after", [1.0] if not SOAK else [0.1 * tenth for tenth in range(2, 25)])
def test_an_interrupted_promote_ends_at_a_legal_record_and_says_how_to_go_on(play, after):
    ready(play, "promote")
    process = play.start("promote", "--again")
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    ran = finish(process, None)
    assert ran.code in (0, 6), ran
    if ran.code == 6:
        play.run(*shlex.split(ran.document["next"])[3:])  # after `bluegreen -s dev`
    settle(play)
    again = play.run("promote", "--again", expect=None)
    assert again.code in (0, 3)
    settle(play)


def test_a_release_that_never_gets_healthy_serves_nobody(play):
    serving = play.record()["activeColor"]
    with play.load(100) as clients:
        ran = play.run("deploy", "shop:4-never-healthy", "--end-hold", "--timeout", "120", expect=4)
        assert play.weights()[serving] == 100
        assert ran.document["reason"]
        refused = play.run("promote", expect=3)
        assert "healthy" in refused.document["reason"]
        play.run("deploy", "shop:3.0.0")
        play.run("promote")
    assert clients.stop()["failed"] == 0
    assert play.record()["activeColor"] != serving
    settle(play)
    assert play.run("preview").document["outcome"] == "no changes"
