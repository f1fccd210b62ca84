"""A command of the new release: run once, before the release counts as deployed, and what its failure leaves."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import replace

import pytest

from driver.errors import Invalid, Refused, ReleaseFailed, Unfinished, Unforeseen
from driver.interrupts import Interrupted
from driver.observe import observe
from driver.ports import Ran
from driver.release.moves import Await, Fill, RunOnce
from driver.release.once import Once, parse
from driver.release.requests import Deploy, Promote, Retire
from driver.report.status import StatusView, status_lines
from driver.transition import Limits, carry_out, follow, planned
from driver.verbs.deploy import split
from driver.verbs.status import summary
from tests.driver.fakes import release, serving, world

LIMITS = Limits(timeout=600, lock=30)
WORDS = ("migrate", "--note", "it's")
ASKED = Deploy(release("3"), run=WORDS)


def test_the_plan_runs_it_after_the_fill_and_before_the_wait():
    made = world(serving("empty"))
    _, decision = planned(made.ports, ASKED)
    assert [type(move) for move in decision.moves] == [Fill, RunOnce, Await]
    assert "run `migrate --note 'it'\"'\"'s'` of the new release once" in str(decision.moves[1])


def test_it_is_sent_once_to_one_instance_of_the_new_fill():
    made = world(serving("empty"))
    journey = carry_out(made.ports, ASKED, LIMITS)
    ((once, limit),) = made.cloud.commands.began
    fill = made.record.colors["green"].fill
    kept = parse(made.cloud.kept_once)
    assert kept == Once(fill, WORDS, "done", once.attempt, f"i-green-{fill}-0")
    assert once == replace(kept, state="begun")
    assert made.cloud.commands.name == f"green-{fill}-group"
    assert 0 < limit <= 600
    assert [verdict.gate for step in journey.steps for verdict in step.verdicts] == ["run", "health"]


def test_its_failure_stops_the_deploy_says_what_it_said_and_can_not_be_promoted():
    made = world(serving("empty"))
    made.cloud.commands.ends = Ran(3, "a\nb\nno such column\nfailed to run commands: exit status 3")
    with pytest.raises(Refused) as caught:
        carry_out(made.ports, ASKED, LIMITS)
    assert caught.value.exit_code == 3
    assert "exit code 3" in caught.value.what
    assert caught.value.why.startswith("a\nb\nno such column\n")
    assert caught.value.facts["run"]["log"] == ["a", "b", "no such column"]
    assert caught.value.facts["stack_updates"] == 1
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert made.record.standby == "candidate"
    with pytest.raises(Refused, match="has not succeeded") as refused:
        carry_out(made.ports, Promote(), LIMITS)
    assert refused.value.next[0].startswith("deploy shop:3")


def test_status_says_that_it_failed_and_names_the_deploy_that_repeats_it():
    made = world(serving("empty"))
    made.cloud.commands.ends = Ran(3, "no such column")
    with pytest.raises(Refused):
        carry_out(made.ports, ASKED, LIMITS)
    seen = observe(made.cloud, made.clock.now())
    outcome, reason, hints = summary(seen)
    assert (outcome, hints[0]) == ("steady", "deploy shop:3")
    assert reason.endswith("`migrate --note 'it'\"'\"'s'` failed")
    view = StatusView("shop", seen)
    assert view.facts()["run"] == {"command": shlex.join(WORDS), "state": "failed", "place": "i-green-6-0"}
    assert "failed" in status_lines(view, "prod")[-1]
    made.cloud.commands.ends = Ran(0, "yes")
    carry_out(made.ports, Deploy(release("3")), LIMITS)
    seen = observe(made.cloud, made.clock.now())
    assert summary(seen)[2] == ("promote",)
    assert StatusView("shop", seen).facts()["run"] is None


def test_a_repeated_deploy_runs_it_again_and_then_it_can_be_promoted():
    made = world(serving("empty"))
    made.cloud.commands.ends = Ran(3, "no")
    with pytest.raises(Refused):
        carry_out(made.ports, ASKED, LIMITS)
    made.cloud.commands.ends = Ran(0, "yes")
    carry_out(made.ports, Deploy(release("3")), LIMITS)  # what the fill has to run is known
    (first, _), (second, _) = made.cloud.commands.began
    assert first.attempt != second.attempt, "the same attempt would be answered as before"
    assert len(made.stack.updates) == 1
    carry_out(made.ports, Promote(), LIMITS)
    assert made.record.active == "green"


def test_one_that_succeeded_is_not_run_again():
    made = world(serving("empty"))
    carry_out(made.ports, ASKED, LIMITS)
    carry_out(made.ports, ASKED, LIMITS)
    assert len(made.cloud.commands.began) == 1
    carry_out(made.ports, replace(ASKED, run=("other",)), LIMITS)
    assert len(made.cloud.commands.began) == 2


def test_out_of_time_says_how_to_go_on_and_the_next_driver_waits_for_the_same_one():
    made = world(serving("empty"))
    made.cloud.commands.after = 10_000
    with pytest.raises(Unfinished) as caught:
        carry_out(made.ports, ASKED, LIMITS)
    assert caught.value.exit_code == 6
    assert "as command id-0 on i-green-6-0" in caught.value.why
    assert caught.value.next[0] == "deploy shop:3"
    with pytest.raises(Refused, match="has not succeeded"):
        carry_out(made.ports, Promote(), LIMITS)
    made.cloud.commands.after = 0
    carry_out(made.ports, ASKED, LIMITS)
    assert len(made.cloud.commands.began) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_the_same_attempt_again(arrived):
    made = world(serving("empty"))
    made.cloud.commands.losing.append(Unforeseen("AWS can't be reached"))
    with pytest.raises(Unforeseen):
        carry_out(made.ports, ASKED, LIMITS)
    if not arrived:
        made.cloud.commands.began.clear()
    attempt = parse(made.cloud.kept_once).attempt
    carry_out(made.ports, ASKED, LIMITS)
    ((once, _),) = made.cloud.commands.began
    assert once.attempt == attempt


def test_a_driver_that_dies_before_it_leaves_nothing_to_promote():
    made = world(serving("empty"))
    made.stack.before = lambda: None
    made.cloud.failing["capacity"] = Interrupted("SIGTERM")
    with pytest.raises((Interrupted, Unfinished)):
        carry_out(made.ports, ASKED, LIMITS)
    assert not made.cloud.kept_once  # nothing was begun: the look before it failed
    del made.cloud.failing["capacity"]
    made.clock.ticks.append(_stopped)
    with pytest.raises(Unfinished):
        carry_out(made.ports, ASKED, LIMITS)
    made.clock.ticks.clear()
    assert parse(made.cloud.kept_once).state == "begun"
    with pytest.raises(Refused, match="has not succeeded"):
        carry_out(made.ports, Promote(), LIMITS)


def _stopped() -> None:
    raise Interrupted("SIGTERM")


def test_an_instance_that_goes_away_meanwhile_is_a_failure():
    made = world(serving("empty"))
    made.cloud.commands.after = 10_000
    group = None

    def gone() -> None:
        nonlocal group
        group = made.cloud.groups[made.cloud.deployed.capacity["green"]]
        made.cloud.groups[group.name] = replace(group, instances=("i-other",))

    made.clock.ticks.append(gone)
    with pytest.raises(Refused, match="failed") as caught:
        carry_out(made.ports, ASKED, LIMITS)
    assert "is gone" in caught.value.why


def test_no_instance_that_takes_commands_is_the_releases_failure():
    made = world(serving("empty"))
    made.cloud.commands.deaf = True
    with pytest.raises(ReleaseFailed, match="could not be begun on green"):
        carry_out(made.ports, ASKED, LIMITS)
    assert made.clock.seconds >= 600


def test_a_deploy_without_one_forgets_what_an_earlier_fill_had_to_run():
    made = world(serving("empty"))
    made.cloud.kept_once = Once(6, ("old",)).text()
    carry_out(made.ports, Deploy(release("3")), LIMITS)
    assert made.cloud.kept_once == ""
    assert made.cloud.commands.began == []


def test_another_platform_runs_it_too():
    made = world(serving("empty"))
    groups = {color: {**kept, "fargate": "b"} for color, kept in made.cloud.deployed.target_groups.items()}
    made.cloud.deployed = replace(made.cloud.deployed, target_groups=groups)
    _, decision = planned(made.ports, Deploy(release("3", "fargate"), run=WORDS))
    assert [type(move) for move in decision.moves] == [Fill, RunOnce, Await]


def test_where_there_is_no_room_another_attempt_is_made_and_the_reason_told_if_none_gets_any():
    made = world(serving("empty"))
    made.cloud.commands.refusing += ["RESOURCE:FARGATE", "RESOURCE:FARGATE"]
    carry_out(made.ports, ASKED, LIMITS)
    ((once, _),) = made.cloud.commands.began
    assert parse(made.cloud.kept_once) == replace(once, state="done")
    made = world(serving("empty"))
    made.cloud.commands.refusing += ["RESOURCE:FARGATE"] * 1000
    with pytest.raises(ReleaseFailed) as caught:
        carry_out(made.ports, ASKED, LIMITS)
    assert caught.value.exit_code == 4
    assert caught.value.why.startswith("RESOURCE:FARGATE")


@pytest.mark.parametrize(("questions", "seconds"), [(5, 0), (1000, 60)])
def test_what_is_not_to_be_seen_yet_is_waited_for_and_what_never_is_has_failed(questions, seconds):
    made = world(serving("empty"))
    made.cloud.commands.unseen = questions
    if not seconds:
        carry_out(made.ports, ASKED, LIMITS)
        return
    with pytest.raises(Refused) as caught:
        carry_out(made.ports, ASKED, LIMITS)
    assert "nowhere to be seen" in caught.value.why
    assert seconds <= made.clock.seconds < seconds + 10
    assert parse(made.cloud.kept_once).state == "failed"


def test_other_words_wait_until_the_command_before_has_ended():
    made = world(serving("empty"))
    made.cloud.commands.after = 10_000
    with pytest.raises(Unfinished):
        carry_out(made.ports, ASKED, LIMITS)
    asked = made.cloud.commands.asked
    made.cloud.commands.after = asked + 5
    carry_out(made.ports, replace(ASKED, run=("other",)), LIMITS)
    (_, _), (second, _) = made.cloud.commands.began
    assert second.words == ("other",)
    assert made.cloud.commands.asked == asked + 7, "five that see it go on, its end, and that of the other one"


@pytest.mark.parametrize("outlives", [True, False])
def test_a_release_that_goes_takes_its_command_along(outlives):
    made = world(serving("empty"))
    made.cloud.commands.after, made.cloud.commands.outlives = 10_000, outlives
    with pytest.raises(Unfinished):
        carry_out(made.ports, ASKED, LIMITS)
    carry_out(made.ports, Retire("green"), LIMITS)
    assert made.cloud.commands.ended == (["id-0"] if outlives else [])
    if outlives:
        ((begun, _),) = made.cloud.commands.began
        assert parse(made.cloud.kept_once) == Once(6, WORDS, attempt=begun.attempt)


def test_the_next_fill_ends_the_command_of_the_one_before():
    made = world(serving("empty"))
    made.cloud.commands.after, made.cloud.commands.outlives = 10_000, True
    with pytest.raises(Unfinished):
        carry_out(made.ports, ASKED, LIMITS)
    order = []
    made.stack.before = lambda: order.extend(made.cloud.commands.ended)
    carry_out(made.ports, Deploy(release("4")), LIMITS)
    assert order == ["id-0"], "before anything of it is taken away"
    assert made.cloud.kept_once == ""


def test_what_is_no_command_line_is_told():
    assert split("migrate 'a b'") == ("migrate", "a b")
    assert split("") == ()
    for wrong in ("it's", "echo {{ssm:x}}", "a\nb", "x" * 1001):
        with pytest.raises(Invalid):
            split(wrong)


def test_a_text_of_somebody_elses_is_none():
    assert [parse(text) for text in ("", "x", "[]", '{"state": "x"}', "null")] == [None] * 5


@pytest.mark.parametrize("at", ["place", "claim", "put_once", "begin"])
@pytest.mark.parametrize("ends", [Ran(0, "done"), Ran(3, "no")], ids=["succeeds", "fails"])
def test_two_drivers_that_start_the_same_deploy_run_its_command_once(monkeypatch, at, ends):
    """The second one does all of its work while the first is about to do this; an instance runs an attempt once."""
    made = world(serving("empty"))
    made.cloud.commands.ends = ends
    where = made.cloud.commands if at in ("place", "begin") else made.cloud
    real, seen = getattr(where, at), []

    def meanwhile(*given):
        if not seen and (at != "put_once" or '"begun"' in given[0]):
            seen.append(at)
            with contextlib.suppress(Refused):
                carry_out(made.ports, ASKED, LIMITS)
            # Another instance may be the first one by now.
            group = made.cloud.groups["green-6-group"]
            made.cloud.groups[group.name] = replace(group, instances=("i-a-new-one", *group.instances))
        return real(*given)

    monkeypatch.setattr(where, at, meanwhile)
    with contextlib.nullcontext() if ends.code == 0 else pytest.raises(Refused):
        carry_out(made.ports, ASKED, LIMITS)
    assert seen
    assert {(one.attempt, one.place) for one, _ in made.cloud.commands.began} == {
        (parse(made.cloud.kept_once).attempt, "i-green-6-0")
    }
    assert parse(made.cloud.kept_once).state == ("failed" if ends.code else "done")


def test_a_driver_that_notes_the_command_late_does_not_take_back_that_it_ran():
    """It planned before the other one filled the color, and notes what its own fill is to run after that."""
    made = world(serving("empty"))
    second = planned(made.ports, ASKED)
    carry_out(made.ports, ASKED, LIMITS)
    follow(made.ports, *second, ASKED, LIMITS)
    assert len({one.attempt for one, _ in made.cloud.commands.began}) == 1
    assert parse(made.cloud.kept_once).state == "done"


def test_an_attempt_whose_instance_is_gone_is_followed_by_another(monkeypatch):
    made = world(serving("empty"))
    made.cloud.commands.losing = [Unforeseen("the answer was lost")]
    with pytest.raises(Unforeseen):
        carry_out(made.ports, ASKED, LIMITS)
    monkeypatch.setattr(made.cloud, "runs", lambda name: made.cloud.commands.of(name, lambda: ("i-b-new-one",)))
    made.cloud.kept_once = Once(6, WORDS).text()  # as of one that died between its claim and its note
    carry_out(made.ports, Deploy(release("3")), LIMITS)
    (first, _), (second, _) = made.cloud.commands.began
    assert (first.place, second.place) == ("i-green-6-0", "i-b-new-one")
    assert first.attempt != second.attempt


def test_claims_go_with_the_fill_that_they_were_for():
    made = world(serving("empty"))
    carry_out(made.ports, ASKED, LIMITS)
    assert len(made.cloud.claims) == 1
    carry_out(made.ports, Deploy(release("2"), run=WORDS, end_hold=True), LIMITS)
    (left,) = made.cloud.claims
    assert left == parse(made.cloud.kept_once).attempt


def test_an_attempt_has_the_same_name_for_whoever_goes_on_from_the_same_one():
    once = Once(6, WORDS)
    assert once.following("group-1", "i-1").attempt == once.following("group-1", "i-2").attempt
    others = {
        once.following("group-2", "i-1").attempt,
        replace(once, fill=7).following("group-1", "i-1").attempt,
        replace(once, words=("x",)).following("group-1", "i-1").attempt,
        once.following("group-1", "i-1").following("group-1", "i-1").attempt,
    }
    assert len(others | {once.following("group-1", "i-1").attempt}) == 5
