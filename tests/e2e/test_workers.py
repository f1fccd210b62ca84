"""Workers across both platforms, through the command line, with load running: exactly one color's work at a time."""

from __future__ import annotations

import pytest

from sandbox.project import set_config
from tests.e2e.play import Play, played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
ONTO = ("--platform", "fargate")
WORKERS = [{"name": "mail", "command": "work --queue mail", "count": 2}, {"name": "sweep", "command": "sweep"}]


def at_work(play: Play) -> dict[str, set[str]]:
    """Names of the workers that run, by color: on instances, and in tasks."""
    state, found = play.stage.state(), dict[str, set[str]]()
    for one in state["instances"]:
        if one["workers"]:
            found.setdefault(one["color"], set()).update(one["workers"])
    for one in state["tasks"]:
        color, _, name = one["group"].partition(":")[2].partition("-")
        worker = name.partition("-")[2]
        if one["status"] == "RUNNING" and worker in {each["name"] for each in WORKERS} | {"extra"}:
            found.setdefault(color, set()).add(worker)
    return found


def settles(play: Play, color: str, *names: str) -> None:
    play.wait(lambda: at_work(play) == {color: set(names)}, f"not only {color}'s: {at_work(play)}", 120)


def unchanged(play: Play) -> None:
    preview = play.run("preview").document
    assert preview["outcome"] == "no changes", preview


def workers_of(status: dict, color: str) -> list[dict]:
    return status["colors"][color]["workers"]


@pytest.fixture(scope="module")
def play():
    with played(settings={"bluegreen:workers": WORKERS}) as play:
        yield play


@pytest.mark.parametrize("count", [0, 101])
def test_a_count_out_of_limits_is_told_and_changes_nothing(play: Play, count: int):
    set_config(play.stage.project, "dev", "bluegreen:workers", [{**WORKERS[0], "count": count}])
    refused = play.run("deploy", "shop:2.0.0", *ONTO, expect=2)
    set_config(play.stage.project, "dev", "bluegreen:workers", WORKERS)
    assert "bluegreen:workers.0.count: found" in refused.out + refused.err
    assert "a whole number from 1 to 100 tasks" in refused.out + refused.err
    assert play.record()["standby"] == "empty"


def test_exactly_one_colors_workers_run_at_each_settled_moment(play: Play):
    settles(play, "blue", "mail", "sweep")
    with play.load(100) as clients:
        play.run("deploy", "shop:2.0.0", *ONTO)
        settles(play, "blue", "mail", "sweep")
        assert play.record()["workers"]["green"] == {
            play.record()["colors"]["green"]["digest"]: {"mail": 2, "sweep": 1}
        }
        play.run("promote", "--weights", "50", "--bake", "2m", "--pause-after", "50")
        settles(play, "blue", "mail", "sweep")
        assert play.run("resume").document["stack_updates"] == 1
        settles(play, "green", "mail", "sweep")
        unchanged(play)
        play.run("rollback")
        settles(play, "blue", "mail", "sweep")
        unchanged(play)
        play.run("promote", "--again")
        settles(play, "green", "mail", "sweep")
        play.run("retire")
        settles(play, "green", "mail", "sweep")

        # From tasks to tasks, by a release that has another worker.
        set_config(play.stage.project, "dev", "bluegreen:workers", [*WORKERS, {"name": "extra", "command": "x"}])
        play.run("deploy", "shop:3.0.0", *ONTO)
        settles(play, "green", "mail", "sweep")
        play.run("promote")
        settles(play, "blue", "extra", "mail", "sweep")
        unchanged(play)
        play.run("rollback")
        settles(play, "green", "mail", "sweep")
        # In place they follow when the release has come.
        play.run("retire")
        play.run("deploy", "shop:3.0.0", *ONTO, "--in-place")
        settles(play, "green", "extra", "mail", "sweep")
        unchanged(play)
        assert clients.stop()["failed"] == 0

    counts = {"mail": 2, "sweep": 1, "extra": 1}
    full = [{"name": name, "wanted": count, "running": count} for name, count in counts.items()]
    play.wait(lambda: workers_of(play.run("status").document, "green") == full, "a task has not come up", 120)
    assert {one["wanted"] for one in workers_of(play.run("status").document, "blue")} == {0}
    ecs = play.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    fill = play.record()["colors"]["green"]["fill"]
    ecs.update_service(cluster=cluster, service=f"green-{fill}-mail", desiredCount=0)
    drift = play.run("status", "--exit-code", expect=7).document
    assert "mail of green is to run 0 tasks, the record means 2" in drift["reason"]
    assert drift["next"].endswith(" up")
    play.run("up")
    settles(play, "green", "extra", "mail", "sweep")
    assert play.run("status", "--exit-code").document["drift"] == []
