"""Back at once and for good, over fakes of the ports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driver.errors import Invalid, Refused, ReleaseFailed, Unfinished, Unforeseen
from driver.release.requests import Retire
from driver.release.snapshot import Rule
from driver.rollback import Haste, roll_back
from driver.stack.failures import Locked
from driver.transition import Limits, carry_out
from infra.record import Record, Transition, parse_intent
from tests.driver.fakes import image, serving, slot, world

NOW = "2026-03-01T11:00:00Z"


def test_traffic_moves_before_the_update_and_the_record_follows():
    made = world(serving("previous"))
    made.stack.before = lambda: order.append(dict(made.cloud.live()))
    order: list[dict] = []
    journey = roll_back(made.ports, Haste())
    assert order == [{"blue": 0, "green": 100}]
    assert made.cloud.live() == {"blue": 0, "green": 100}
    assert (made.record.active, made.record.standby) == ("green", "rejected")
    assert made.cloud.intent == ""
    assert journey.stack_updates == 1
    assert made.stack.adopted == made.cloud.deployed


@pytest.mark.parametrize(("tested", "reread"), [("green", []), ("blue", [("**::production-rule", "**::test-rule")])])
def test_a_test_rule_that_a_killed_driver_has_moved_on_is_read_again_before_it_is_put_back(tested, reread):
    """Its last update had moved the rule and not saved so: Pulumi would see nothing to do."""
    made = world(replace(serving("candidate"), transition=Transition("shift", 10, 1, NOW, NOW)))
    made.cloud.forwarding["arn:rule/test"] = Rule("arn:rule/test", {f"arn:tg/{tested}": 1})
    roll_back(made.ports, Haste())
    assert (made.record.active, made.record.standby) == ("blue", "rejected")
    assert made.stack.reread == reread


def test_the_intent_says_what_was_decided_until_the_record_does():
    made = world(serving("previous"))
    made.stack.locked = [Locked("locked", "held by ben")] * 1000
    with pytest.raises(Unfinished) as caught:
        roll_back(made.ports, Haste(lock=20))
    assert caught.value.exit_code == 6
    intent = parse_intent(made.cloud.intent)
    assert (intent.generation, intent.record.active) == (5, "green")
    assert made.cloud.live() == {"blue": 0, "green": 100}
    made.stack.locked = []
    roll_back(made.ports, Haste())
    assert made.record.active == "green"
    assert made.cloud.intent == ""


@pytest.mark.parametrize("standby", ["empty", "candidate", "rejected"])
def test_nothing_to_go_back_to_is_refused_with_the_reason(standby):
    made = world(serving(standby))
    with pytest.raises(Refused, match="nothing to go back to") as caught:
        roll_back(made.ports, Haste())
    assert standby.rstrip("ed") in caught.value.why or "rolled back" in caught.value.why
    assert "forward" not in made.cloud.calls


def test_a_second_rollback_does_not_go_forward_again():
    made = world(serving("previous"))
    roll_back(made.ports, Haste())
    with pytest.raises(Refused):
        roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 0, "green": 100}


def test_out_of_a_transition():
    shift = Transition("shift", 30, 1, NOW, NOW)
    made = world(Record("blue", "candidate", {"blue": slot("1", 1), "green": slot("2", 4)}, shift))
    roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert (made.record.transition, made.record.standby) == (None, "rejected")


def test_an_update_that_moved_the_rule_and_not_the_record_is_taken_back():
    made = world(serving("candidate"))
    made.cloud.move(blue=0)
    made.stack.state = made.cloud.live()
    roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert (made.record.active, made.record.standby) == ("blue", "candidate")


def test_a_retired_color_is_filled_again_first():
    made = world(serving("previous"))
    carry_out(made.ports, Retire(), Limits())
    made.cloud.history.clear()
    journey = roll_back(made.ports, Haste())
    assert str(journey.steps[0].move).split(":")[0] == "set floors"
    assert made.record.active == "green"
    assert made.record.colors["green"].floor == 2
    assert journey.stack_updates == 2


def test_an_unhealthy_old_color_is_waited_for_unless_it_must_be_now():
    made = world(serving("previous"))
    made.cloud.sick.add(image("2"))
    made.cloud.settle()
    with pytest.raises(ReleaseFailed):
        roll_back(made.ports, Haste(timeout=30))
    assert made.cloud.history == []
    with pytest.raises(Unfinished, match="not all agrees"):
        roll_back(made.ports, Haste(at_once=True))
    assert made.record.active == "green"


def test_weights_are_set_again_when_a_foreign_update_moves_them():
    made = world(serving("previous"))
    made.stack.locked = [Locked("locked", "held by ben")] * 3
    made.clock.ticks.append(lambda: made.cloud.move(blue=100) if len(made.cloud.history) < 3 else None)
    roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 0, "green": 100}
    assert made.cloud.calls.count("forward") >= 2


def test_an_intent_that_cannot_be_written_does_not_keep_the_traffic():
    made = world(serving("previous"))
    made.cloud.failing["put_intent"] = Unforeseen("throttled")
    roll_back(made.ports, Haste())
    assert made.record.active == "green"


def test_a_rule_that_cannot_be_moved_at_once_is_moved_by_the_update():
    made = world(serving("previous"))
    made.cloud.failing["forward"] = Unforeseen("throttled")
    roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 0, "green": 100}


def test_health_that_cannot_be_read_does_not_keep_the_traffic():
    made = world(serving("previous"))
    failing = Unforeseen("throttled")
    made.cloud.failing["health"] = failing

    def back_to_normal() -> None:
        made.cloud.failing.pop("health", None)

    made.stack.before = back_to_normal
    roll_back(made.ports, Haste())
    assert made.record.active == "green"


def test_whatever_keeps_the_update_from_running_the_traffic_is_back_and_the_end_says_so():
    made = world(serving("previous"))
    made.stack.failing = Invalid("the stack's backend can't be used", "no such bucket")
    with pytest.raises(Unfinished, match="green has the traffic") as caught:
        roll_back(made.ports, Haste())
    assert "no such bucket" in caught.value.why
    assert caught.value.exit_code == 6
    assert made.cloud.live() == {"blue": 0, "green": 100}
    assert parse_intent(made.cloud.intent).record.active == "green"


def test_a_record_carried_over_from_another_account_moves_nothing_and_leaves_no_intent():
    made = world(serving("previous"))
    arn = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener-rule/app/shop/1/2/3"
    made.cloud.deployed = replace(made.cloud.deployed, account="111122223333", rules={"production": arn})
    with pytest.raises(Invalid, match="another account"):
        roll_back(made.ports, Haste())
    assert made.cloud.live() == {"blue": 100, "green": 0}
    assert made.cloud.stored().intent is None
    assert made.stack.updates == []
