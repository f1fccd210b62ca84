"""Requests carried out over fakes of the ports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driver.errors import Busy, Refused, ReleaseFailed, RolledBack, Unfinished
from driver.interrupts import Interrupted
from driver.ports import Answers
from driver.release.requests import Deploy, Promote, Retire, Terms
from driver.release.snapshot import Rule, Target
from driver.stack.failures import Locked, Stopped, UpdateFailed
from driver.transition import Limits, carry_out
from infra.record import Intent, intent_text
from tests.driver.fakes import image, release, serving, world

LIMITS = Limits(timeout=600, lock=30)


def test_deploy_fills_the_standby_and_moves_no_traffic():
    made = world(serving("empty"))
    journey = carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert made.record.standby == "candidate"
    assert made.record.colors["green"].image == image("2")
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert made.cloud.history == []
    assert journey.stack_updates == 1
    assert made.stack.adopted == made.cloud.deployed


def test_deploy_asks_for_as_many_targets_as_serve_now():
    made = world(serving("empty"))
    made.cloud.set_desired("blue-1-group", 4)
    carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert (made.record.colors["green"].floor, made.record.colors["blue"].floor) == (4, 4)


def test_deploy_of_an_image_that_never_gets_healthy_fails_with_the_targets_reasons():
    made = world(serving("empty"))
    made.cloud.sick.add(image("2"))
    with pytest.raises(ReleaseFailed) as caught:
        carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert caught.value.exit_code == 4
    assert "Target.FailedHealthChecks" in caught.value.why
    assert made.clock.seconds >= 600
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert caught.value.facts["stack_updates"] == 1


def test_deploy_counts_only_targets_of_the_recorded_fill():
    made = world(serving("empty"))

    def strangers() -> None:
        made.cloud.targets["arn:tg/green"] = tuple(
            replace(target, id=f"old-{target.id}") for target in made.cloud.targets["arn:tg/green"]
        )

    made.clock.ticks.append(strangers)
    made.cloud.sick.add(image("2"))
    with pytest.raises(ReleaseFailed, match="0 of 2"):
        carry_out(made.ports, Deploy(release("2")), Limits(timeout=20))


def test_deploy_of_the_same_candidate_again_makes_no_update():
    made = world(serving("candidate"))
    journey = carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert journey.stack_updates == 0
    assert made.stack.updates == []


def test_deploy_once_more_clears_what_one_that_was_broken_off_left_beside_the_new_fill():
    made = world(serving("candidate"))
    stranger = Target("i-green-3-0", "healthy")
    made.cloud.targets["arn:tg/green"] += (stranger,)
    journey = carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert journey.stack_updates == 1
    (wish,) = made.stack.updates
    assert wish is not None
    assert "**::green-*-**" in wish.targets
    assert not [target for target in wish.targets if "blue" in target]
    assert stranger not in made.cloud.targets["arn:tg/green"]
    assert made.record.standby == "candidate"


def test_targets_on_their_way_out_are_nothing_left_over():
    made = world(serving("candidate"))
    made.cloud.targets["arn:tg/green"] += (Target("i-green-3-0", "draining"),)
    assert carry_out(made.ports, Deploy(release("2")), LIMITS).stack_updates == 0


def test_deploy_of_what_serves_is_a_success_without_steps():
    made = world(serving("candidate"))
    journey = carry_out(made.ports, Deploy(release("1")), LIMITS)
    assert journey.steps == []
    assert "already there" in journey.reason


def test_a_fill_that_fails_leaves_the_record_and_the_traffic():
    made = world(serving("empty"))
    made.stack.failing = UpdateFailed("the update failed", "green-6-group: no subnets")
    with pytest.raises(ReleaseFailed, match="what serves was not touched"):
        carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert "green" not in made.record.colors


def test_promote_is_one_targeted_update_and_is_verified():
    made = world(serving("candidate"))
    journey = carry_out(made.ports, Promote(), LIMITS)
    assert journey.stack_updates == 1
    assert made.cloud.live() == {"blue": 0, "green": 100}
    assert (made.record.active, made.record.standby) == ("green", "previous")
    (wish,) = made.stack.updates
    assert wish is not None
    assert wish.targets == ("**::production-rule", "**::test-rule", "**::record", "**::*-active-only")
    assert {verdict.gate for verdict in journey.steps[0].verdicts} == {"health", "capacity", "weights", "probe"}
    assert made.probe.asked == 1


def test_promote_writes_the_hold_of_the_settings():
    made = world(serving("candidate"))
    made.stack.settings = Terms(hold=3600, least=2, most=6)
    carry_out(made.ports, Promote(), LIMITS)
    assert made.record.held_until == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize(
    ("standby", "request_", "what"),
    [
        ("empty", Promote(), "green is empty"),
        ("previous", Promote(), "previous"),
        ("rejected", Promote(), "rejected"),
        ("candidate", Promote(image=image("9")), "does not run"),
    ],
)
def test_promote_refuses(standby, request_, what):
    made = world(serving(standby))
    with pytest.raises(Refused, match=what):
        carry_out(made.ports, request_, LIMITS)
    assert made.stack.updates == []
    assert made.cloud.history == []


def test_promote_again_takes_a_rejected_release():
    made = world(serving("rejected"))
    carry_out(made.ports, Promote(again=True), LIMITS)
    assert made.record.active == "green"


def test_promote_of_an_image_that_serves_is_a_success():
    made = world(serving("previous"))
    journey = carry_out(made.ports, Promote(image=image("1")), LIMITS)
    assert "already there" in journey.reason
    assert made.stack.updates == []


def test_promote_refuses_an_unhealthy_standby():
    made = world(serving("candidate"))
    made.cloud.ail("green", 1)
    with pytest.raises(Refused) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.facts["gate"] == "health"
    assert "Target.Timeout" in caught.value.why


def test_promote_refuses_a_standby_that_is_smaller_and_says_what_would_help():
    made = world(serving("candidate"))
    made.cloud.set_desired("blue-1-group", 4)
    with pytest.raises(Refused, match="green has 2 healthy targets, blue serves with 4") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.facts["gate"] == "capacity"
    assert "--capacity 4" in caught.value.next[0]
    assert carry_out(made.ports, Promote(gates={"capacity": "warn"}), LIMITS).stack_updates == 1


def test_promote_refuses_while_aws_disagrees_with_the_record():
    made = world(serving("candidate"))
    made.cloud.move(blue=50)
    with pytest.raises(Refused, match="disagrees") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert "blue 50, green 50" in caught.value.why


def test_promote_refuses_while_frozen_and_while_a_rollback_is_in_progress():
    made = world(serving("candidate"))
    made.cloud.freeze = "sale until Monday"
    with pytest.raises(Refused, match="frozen"):
        carry_out(made.ports, Promote(), LIMITS)
    made.cloud.freeze = ""
    made.cloud.intent = intent_text(Intent(5, serving("candidate"), who="anna"))
    with pytest.raises(Busy, match="rollback is in progress"):
        carry_out(made.ports, Promote(), LIMITS)


def test_a_probe_that_fails_after_the_shift_rolls_back_by_itself():
    made = world(serving("candidate"))
    made.probe.answers = Answers(True, (200, 502, 200), ("green",) * 3)

    def recovered() -> None:
        if made.cloud.live()["blue"] == 100:
            made.probe.answers = None

    made.clock.ticks.append(recovered)
    made.cloud.history.clear()
    forward = made.cloud.forward

    def forward_and_recover(rule):
        forward(rule)
        recovered()

    made.cloud.forward = forward_and_recover
    with pytest.raises(RolledBack) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 4
    assert "1 of 3 requests failed" in caught.value.why
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert (made.record.active, made.record.standby) == ("blue", "rejected")
    assert caught.value.facts["stack_updates"] == 2


def test_a_balancer_that_cannot_be_reached_is_said_and_no_failure():
    made = world(serving("candidate"))
    made.probe.answers = Answers(False, why="no route")
    journey = carry_out(made.ports, Promote(), LIMITS)
    assert [verdict.reason for verdict in journey.steps[0].verdicts if verdict.gate == "probe"] == ["not run: no route"]


def test_a_held_lock_is_waited_for():
    made = world(serving("candidate"))
    made.stack.locked = [Locked("locked", "held by ben@ci")] * 3
    assert carry_out(made.ports, Promote(), LIMITS).stack_updates == 1
    assert any("held by ben@ci" in line for line in made.said)


def test_a_lock_that_stays_ends_busy_and_names_its_owner():
    made = world(serving("candidate"))
    made.stack.locked = [Locked("locked", "held by ben@ci since noon")] * 100
    with pytest.raises(Busy) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 5
    assert "ben@ci since noon" in caught.value.why
    assert made.cloud.history == []


def test_another_driver_that_was_faster_is_not_overwritten():
    made, rival = world(serving("candidate")), world(serving("candidate"))
    carry_out(rival.ports, Deploy(release("3")), LIMITS)
    made.stack.locked = [Locked("locked", "held")]
    made.clock.ticks.append(lambda: setattr(made.cloud, "deployed", rival.cloud.deployed))
    with pytest.raises(Busy, match="faster"):
        carry_out(made.ports, Promote(), LIMITS)
    assert made.stack.updates == []


def test_two_drivers_that_want_the_same_both_succeed():
    made, rival = world(serving("candidate")), world(serving("candidate"))
    carry_out(rival.ports, Promote(), LIMITS)
    made.stack.locked = [Locked("locked", "held")]

    def won() -> None:
        made.cloud.deployed = rival.cloud.deployed
        made.cloud.forwarding = rival.cloud.forwarding

    made.clock.ticks.append(won)
    assert carry_out(made.ports, Promote(), LIMITS).stack_updates == 0


def test_retire_takes_floor_and_capacity_away_and_keeps_the_release():
    made = world(serving("previous"))
    journey = carry_out(made.ports, Retire(), LIMITS)
    assert made.record.colors["green"].floor == 0
    assert made.record.standby == "previous"
    assert made.cloud.groups["green-4-group"].desired == 0
    assert journey.stack_updates == 1


def test_retire_refuses_the_color_that_serves_and_a_held_one():
    with pytest.raises(Refused, match="serves"):
        carry_out(world(serving("previous")).ports, Retire(color="blue"), LIMITS)
    held = world(serving("previous", held="2026-03-01T13:00:00Z"))
    with pytest.raises(Refused, match="kept for a rollback"):
        carry_out(held.ports, Retire(), LIMITS)
    assert carry_out(held.ports, Retire(due=True), LIMITS).steps == []
    with pytest.raises(Refused, match="kept for a rollback"):
        carry_out(held.ports, Deploy(release("3")), LIMITS)
    assert carry_out(held.ports, Deploy(release("3"), end_hold=True), LIMITS).stack_updates == 1


def test_retire_again_changes_nothing():
    made = world(serving("previous"))
    carry_out(made.ports, Retire(), LIMITS)
    assert carry_out(made.ports, Retire(), LIMITS).steps == []


def test_an_update_that_moved_the_rule_and_failed_is_tried_again():
    made = world(serving("candidate"))
    made.stack.torn = [UpdateFailed("the update failed", "record: throttled")]
    journey = carry_out(made.ports, Promote(), LIMITS)
    assert made.record.active == "green"
    assert journey.stack_updates == 2


def test_an_update_that_moved_the_rule_and_cannot_write_the_record_is_taken_back():
    made = world(serving("candidate"))
    made.stack.torn = [UpdateFailed("the update failed", "record: denied")] * 2
    with pytest.raises(UpdateFailed, match="was put back") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.why == "record: denied"
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert made.record.active == "blue"


def test_a_stopped_update_that_moved_the_rule_is_finished():
    made = world(serving("candidate"))
    made.stack.torn = [Stopped("stopped")]
    carry_out(made.ports, Promote(), LIMITS)
    assert made.record.active == "green"


def test_a_stopped_update_that_did_nothing_ends_unfinished():
    made = world(serving("candidate"))
    made.stack.failing = Stopped("stopped")
    with pytest.raises(Stopped) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.exit_code == 6
    assert made.cloud.live() == {"blue": 100, "green": 0}


def test_a_candidate_gets_more_capacity_without_a_new_fill():
    made = world(serving("candidate"))
    carry_out(made.ports, Deploy(release("2"), capacity=4), LIMITS)
    assert (made.record.colors["green"].fill, made.record.colors["green"].floor) == (4, 4)
    assert made.record.standby == "candidate"


def test_more_targets_than_the_settings_allow_are_refused():
    made = world(serving("candidate"))
    with pytest.raises(Refused, match="7 targets"):
        carry_out(made.ports, Deploy(release("3"), capacity=7), LIMITS)


def test_an_interrupt_while_waiting_ends_unfinished_and_names_the_same_command(monkeypatch):
    made = world(serving("empty"))
    made.cloud.sick.add(image("2"))

    def stop() -> None:
        raise Interrupted("SIGTERM")

    made.clock.ticks.append(stop)
    with pytest.raises(Unfinished, match="interrupted by SIGTERM") as caught:
        carry_out(made.ports, Deploy(release("2")), LIMITS)
    assert caught.value.next[0] == "deploy shop:2"
    assert "record 6 is deployed: blue 100, green 0" in caught.value.why
    assert caught.value.facts["stack_updates"] == 1


def test_no_traffic_goes_to_a_color_in_which_a_broken_off_fill_left_another_release():
    made = world(serving())
    green = made.cloud.targets["arn:tg/green"]
    made.cloud.targets["arn:tg/green"] = (*green, replace(green[0], id="i-left"))
    with pytest.raises(Refused, match="1 healthy target of green run another release") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert "i-left" in caught.value.why
    assert caught.value.next[0] == "up"
    made.cloud.targets["arn:tg/green"] = (*green, replace(green[0], id="i-left", state="draining"))
    carry_out(made.ports, Promote(), LIMITS)
    assert made.record.active == "green"


def test_an_interrupt_between_rule_and_record_tells_the_weights_that_are_live():
    made = world(serving())
    made.stack.torn.append(Interrupted("SIGINT"))  # type: ignore[arg-type]
    with pytest.raises(Unfinished, match="interrupted by SIGINT") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert "record 5 is deployed: blue 100, green 0; the live weights are blue 0, green 100" in caught.value.why
    assert caught.value.next[:2] == ("resume", "rollback")


def test_an_interrupt_between_the_test_rule_and_production_names_what_settles_it(monkeypatch):
    made = world(serving())

    def stop(wish=None):
        made.cloud.forwarding["arn:rule/test"] = Rule("arn:rule/test", {"arn:tg/blue": 1})
        raise Interrupted("SIGINT")

    monkeypatch.setattr(made.stack, "update", stop)
    with pytest.raises(Unfinished, match="interrupted by SIGINT") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.next == ("up", "promote", "status")
    assert "the test rule sends to blue, which serves" in caught.value.why
    with pytest.raises(Refused) as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert caught.value.next[0] == "up"


def test_an_interrupt_after_the_record_is_written_does_not_ask_for_the_same_once_more(monkeypatch):
    made = world(serving())
    update = made.stack.update

    def stop(wish=None):
        update(wish)
        raise Interrupted("SIGINT")

    monkeypatch.setattr(made.stack, "update", stop)
    with pytest.raises(Unfinished, match="interrupted by SIGINT") as caught:
        carry_out(made.ports, Promote(), LIMITS)
    assert (made.record.active, made.record.standby) == ("green", "previous")
    assert caught.value.next == ("status", "rollback")
    assert caught.value.why.endswith("green 100; green is promoted")
