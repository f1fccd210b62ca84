"""A release from the first deploy to the last retirement, under load."""

import os
import shutil

import pytest

from sandbox.rehearsal.seen import targets_of
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
TRANSITIONS = 100 if os.environ.get("BLUEGREEN_SOAK") else 6


@pytest.fixture(scope="module")
def play():
    with played() as play:
        yield play


@pytest.mark.cli
@pytest.mark.skipif(not shutil.which("pulumi"), reason="no pulumi on PATH to release with")
def test_a_release_on_a_real_cli():
    with played("cli") as play, play.load() as clients:
        play.run("deploy", "shop:2.0.0")
        assert play.run("promote").document["stack_updates"] == 1
        unchanged(play)
        play.run("rollback")
        unchanged(play)
        # The other engine takes over the same state, and sees nothing to do.
        assert play.run("preview", BLUEGREEN_ENGINE="embedded").document["outcome"] == "no changes"
        play.run("promote", "--again", BLUEGREEN_ENGINE="embedded")
        unchanged(play)
    assert clients.stop()["failed"] == 0


def unchanged(play):
    preview = play.run("preview").document
    assert preview["outcome"] == "no changes", preview


def test_a_release_there_back_and_there_again(play):
    with play.load() as clients:
        assert play.run("deploy", "shop:2.0.0").document["stack_updates"] >= 1
        assert play.weights() == {"blue": 100, "green": 0}
        assert play.record()["standby"] == "candidate"

        promoted = play.run("promote").document
        assert promoted["stack_updates"] == 1
        assert promoted["steps"][-1]["weight"] == 100
        assert play.weights() == {"blue": 0, "green": 100}
        unchanged(play)

        rolled = play.run("rollback").document
        assert rolled["stack_updates"] == 1
        assert play.weights() == {"blue": 100, "green": 0}
        assert play.record()["standby"] == "rejected"
        unchanged(play)

        play.run("promote", expect=3)
        assert play.weights() == {"blue": 100, "green": 0}
        play.run("promote", "--again")
        assert play.weights() == {"blue": 0, "green": 100}

        play.run("retire")
        play.wait(lambda: not targets_of(play.stage.state(), "blue"), "blue was not emptied")
        unchanged(play)

        play.run("rollback")
        assert play.record()["activeColor"] == "blue"
        assert play.weights() == {"blue": 100, "green": 0}
    final = clients.stop()
    assert final["failed"] == 0, final["failures"]
    assert final["by_color"]["green"] > 0
    assert final["by_color"]["blue"] > 0


def test_many_transitions_in_a_row_lose_no_request(play):
    play.run("deploy", "shop:3.0.0", "--end-hold")
    play.run("promote")
    with play.load() as clients:
        for turn in range(TRANSITIONS // 2):
            play.run("rollback")
            play.run("promote", "--again")
            assert clients.tally().failed == 0, f"in turn {turn}"
    final = clients.stop()
    assert final["failed"] == 0, final["failures"]
    assert final["sent"] > 1000


def test_promoting_what_serves_is_a_success_that_changes_nothing(play):
    before = play.record()["generation"]
    ran = play.run("promote", "shop:3.0.0").document
    assert (ran["exit_code"], ran["stack_updates"]) == (0, 0)
    assert play.record()["generation"] == before
