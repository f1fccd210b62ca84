"""The verbs that only look: what they say of a stack at work, and that they look at no other account's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from driver.cli import cli
from driver.ending import ended
from driver.errors import Unfinished
from driver.observe import observe
from driver.release.moves import Refusal
from driver.release.plan import plan
from driver.release.requests import Promote
from driver.release.snapshot import Stored
from driver.release.watcher import Process, Watcher, parse
from driver.report.status import StatusView, status_lines
from driver.stack import lease
from driver.verbs.status import summary
from driver.verbs.wait import awaited
from infra.record import Intent, Transition, intent_text, stamp
from tests.driver.fakes import START, serving, world

SHIFT = Transition("shift", 10, 1, "2026-03-01T11:40:00Z", "2026-03-01T11:50:00Z", asked={"weights": [10, 50]})
PAUSED = replace(SHIFT, paused=True)


def at_work(transition=SHIFT, *, until=60):
    """A stack in a transition whose driver's lease ends so many seconds from now; None: there is no lease."""
    made = world(replace(serving(), transition=transition))
    if until is not None:
        process = Process("runner-3", 1.0, 2, 3, 4.0)
        ends = stamp(START + timedelta(seconds=until))
        made.cloud.driver = Watcher("ci job 4711", process, "promote", "2026-03-01T11:40:00Z", ends).text()
    return made


def seen(made):
    return observe(made.cloud, made.clock.now())


def lines(made):
    return status_lines(StatusView("shop", seen(made)), "prod")


def test_status_says_how_far_a_transition_is_and_who_watches():
    made = at_work()
    assert lines(made)[3:] == [
        "Transition: 10 % on green, step 1 of 3, since 11:50 UTC, begun 11:40 UTC, no drift.",
        "Watched by ci job 4711 on host runner-3 since 11:40 UTC: promote.",
    ]
    assert summary(seen(made)) == (
        "in transition",
        "10 % on green, step 1 of 3; watched by ci job 4711 on host runner-3 since 11:40 UTC: promote",
        ("wait", "rollback"),
    )


def test_status_says_since_when_nobody_watches():
    made = at_work(until=-120)
    assert lines(made)[4] == "[yellow]unwatched since 11:58 UTC, was ci job 4711 on host runner-3: promote[/]"
    outcome, reason, advice = summary(seen(made))
    assert (outcome, advice) == ("in transition", ("resume", "rollback"))
    assert "unwatched since 11:58 UTC" in reason


def test_status_says_that_it_is_paused_as_asked():
    made = at_work(PAUSED, until=None)
    assert lines(made)[4] == "Paused as asked: it waits for `resume` or `rollback`."
    assert summary(seen(made))[0] == "paused"
    still = at_work(PAUSED)
    assert summary(seen(still))[0] == "in transition"


def test_a_step_of_a_shift_begun_by_hand_has_no_number_of_steps():
    made = at_work(replace(SHIFT, asked={}))
    assert "10 % on green, step 1, since" in lines(made)[3]


def test_the_document_says_who_watches_or_since_when_nobody_does():
    facts = StatusView("shop", seen(at_work())).facts()
    assert facts["watcher"] == {
        "who": "ci job 4711",
        "host": "runner-3",
        "doing": "promote",
        "since": "2026-03-01T11:40:00Z",
        "until": "2026-03-01T12:01:00Z",
        "alive": True,
    }
    assert facts["unwatched_since"] is None
    facts = StatusView("shop", seen(at_work(until=-120))).facts()
    assert (facts["watcher"]["alive"], facts["unwatched_since"]) == (False, "2026-03-01T11:58:00Z")
    assert StatusView("shop", seen(world(serving()))).facts()["watcher"] is None


def test_a_deploy_at_work_is_seen_too():
    made = at_work()
    made.cloud.deployed = replace(made.cloud.deployed, record=serving())
    made.cloud.move(100)
    assert lines(made)[3:] == [
        "No transition, no drift.",
        "Watched by ci job 4711 on host runner-3 since 11:40 UTC: promote.",
    ]


def test_wait_ends_when_nothing_is_in_progress():
    made = at_work()

    def ends():
        if made.clock.seconds >= 20:
            made.cloud.deployed = replace(made.cloud.deployed, record=serving())
            made.cloud.move(100)
        if made.clock.seconds >= 30:
            made.cloud.drop_driver()

    made.clock.ticks.append(ends)
    assert awaited(made.ports, 600).outcome == "steady"
    assert made.said == ["waiting for a transition at 10 %", "waiting for `promote`, by ci job 4711 on host runner-3"]
    assert made.clock.seconds >= 30


def test_wait_ends_with_the_lease_of_a_driver_that_went_without_a_word():
    made = world(serving())
    made.cloud.driver = at_work(until=20).cloud.driver
    assert awaited(made.ports, 600).outcome == "steady"
    assert 20 <= made.clock.seconds <= 24


def test_wait_does_not_wait_for_ever_for_another_driver():
    made = at_work(until=900)
    made.cloud.deployed = replace(made.cloud.deployed, record=serving())
    made.cloud.move(100)
    with pytest.raises(Unfinished, match="`promote`, by ci job 4711 on host runner-3 is still in progress") as caught:
        awaited(made.ports, 60)
    assert caught.value.next == ("wait", "status")


@pytest.mark.parametrize(
    ("transition", "until", "what"),
    [(PAUSED, None, "is paused as asked"), (SHIFT, -120, "is not carried on by anyone"), (SHIFT, None, "by anyone")],
    ids=["paused", "lease ran out", "no lease"],
)
def test_wait_does_not_wait_for_what_nobody_carries_on(transition, until, what):
    made = at_work(transition, until=until)
    with pytest.raises(Unfinished, match=what) as caught:
        awaited(made.ports, 600)
    assert caught.value.exit_code == 6
    assert caught.value.next == ("resume", "rollback")
    assert made.clock.seconds == 0


