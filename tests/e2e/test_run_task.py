"""A command of the new release in a task of its own, through the command line, with load running."""

from __future__ import annotations

import json

import pytest

from tests.e2e.play import Play, Ran, finish, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
ONTO = ("--platform", "fargate")
GROUP = "bluegreen-run-once"


def one_offs(play: Play) -> list[dict]:
    """Every task that no service has started, the oldest first."""
    ecs = play.client("ecs")
    found = []
    for cluster in ecs.list_clusters()["clusterArns"]:
        for state in ("RUNNING", "STOPPED"):
            if arns := ecs.list_tasks(cluster=cluster, desiredStatus=state)["taskArns"]:
                found += ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    return sorted((one for one in found if one["group"] == GROUP), key=lambda one: one["createdAt"])


def code(task: dict) -> int:
    return task["containers"][0]["exitCode"]


def running(play: Play) -> list[str]:
    return [one["taskArn"].rpartition("/")[2] for one in one_offs(play) if one["desiredStatus"] == "RUNNING"]


@pytest.fixture(scope="module")
def play():
    with played() as play:
        yield play


@pytest.mark.parametrize(
    ("argv", "expect", "words"),
    [
        (("--run", "it's"), 2, "is no command line"),
        (("--run", "x" * 1001), 2, "can't be sent"),
        (("--run", "migrate", "--no-wait"), 2, "needs to be waited for"),
        (("--run", "migrate", "--platform", "eks"), 3, "does not run on eks"),
    ],
)
def test_what_can_not_be_run_is_told_and_changes_nothing(play: Play, argv, expect, words):
    platform = () if "--platform" in argv else ONTO
    told = play.run("deploy", "shop:2.0.0", *platform, *argv, expect=expect).document
    assert words in json.dumps(told)
    assert one_offs(play) == []
    assert play.record()["standby"] == "empty"


def test_it_runs_once_its_failure_stops_the_deploy_and_the_repeated_one_goes_on(play):
    with play.load(60) as clients:
        planned = play.run("deploy", "shop:2.0.0", *ONTO, "--run", "migrate up", "--dry-run").document["plan"]
        assert planned[1] == "run `migrate up` of the new release once, on green"
        failed = play.run("deploy", "shop:2.0.0", *ONTO, "--run", "sh -c 'exit 3'", expect=3).document
        (task,) = one_offs(play)
        assert code(task) == 3
        assert failed["run"]["exit_code"] == 3
        assert failed["run"]["id"] == task["taskArn"].rpartition("/")[2]
        assert "simulated by the sandbox: sh -c exit 3" in failed["run"]["log"][0]
        assert "ECS says: Essential container in task exited" in failed["run"]["log"][-1]
        assert failed["next"].endswith("deploy shop:2.0.0 --platform fargate")
        assert play.weights() == {"blue": 100, "green": 0}
        refused = play.run("promote", expect=3).document
        assert "has not succeeded" in refused["reason"] + refused.get("what", "")
        play.run("deploy", "shop:2.0.0", *ONTO, "--run", "migrate up")
        assert [code(one) for one in one_offs(play)] == [3, 0]
        play.run("deploy", "shop:2.0.0", *ONTO, "--run", "migrate up")
        assert len(one_offs(play)) == 2, "one that has succeeded is not run again"
        play.run("promote")
        assert play.record()["activeColor"] == "green"
        addresses = {detail["value"] for one in one_offs(play) for detail in one["attachments"][0]["details"]}
        targets = {target["id"] for group in play.stage.state()["groups"] for target in group["targets"]}
        assert not addresses & targets, "no request ever went there"
        assert clients.stop()["failed"] == 0


def test_a_task_outlives_a_driver_that_is_out_of_time_and_not_its_release(play):
    def asked(image: str) -> Ran:
        endless = ("--run", "sh -c 'sleep 90000'", "--timeout", "60s")
        return play.run("deploy", image, *ONTO, *endless, expect=6)

    first = asked("shop:3.0.0").document["run"]["id"]
    again = asked("shop:3.0.0").document
    assert again["run"]["id"] == first
    assert "goes on as task" in json.dumps(again)
    assert running(play) == [first]
    replaced = asked("shop:1.0.0")
    assert f"task {first} still runs" in replaced.err
    second = replaced.document["run"]["id"]
    assert running(play) == [second]
    assert f"task {second} still runs" in play.run("destroy").err, "no cluster goes while a task runs"


@pytest.mark.soak  # as `test_run_once` plays it on an instance
def test_a_driver_that_is_killed_leaves_a_task_that_the_same_deploy_waits_for():
    with played(settings={"bluegreen:run": "sh -c 'sleep 1800'"}) as play:
        begun = play.start("deploy", "shop:2.0.0", *ONTO)
        play.wait(lambda: one_offs(play), "nothing was started", 120)
        begun.kill()
        finish(begun, -9)
        play.run("promote", expect=3)
        waited = play.run("deploy", "shop:2.0.0", *ONTO, "--timeout", "60m")
        assert "was begun before: waits for that" in waited.err
        (task,) = one_offs(play)
        assert code(task) == 0
        play.run("promote")
