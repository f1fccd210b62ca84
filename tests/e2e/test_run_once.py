"""A command of the new release before it counts as deployed, through the command line."""

from __future__ import annotations

import json

import pytest

from tests.e2e.play import finish, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_command_that_fails_stops_the_deploy_and_the_repeated_one_goes_on():
    with played() as play:
        planned = play.run("deploy", "shop:2.0.0", "--run", "migrate up", "--dry-run").document["plan"]
        assert planned[1].startswith("run `migrate up` of the new release once")
        failed = play.run("deploy", "shop:2.0.0", "--run", "sh -c 'exit 3'", expect=3).document
        assert "exit code 3" in failed["reason"] + failed.get("what", "")
        assert "simulated" in json.dumps(failed["run"]["log"])
        assert play.weights() == {"blue": 100, "green": 0}
        told = play.run("status").document
        assert "failed" in told["reason"]
        assert told["next"].endswith("deploy shop:2.0.0")
        refused = play.run("promote", expect=3).document
        assert "has not succeeded" in refused["reason"] + refused.get("what", "")
        play.run("deploy", "shop:2.0.0", "--run", "migrate up")
        sent = play.client("ssm").list_commands()["Commands"]
        assert sorted(each["Status"] for each in sent) == ["Failed", "Success"]
        play.run("deploy", "shop:2.0.0", "--run", "migrate up")
        assert len(play.client("ssm").list_commands()["Commands"]) == 2
        play.run("promote")
        assert play.record()["activeColor"] == "green"


def test_the_settings_command_survives_a_driver_that_is_stopped():
    """SIGTERM ends the driver, not the command: the same deploy waits for that one."""
    with played(settings={"bluegreen:run": "sh -c 'sleep 900'"}) as play:
        begun = play.start("deploy", "shop:2.0.0", "--timeout", "60m")
        play.wait(lambda: play.client("ssm").list_commands()["Commands"], "nothing was sent", 120)
        begun.terminate()
        stopped = finish(begun, 6).document
        assert stopped["next"]
        play.run("promote", expect=3)
        play.run("deploy", "shop:2.0.0", "--timeout", "60m")
        (sent,) = play.client("ssm").list_commands()["Commands"]
        assert sent["Status"] == "Success"
        play.run("promote")


def test_two_drivers_that_start_the_same_deploy_run_its_command_once():
    with played() as play:
        both = [play.start("deploy", "shop:2.0.0", "--run", "migrate up") for _ in range(2)]
        ends = sorted(finish(each, None).code for each in both)
        assert ends in ([0, 0], [0, 5]), ends
        sent = play.client("ssm").list_commands()["Commands"]
        assert len({each["Comment"] for each in sent}) == 1, sent
        assert {each["Status"] for each in sent} == {"Success"}
        play.run("promote")