def test_wait_gives_a_driver_that_dies_meanwhile_up_when_its_lease_has_long_run_out():
    made = at_work(until=10)
    with pytest.raises(Unfinished, match="not carried on by anyone"):
        awaited(made.ports, 600)
    assert 40 <= made.clock.seconds <= 44


def test_wait_gives_a_rollback_that_has_just_been_decided_the_time_to_be_seen():
    made = world(serving("previous"))
    made.cloud.intent = intent_text(Intent(5, serving("previous"), "anna", "2026-03-01T12:00:00Z"))
    with pytest.raises(Unfinished, match="a rollback is not carried on"):
        awaited(made.ports, 600)
    assert 30 <= made.clock.seconds <= 34


def left_by(made, process):
    """Its lease, which runs for some time more and was renewed at 11:59:50."""
    watcher = Watcher("ci job 4711", process, "promote", "2026-03-01T11:40:00Z", "2026-03-01T12:00:20Z")
    made.cloud.driver = replace(watcher, seen="2026-03-01T11:59:50Z").text()
    return made


def test_a_driver_of_this_machine_that_was_killed_is_not_called_at_work_until_its_lease_ends(killed):
    made = left_by(at_work(), killed)
    outcome, reason, advice = summary(seen(made))
    assert (outcome, advice) == ("in transition", ("resume", "rollback"))
    where = f"ci job 4711 on host {killed.host}, whose process is gone"
    assert f"unwatched since 11:59 UTC, was {where}: promote" in reason
    assert lines(made)[4] == f"[yellow]unwatched since 11:59 UTC, was {where}: promote[/]"
    facts = StatusView("shop", seen(made)).facts()
    assert (facts["watcher"]["alive"], facts["unwatched_since"]) == (False, "2026-03-01T11:59:50Z")


def test_drift_that_a_killed_driver_left_is_not_to_be_waited_for(killed):
    made = left_by(at_work(), killed)
    made.cloud.move(50)
    assert summary(seen(made))[0::2] == ("drift", ("rollback", "up"))


def test_a_refusal_says_that_the_driver_at_work_is_gone(killed):
    made = left_by(at_work(), killed)
    refused = plan(seen(made), Promote(), made.stack.terms())
    assert isinstance(refused, Refusal)
    assert "unwatched since 11:59 UTC" in refused.why
    assert refused.next == ("resume", "rollback")


def test_wait_gives_a_killed_driver_up_before_its_lease_ends(killed):
    made = left_by(at_work(), killed)
    with pytest.raises(Unfinished, match="not carried on by anyone"):
        awaited(made.ports, 600)
    assert 4 <= made.clock.seconds <= 8


def test_an_update_that_outlives_its_driver_is_still_watched(killed, this):
    made = at_work()
    made.cloud.driver = replace(parse(left_by(made, killed).cloud.driver), engine=this).text()
    assert summary(seen(made))[2] == ("wait", "rollback")


def test_whether_a_driver_on_another_machine_lives_nobody_can_tell(killed):
    made = left_by(at_work(), replace(killed, host="runner-3"))
    assert summary(seen(made))[2] == ("wait", "rollback")


def test_a_zombie_is_as_dead_as_anything():
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    named = replace(lease.this_process(), pid=process.pid, started=psutil.Process(process.pid).create_time())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert lease.gone(named)
    process.wait()


@pytest.fixture
def this():
    """This process, as a lease names it."""
    return lease.this_process()


@pytest.fixture
def killed(this):
    """A process of this machine that ended without putting its lease away."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(process.pid).create_time()
    process.kill()
    process.wait()
    return replace(this, pid=process.pid, started=started)


@pytest.fixture
def abroad(tmp_path, monkeypatch):
    """A checkout whose stack's record is of another account than the one that is asked."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    settings = "  bluegreen:image: shop:1.0.0\n  bluegreen:gates: {alarms: {enabled: false}}\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  aws:region: eu-central-1\n{settings}")
    made = world(serving())
    monkeypatch.setattr(type(made.cloud), "account", lambda _: "999999999999")
    monkeypatch.setattr(type(made.cloud), "stored", lambda self: Stored(self.deployed, account=self.account()))
    monkeypatch.setattr(type(made.cloud), "versions", lambda _: (), raising=False)
    monkeypatch.setattr("driver.session.AwsCloud", lambda *_: made.cloud)
    monkeypatch.setattr("driver.interrupts.INTERRUPTS.install", lambda: None)
    monkeypatch.setenv("BLUEGREEN_PROJECT", str(tmp_path))
    return made


@pytest.mark.parametrize("verb", ["status", "verify", "wait", "history"])
def test_another_account_is_not_looked_at(abroad, capsys, verb):
    assert ended(cli, ["-s", "dev", "--output", "json", verb]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["what"] == "this is account 999999999999, the stack lives in 111122223333"


@pytest.mark.parametrize("verb", ["status", "verify", "wait"])
def test_the_same_account_is(abroad, capsys, monkeypatch, verb):
    monkeypatch.setattr(type(abroad.cloud), "account", lambda _: "111122223333")
    monkeypatch.setattr("driver.session.HttpProbe", lambda: abroad.probe)
    assert ended(cli, ["-s", "dev", "--output", "json", verb]) == 0
    assert json.loads(capsys.readouterr().out)["exit_code"] == 0
