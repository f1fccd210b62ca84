"""A release in place of the one that serves, through the command line, with load running."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.play import played
from tests.e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

GATES = {
    "requests": {"least": 20, "otherwise": "hold", "maxBake": "10m"},
    "alarms": {"errors": 5, "latency": 1.0, "unhealthyHosts": 1, "periods": 1, "noData": "pass"},
}
IN_PLACE = ("--in-place", "--timeout", "15m")


def settled(play) -> dict:
    """The status of a stack in which nothing is in progress and all agrees."""
    seen = play.run("status", "--exit-code").document
    assert (seen["transition"], seen["intent"], seen["drift"]) == (None, None, [])
    assert play.run("preview").document["outcome"] == "no changes"
    return seen


def serves(play, tag: str) -> bool:
    record = play.record()
    image = record["colors"][record["activeColor"]]["image"]
    return play.stage.push(f"shop:{tag}").endswith(image.partition("@")[2])


def test_one_instance_goes_first_and_the_rest_follows_and_all_of_it_can_be_taken_back():
    with played(settings={"bluegreen:gates": GATES}) as play, play.load(100) as clients:
        planned = play.run("deploy", "shop:2.0.0", "--in-place", "--dry-run").document
        assert planned["planned_updates"] == 3
        first = play.run("deploy", "shop:2.0.0", *IN_PLACE).document
        assert (first["outcome"], first["stack_updates"]) == ("deployed", 3)
        assert serves(play, "2.0.0")
        assert settled(play)["colors"]["green"]["standing"] == "empty"
        assert play.run("deploy", "shop:2.0.0", "--in-place").document["outcome"] == "nothing to do"

        stopped = play.run("deploy", "shop:3.0.0", *IN_PLACE, "--pause").document
        assert stopped["outcome"] == "paused"
        seen = play.run("status").document
        assert (seen["outcome"], seen["colors"]["blue"]["replaced"]) == ("paused", 1)
        for refused in (("promote",), ("deploy", "shop:1.0.0"), ("deploy", "shop:1.0.0", "--in-place"), ("retire",)):
            assert play.run(*refused, expect=3).document["next"].endswith("resume")
        back = play.run("rollback").document
        assert "blue runs shop:2.0.0" in back["reason"]
        assert serves(play, "2.0.0")
        settled(play)
        play.run("rollback", expect=3)

        # Killed while the first is on its way: AWS goes no further than the checkpoint, and whoever comes goes on.
        process = Running.of(play.start("deploy", "shop:3.0.0", *IN_PLACE))
        process.until("replace one of blue's targets")
        process.process.send_signal(signal.SIGKILL)
        process.process.wait(30)
        resumed = play.run("resume").document
        assert (resumed["outcome"], resumed["alternatives"]) == ("deployed", [])
        assert serves(play, "3.0.0")
        settled(play)
        assert clients.stop()["failed"] == 0


def test_a_bad_release_reaches_one_instance_and_is_taken_back_with_its_reasons():
    with played(settings={"bluegreen:gates": GATES}) as play:
        with play.load(100) as clients:
            failed = play.run("deploy", "shop:4-never-healthy", "--in-place", "--timeout", "6m", expect=4).document
            assert "blue runs shop:1.0.0" in failed["what"]
            assert "503" in failed["why"]
            assert clients.stop()["failed"] == 0
        with play.load(100) as clients:
            failed = play.run("deploy", "shop:5-errors", *IN_PLACE, expect=4).document
            # The alarm is seen by the driver or by the refresh itself, whichever looks first.
            assert (failed["outcome"], failed["gate"] in {"alarms", "rollout"}) == ("rolled back", True)
            assert "alarm" in failed["why"]
            count = clients.stop()
            assert 0 < count["failed"] < 0.15 * count["sent"]
        assert serves(play, "1.0.0")
        settled(play)


def test_a_service_rolls_in_place_and_ecs_own_rollback_is_no_success():
    settings = {"bluegreen:gates": GATES, "bluegreen:platforms": ["fargate"]}
    with played(settings=settings) as play:
        with play.load(100) as clients:
            play.run("deploy", "shop:2.0.0", *IN_PLACE)
            assert serves(play, "2.0.0")
            settled(play)
            failed = play.run("deploy", "shop:4-never-healthy", *IN_PLACE, expect=4).document
            assert "given up by AWS" in failed["why"]
            assert "health" in failed["why"]
            assert serves(play, "2.0.0")
            settled(play)
            assert clients.stop()["failed"] == 0
        (service,) = play.client("ecs").describe_services(
            cluster=play.record()["capacity"]["blue"].removeprefix("ecs:").partition("/")[0],
            services=[play.record()["capacity"]["blue"].rpartition("/")[2]],
        )["services"]
        assert service["taskDefinition"] == next(iter(play.record()["templates"]["blue"].values()))
