"""A release that takes over in place: one target first, watched, then the rest; and every way back out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from driver import gates
from driver.errors import Busy, Invalid, Refused, ReleaseFailed, RolledBack, Unfinished
from driver.interrupts import Interrupted
from driver.observe import observe
from driver.release.lines import Line
from driver.release.moves import Plan, Refusal
from driver.release.plan import plan
from driver.release.requests import Deploy, InPlace, Promote, Resume
from driver.release.rollout import Rollout
from driver.release.signals import Alarm, Served
from driver.release.snapshot import Target
from driver.release.terms import Alarms, Requests, Smoke, Strategy, Terms
from driver.rollback import Haste, roll_back
from driver.stack.failures import UpdateFailed
from driver.transition import Limits, carry_out
from driver.verbs.status import summary
from infra.record import Record, stamp
from tests.driver.fakes import START, World, image, release, serving, slot, world

LIMITS = Limits(timeout=60, lock=5)
HASTE = Haste(timeout=60, lock=5)
ALARMS = Alarms({"blue": {"compose": ("blue-errors",)}}, sight=20)
TERMS = Terms(
    least=2, most=6, strategy=Strategy("all-at-once", (), 0), alarms=ALARMS, requests=Requests(10, "hold", 40)
)
IN_PLACE = Deploy(release("3"), in_place=InPlace())


def made(record: Record | None = None, terms: Terms = TERMS) -> World:
    there = world(record or serving("empty"))
    there.stack.settings = terms
    there.cloud.alarming["blue-errors"] = Alarm("blue-errors", "OK")
    return there


def runs(there: World) -> list[str]:
    """The image of each member of blue, sorted."""
    group = there.cloud.groups["blue-1-group"]
    return sorted(there.cloud.made_of[origin] for origin in group.launched.values())


def paused(there: World) -> World:
    carry_out(there.ports, replace(IN_PLACE, in_place=InPlace(pause=True)), LIMITS)
    assert runs(there) == [image("1"), image("3")]
    return there


def killed_at(there: World, step: int) -> World:
    """A driver that was gone when the transition had come so far and some members were on their way."""

    def dies() -> None:
        at = there.record.transition
        if at is not None and at.step == step and there.cloud.replacing.latest_of:
            there.clock.ticks.remove(dies)
            raise Interrupted("SIGKILL")

    there.clock.ticks.append(dies)
    with pytest.raises(Unfinished):
        carry_out(there.ports, IN_PLACE, LIMITS)
    return there


def test_one_goes_first_is_watched_and_the_rest_follows_while_no_traffic_moves():
    there = made()
    journey = carry_out(there.ports, IN_PLACE, LIMITS)
    assert [str(step.move).split(" with ")[0] for step in journey.steps] == [
        f"make {image('3')[:6]} @{image('3')[-64:][:6]} ready to take over in place",
        "replace one of blue's targets",
        "note that blue is at its checkpoint",
        "watch what has come to blue for 20 s",
        "replace the rest of blue",
        "look at what has come to blue once more",
        "finish: what blue ran before is taken away",
    ]
    assert journey.stack_updates == 3
    assert runs(there) == [image("3")] * 2
    assert there.record.active_slot == replace(slot("1", 1), image=image("3"), digest=release("3").digest)
    assert there.record.transition is None
    assert there.cloud.history == []
    (begun, stopped, rest) = there.cloud.replacing.asked
    assert begun[0] == rest[0] == "begin" and begun[2:] == ("first", "blue-errors") and rest[2:] == ("blue-errors",)
    assert stopped == ("stop",)


def test_nothing_comes_of_it_where_it_is_there_already():
    there = made()
    request = Deploy(release("1"), in_place=InPlace())
    assert carry_out(there.ports, request, LIMITS).steps == []
    assert there.stack.updates == []


def test_settings_alone_can_go_out_in_place():
    there = made()
    changed = Deploy(replace(release("1"), digest="compose-new"), in_place=InPlace())
    there.stack.release = lambda platform, image: changed.release  # type: ignore[method-assign]
    carry_out(there.ports, changed, LIMITS)
    assert there.record.active_slot.image == image("1")
    assert len(there.cloud.replacing.asked) == 3


def test_what_never_gets_healthy_leaves_no_target_behind():
    there = made()
    there.cloud.sick.add(image("3"))
    there.cloud.lost["blue-1-group"] = ("boot failed at ready",)
    with pytest.raises(RolledBack) as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert caught.value.exit_code == 4
    assert "boot failed at ready" in caught.value.why
    assert "blue runs shop:1" in caught.value.what
    assert runs(there) == [image("1")] * 2
    assert there.record.active_slot == slot("1", 1)
    assert there.record.transition is None


def test_an_alarm_at_the_checkpoint_puts_back_the_one_that_came_and_quotes_it():
    there = made()

    def rings() -> None:
        at = there.record.transition
        if at is not None and at.step == 1:
            there.cloud.alarming["blue-errors"] = Alarm("blue-errors", "ALARM", "too many errors")

    there.clock.ticks.append(rings)
    there.cloud.logged["blue"] = [
        Line("", START + timedelta(seconds=2), "i-blue-1-1/app", "all is well"),
        Line("", START + timedelta(seconds=1), "i-blue-1-0.1/app", "no such table"),
    ]
    with pytest.raises(RolledBack, match=r"shop:3 .* failed in place: blue runs shop:1") as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert "too many errors" in caught.value.why
    assert "no such table" in caught.value.why
    assert "all is well" not in caught.value.why
    assert runs(there) == [image("1")] * 2
    assert there.cloud.history == [{"blue": 100, "green": 0}]


@pytest.mark.parametrize("state", ["back", "backing", "failed"])
def test_what_aws_gives_up_by_itself_is_no_success(state):
    there = made()

    def gives_up() -> None:
        now = there.cloud.replacing.latest_of.get("blue-1-group")
        if now is not None and now.state in {"going", "waiting"} and now.to != "t-blue-compose-000031:5":
            reason = "the circuit breaker"
            there.cloud.replacing.latest_of["blue-1-group"] = replace(now, state=state, reason=reason)

    there.clock.ticks.insert(0, gives_up)
    with pytest.raises(RolledBack) as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert "given up by AWS" in caught.value.why
    assert "the circuit breaker" in caught.value.why
    assert (runs(there), there.record.active_slot) == ([image("1")] * 2, slot("1", 1))


def test_someone_who_stops_the_refresh_by_hand_means_it():
    there = made()
    there.cloud.sick.add(image("3"))  # so that it goes on for long enough
    there.clock.ticks.append(
        lambda: there.cloud.replacing.stop("blue-1-group") if not there.record.held(START) else None
    )
    with pytest.raises(RolledBack, match="failed in place") as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert "stopped by someone" in caught.value.why


def test_a_pause_is_a_persons_and_both_words_are_heard():
    there = paused(made())
    assert there.record.transition and there.record.transition.paused
    outcome, reason, hints = summary(observe(there.cloud, there.clock.now()))
    assert (outcome, hints) == ("paused", ("resume", "rollback"))
    assert "1 of 2 targets replaced, at the checkpoint" in reason
    carry_out(there.ports, Resume(), LIMITS)
    assert (runs(there), there.record.transition) == ([image("3")] * 2, None)

    there = paused(made())
    journey = roll_back(there.ports, HASTE)
    assert journey.reason.startswith("blue runs shop:1")
    assert (runs(there), there.record.active_slot) == ([image("1")] * 2, slot("1", 1))
    assert there.cloud.intent == ""


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_a_driver_that_died_on_the_way_can_be_followed_by_either(step, way):
    there = killed_at(made(), step)
    if way == "resume":
        carry_out(there.ports, Resume(), LIMITS)
        assert (runs(there), there.record.active_slot.image) == ([image("3")] * 2, image("3"))
    else:
        roll_back(there.ports, HASTE)
        assert (runs(there), there.record.active_slot.image) == ([image("1")] * 2, image("1"))
    assert there.record.transition is None


def test_a_bake_that_was_served_already_counts_and_what_rang_unwatched_does_too():
    there = killed_at(made(), 1)
    there.clock.seconds += 3600
    before = there.clock.seconds
    carry_out(there.ports, Resume(), LIMITS)
    assert there.clock.seconds - before < 20

    there = killed_at(made(), 1)
    there.cloud.alarming["blue-errors"] = Alarm("blue-errors", "OK", "had too many", fired=True)
    with pytest.raises(RolledBack, match="failed in place"):
        carry_out(there.ports, Resume(), LIMITS)
    assert runs(there) == [image("1")] * 2


def half_way_back() -> World:
    """A rollback of a release in place that was killed once its record was written, and AWS gave up on its part."""
    there = paused(made())

    def dies() -> None:
        if there.record.transition is None:
            there.clock.ticks.remove(dies)
            there.cloud.replacing.latest_of["blue-1-group"] = Rollout("other", "failed")
            raise Interrupted("SIGKILL")

    there.clock.ticks.insert(0, dies)
    with pytest.raises(Unfinished):
        roll_back(there.ports, HASTE)
    assert there.record.active_slot == slot("1", 1)
    assert runs(there) == [image("1"), image("3")]
    return there


def left_in(there: World, state: str) -> None:
    """What is left of the release that was taken back is in this state."""
    launched, blue = there.cloud.groups["blue-1-group"].launched, there.cloud.targets["arn:tg/blue"]
    left = {name for name, origin in launched.items() if there.cloud.made_of[origin] == image("3")}
    there.cloud.targets["arn:tg/blue"] = tuple(replace(one, state=state) if one.id in left else one for one in blue)


@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_a_way_back_whose_driver_died_is_seen_and_gone_on_with(way):
    there = half_way_back()
    outcome, reason, hints = summary(observe(there.cloud, there.clock.now()))
    assert (outcome, reason, hints) == (
        "drift",
        "1 target of blue still runs another release",
        ("resume", "rollback"),
    )
    if way == "resume":
        carry_out(there.ports, Resume(), LIMITS)
    else:
        roll_back(there.ports, HASTE)
    assert runs(there) == [image("1")] * 2
    assert summary(observe(there.cloud, there.clock.now()))[0] == "steady"


@pytest.mark.parametrize("state", ["initial", "unhealthy", "healthy"])
def test_what_a_way_back_left_is_told_in_any_state_and_not_to_be_settled_by_an_up(state):
    there = half_way_back()
    left_in(there, state)
    told = ("drift", "1 target of blue still runs another release", ("resume", "rollback"))
    assert summary(observe(there.cloud, there.clock.now())) == told


def test_what_a_way_back_left_and_serves_fails_the_gate_and_a_resume_is_advised():
    there = half_way_back()
    group, blue = there.cloud.groups["blue-1-group"], there.cloud.targets["arn:tg/blue"]
    (member, origin), *_ = ((name, of) for name, of in group.launched.items() if there.cloud.made_of[of] == image("1"))
    one = next(target for target in blue if target.id == member)
    there.cloud.groups["blue-1-group"] = replace(
        group, instances=(*group.instances, "i-more"), launched={**group.launched, "i-more": origin}
    )
    there.cloud.targets["arn:tg/blue"] = (*blue, replace(one, id="i-more"))
    verdict = gates.health(observe(there.cloud, there.clock.now()), "blue")
    assert (verdict.passed, verdict.next) == (False, ("resume", "status"))
    assert "taken back" in verdict.why


def test_what_is_draining_is_on_its_way_out_and_no_drift():
    there = half_way_back()
    left_in(there, "draining")
    assert summary(observe(there.cloud, there.clock.now()))[0] == "steady"


def test_after_it_nothing_else_is_the_way_back_and_a_rollback_twice_is_none():
    there = made(serving("previous"))
    carry_out(there.ports, IN_PLACE, LIMITS)
    assert there.record.standby == "rejected"
    with pytest.raises(Refused, match="nothing to go back to") as caught:
        roll_back(there.ports, HASTE)
    assert "overtaken" in caught.value.why
    there = paused(made(serving("previous")))
    roll_back(there.ports, HASTE)
    with pytest.raises(Refused, match="nothing to go back to"):
        roll_back(there.ports, HASTE)
    assert there.cloud.live() == {"blue": 100, "green": 0}


def test_all_go_at_once_where_nothing_can_stop_after_the_first():
    fargate = Record("blue", "empty", {"blue": replace(slot("1", 1), platform="fargate")})
    there = made(fargate)
    there.cloud.replacing.one_at_once = True
    request = Deploy(replace(release("3"), platform="fargate"), in_place=InPlace(bake=20))
    there.stack.release = lambda platform, image: request.release  # type: ignore[method-assign]
    decision = plan(observe(there.cloud, START), request, TERMS)
    assert isinstance(decision, Plan)
    assert [type(move).__name__ for move in decision.moves] == ["Begin", "Roll", "Checkpoint", "Bake", "Finish"]
    assert "all targets of blue" in str(decision.moves[1])


def test_a_single_target_has_no_rest_to_wait_for():
    one = Record("blue", "empty", {"blue": replace(slot("1", 1), floor=1)})
    decision = plan(observe(made(one).cloud, START), IN_PLACE, TERMS)
    assert isinstance(decision, Plan)
    assert [type(move).__name__ for move in decision.moves] == ["Begin", "Roll", "Checkpoint", "Bake", "Finish"]


HELD = serving("previous", held=stamp(START + timedelta(hours=1)))
ELSEWHERE = replace(IN_PLACE, release=release("3", "fargate"))


FREE = serving("empty")
COMMAND = replace(IN_PLACE, run=("migrate",))
SHORT, LONG, TURNED = (
    replace(IN_PLACE, in_place=way) for way in (InPlace(bake=5), InPlace(bake=90_000), InPlace(bake=60, max_bake=30))
)


@pytest.mark.parametrize(
    ("record", "request_", "says", "code", "hint"),
    [
        (FREE, ELSEWHERE, "blue stays on compose", 3, "deploy IMAGE --platform fargate"),
        (HELD, IN_PLACE, "kept for a rollback", 3, "deploy IMAGE --in-place --end-hold"),
        (FREE, COMMAND, "command can't be run", 3, "deploy IMAGE --in-place --run ''"),
        (FREE, SHORT, "too short for its alarms", 3, "deploy IMAGE --in-place --bake 20s"),
        (FREE, LONG, "too long", 2, ""),
        (FREE, TURNED, "shorter than the bake", 2, ""),
    ],
)
def test_it_is_refused_with_the_reason(record, request_, says, code, hint):
    there = made(record)
    refused = plan(observe(there.cloud, START), request_, TERMS)
    assert isinstance(refused, Refusal)
    assert (says in refused.what, refused.code) == (True, code)
    assert hint in (*refused.next, "")


def test_a_hold_is_ended_by_a_word_and_the_record_says_so():
    there = made(HELD)
    carry_out(there.ports, replace(IN_PLACE, end_hold=True), LIMITS)
    assert (there.record.held_until, there.record.standby) == (None, "rejected")


def test_a_color_that_is_ill_is_not_changed_in_place_unless_asked():
    there = made()
    there.cloud.ail("blue", 1)
    with pytest.raises(Refused, match="1 of 2 targets healthy"):
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert there.stack.updates == []
    lenient = replace(IN_PLACE, in_place=InPlace(gates={"health": "warn"}))
    assert isinstance(plan(observe(there.cloud, START), lenient, TERMS), Plan)


def test_an_alarm_that_rings_already_keeps_it_from_beginning():
    there = made()
    there.cloud.alarming["blue-errors"] = Alarm("blue-errors", "ALARM", "too many")
    with pytest.raises(Refused, match="fires"):
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert there.stack.updates == [] and there.cloud.replacing.asked == []


def test_a_record_that_does_not_know_what_its_targets_are_made_from_needs_an_up():
    there = made()
    assert there.cloud.deployed is not None
    there.cloud.deployed = replace(there.cloud.deployed, templates={})
    with pytest.raises(Refused) as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert caught.value.next == ("up",)


def test_a_task_that_listens_elsewhere_can_not_take_over():
    fargate = Record("blue", "empty", {"blue": replace(slot("1", 1), platform="fargate")})
    there = made(fargate)
    there.cloud.targets["arn:tg/blue"] = tuple(
        Target(one.id, "healthy", "", 3000) for one in there.cloud.targets["arn:tg/blue"]
    )
    refused = plan(observe(there.cloud, START), replace(ELSEWHERE, in_place=InPlace(bake=20)), TERMS)
    assert isinstance(refused, Refusal)
    assert "port 3000" in refused.why and "8080" in refused.why


def test_what_failed_to_be_made_ready_has_touched_nothing():
    there = made()
    there.stack.failing = UpdateFailed("the update failed", "no such secret")
    with pytest.raises(ReleaseFailed, match="not touched"):
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert there.record == serving("empty")


def replaced_and_not_recorded() -> tuple[World, Unfinished]:
    """Every target runs the release that came, and the last update has failed."""
    there = made()

    def fails() -> None:
        latest = there.cloud.replacing.latest_of.get("blue-1-group")
        if latest is not None and latest.state == "done":
            there.stack.failing = UpdateFailed("the update failed", "throttled")

    there.clock.ticks.append(fails)
    with pytest.raises(Unfinished) as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    there.clock.ticks.remove(fails)
    there.stack.failing = None
    return there, caught.value


def test_a_finish_that_fails_is_unfinished_and_resumed():
    there, unfinished = replaced_and_not_recorded()
    assert unfinished.next[:2] == ("resume", "rollback")
    carry_out(there.ports, Resume(), LIMITS)
    assert (there.record.transition, runs(there)) == (None, [image("3")] * 2)


def test_all_of_it_can_be_taken_back_even_when_every_target_is_replaced():
    there, _ = replaced_and_not_recorded()
    roll_back(there.ports, HASTE)
    assert (there.record.active_slot, runs(there)) == (slot("1", 1), [image("1")] * 2)


def test_a_rollback_stops_the_driver_that_is_at_it():
    there = made()
    moved: list[bool] = []

    def someone() -> None:
        at = there.record.transition
        if at is not None and at.step == 1 and not moved:
            moved.append(True)
            roll_back(there.ports, HASTE)

    there.clock.ticks.append(someone)
    with pytest.raises(Busy):
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert (there.record.active_slot, runs(there)) == (slot("1", 1), [image("1")] * 2)


@pytest.mark.parametrize("verb", ["rollback", "resume"])
def test_what_was_begun_after_another_drivers_way_back_is_taken_back_and_after_its_way_on_is_not(verb):
    there = made()
    begin = there.cloud.replacing.begin

    def others_first(name, template, **how):
        there.cloud.replacing.begin = begin
        if verb == "rollback":
            roll_back(there.ports, HASTE)
        else:
            carry_out(there.ports, Resume(), LIMITS)
        for _ in range(5):
            there.cloud.replacing.pass_by()
        return begin(name, template, **how)

    there.cloud.replacing.begin = others_first
    with pytest.raises(Busy):
        carry_out(there.ports, IN_PLACE, LIMITS)
    for _ in range(5):
        there.cloud.replacing.pass_by()
    serves = "1" if verb == "rollback" else "3"
    assert ("back" in there.cloud.calls) == (verb == "rollback")
    assert (there.record.active_slot.image, runs(there)) == (image(serves), [image(serves)] * 2)
    assert not there.cloud.replacing.latest_of["blue-1-group"].under_way


def test_another_replacement_under_way_is_waited_for():
    there = made()
    there.cloud.replacing.latest_of["blue-1-group"] = Rollout("t-blue-compose-000031:5", "going")
    carry_out(there.ports, IN_PLACE, LIMITS)
    assert runs(there) == [image("3")] * 2


def test_too_few_requests_hold_it_at_the_checkpoint():
    there = made()
    there.cloud.traffic = Served(3, 0)
    with pytest.raises(Unfinished, match="only 3 of 10 requests") as caught:
        carry_out(there.ports, IN_PLACE, LIMITS)
    assert caught.value.next[0] == "resume --gate requests=warn"
    assert runs(there) == [image("1"), image("3")]
    carry_out(there.ports, Resume(gates={"requests": "warn"}), LIMITS)
    assert runs(there) == [image("3")] * 2


def test_smoke_checks_ask_where_users_do():
    there = made(terms=replace(TERMS, smoke=(Smoke("/ready"),)))
    carry_out(there.ports, IN_PLACE, LIMITS)
    assert set(there.probe.fetched) == {"http://shop.example/ready"}


def test_a_freeze_keeps_it_from_beginning_and_not_from_going_back():
    there = made()
    there.cloud.freeze = "inventory"
    with pytest.raises(Refused, match="frozen"):
        carry_out(there.ports, IN_PLACE, LIMITS)
    there.cloud.freeze = ""
    paused(there)
    there.cloud.freeze = "inventory"
    roll_back(there.ports, HASTE)
    assert runs(there) == [image("1")] * 2


def test_a_pause_at_a_weight_is_no_pause_of_this():
    there = paused(made())
    with pytest.raises(Invalid, match="passes no weights"):
        carry_out(there.ports, Resume(pause_after=10), LIMITS)
    with pytest.raises(Refused, match="transition is in progress"):
        carry_out(there.ports, Promote(), LIMITS)
