"""What a command says when it was not alone, when an answer was lost, or when it can't go on half-way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driver.errors import Busy, Invalid, Refused, ReleaseFailed, Unfinished, Unforeseen
from driver.pending import bring_up
from driver.release.moves import Undo
from driver.release.requests import Deploy, InPlace, Promote, Resume, Retire
from driver.release.targets import RULES
from driver.rollback import Haste, roll_back
from driver.stack.failures import Locked, UpdateFailed, refused
from driver.transition import Limits, carry_out, planned
from infra.decision import Refused as Said
from infra.record import Transition
from tests.driver.fakes import image, release, serving, world
from tests.driver.test_gradual import LIMITS, at, made, started

NOW = "2026-03-01T11:00:00Z"


def in_place():
    return replace(serving("rejected"), transition=Transition("in-place", 0, 1, NOW, NOW, source=release("0")))


def test_a_deploy_during_which_someone_moved_the_traffic_does_not_end_well():
    stack = world(serving("empty"))
    stack.cloud.sick.add(image("2"))

    def heals() -> None:
        stack.cloud.sick.clear()
        stack.cloud.settle()
        stack.cloud.move(30)

    at(stack, 5, heals)
    with pytest.raises(Busy, match="changed the live weights") as caught:
        carry_out(stack.ports, Deploy(release("2")), Limits(60))
    assert caught.value.next == ("up", "rollback")


def test_a_promotion_that_is_rolled_back_at_its_very_end_is_no_success():
    stack = made(terms=replace(made().stack.settings, hold=0))
    ask, done = stack.probe.ask, []

    def asked(url: str, times: int):
        if stack.record.active == "green" and not done:
            done.append(True)
            roll_back(stack.ports, Haste(at_once=True))
        return ask(url, times)

    stack.probe.ask = asked  # type: ignore[method-assign]
    with pytest.raises(Busy, match="another driver took over"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.active == "blue"


def test_a_gate_that_fails_after_anothers_rollback_takes_nothing_back():
    stack = made()
    at(stack, 100, lambda: stack.cloud.ail("green", 1))
    observe, done = stack.cloud.capacity, []

    def capacity(names):
        found = observe(names)
        if stack.clock.seconds >= 100 and not done:
            done.append(True)
            roll_back(stack.ports, Haste(at_once=True))
        return found

    stack.cloud.capacity = capacity  # type: ignore[method-assign]
    with pytest.raises(Busy, match="another driver took over"):
        carry_out(stack.ports, Promote(), LIMITS)
    assert stack.cloud.live() == {"blue": 100, "green": 0}


def test_a_backend_that_goes_away_in_a_shift_leaves_it_unfinished():
    stack = made()
    at(stack, 299, lambda: setattr(stack.stack, "failing", Invalid("the stack's backend can't be used", "no bucket")))
    with pytest.raises(Unfinished, match="stays where it is") as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.next[:2] == ("resume", "rollback")
    assert "no bucket" in caught.value.why


def test_a_lock_that_is_held_in_a_shift_names_the_lock_first_and_the_way_on_too():
    stack = made()
    held = [Locked("another update holds the stack", "held by ben", ("wait",))] * 100
    at(stack, 299, lambda: stack.stack.locked.extend(held))
    with pytest.raises(Busy) as caught:
        carry_out(stack.ports, Promote(), LIMITS)
    assert caught.value.next == ("wait", "resume", "rollback")


def test_an_update_whose_answer_was_lost_counts_as_done_where_the_record_says_so():
    stack = made()
    update, failed = stack.stack.update, []

    def lost(wish=None):
        changes = update(wish)
        if not failed:
            failed.append(True)
            raise UpdateFailed("the update failed", "timed out")
        return changes

    stack.stack.update = lost  # type: ignore[method-assign]
    carry_out(stack.ports, Promote(), LIMITS)
    assert stack.record.active == "green"


def test_who_carries_a_shift_on_stops_where_it_was_to_be_paused():
    stack = made()
    started(stack, weights=(10, 50), bake=120, pause_after=50)
    journey = carry_out(stack.ports, Resume(), LIMITS)
    assert journey.paused and journey.paused.weight == 50
    assert carry_out(stack.ports, Resume(), LIMITS).paused is None
    assert stack.record.active == "green"


def test_a_pause_where_the_shift_is_stays_there():
    stack = made()
    started(stack, weights=(10, 50), bake=120)
    journey = carry_out(stack.ports, Resume(pause_after=10), LIMITS)
    assert journey.paused and journey.paused.weight == 10
    assert stack.cloud.live() == {"blue": 90, "green": 10}


@pytest.mark.parametrize("weight", [5, 30, 90])
def test_a_pause_that_the_shift_does_not_pass_is_refused(weight):
    stack = made()
    started(stack, weights=(10, 50), bake=120)
    with pytest.raises(Invalid, match=f"does not stay at {weight} %"):
        carry_out(stack.ports, Resume(pause_after=weight), LIMITS)


def test_a_change_in_place_is_not_passed_over_in_silence():
    stack = world(in_place())
    for request in (Promote(), Deploy(release("3")), Deploy(release("3"), in_place=InPlace()), Retire()):
        with pytest.raises(Refused, match="transition is in progress") as caught:
            carry_out(stack.ports, request, LIMITS)
        assert "changed in place" in caught.value.why
        assert caught.value.next == ("resume", "rollback")


def test_taking_a_change_in_place_back_touches_the_color_that_it_changed():
    stack = world(in_place())
    assert Undo("blue").targets(stack.cloud.deployed) == ("**::blue-1-**", *RULES)
    roll_back(stack.ports, Haste())
    assert stack.record.active_slot.image == image("0")


def test_a_spent_intent_that_cannot_be_removed_spoils_no_rollback():
    stack = world(serving("previous"))
    stack.cloud.failing["drop_intent"] = Unforeseen("throttled")
    roll_back(stack.ports, Haste())
    assert stack.record.active == "green"
    assert any("spent intent" in line for line in stack.said)


def test_a_rollback_that_could_move_nothing_does_not_say_that_it_has():
    stack = world(serving("previous"))
    stack.cloud.failing["forward"] = Unforeseen("denied")
    stack.stack.failing = Invalid("the stack's backend can't be used", "no such bucket")
    with pytest.raises(Unfinished, match="the traffic is not on green yet: the live weights are blue 100"):
        roll_back(stack.ports, Haste())


def test_a_rollback_that_could_not_be_verified_is_not_to_be_repeated():
    stack = world(serving("previous"))
    failing = Unforeseen("throttled")
    stack.stack.before = lambda: stack.cloud.failing.update({"capacity": failing})
    with pytest.raises(Unfinished, match="could not be verified") as caught:
        roll_back(stack.ports, Haste())
    assert caught.value.next == ("verify", "status")
    assert stack.record.active == "green"


def test_a_rollback_that_waits_in_vain_says_how_not_to_wait():
    stack = world(serving("previous"))
    stack.cloud.sick.add(image("2"))
    stack.cloud.settle()
    with pytest.raises(ReleaseFailed) as caught:
        roll_back(stack.ports, Haste(timeout=30))
    assert caught.value.next[0] == "rollback --now"


def test_no_target_is_taken_from_a_color_that_another_driver_fills_again():
    stack = world(serving("previous"))
    adopt, done = stack.stack.adopt, []

    def adopted(deployed):
        adopt(deployed)
        if not done and not deployed.record.colors["green"].filled:
            done.append(True)
            roll_back(stack.ports, Haste())

    stack.stack.adopt = adopted  # type: ignore[method-assign]
    with pytest.raises(Busy, match="another driver took over"):
        carry_out(stack.ports, Retire(), LIMITS)
    assert "set_desired" not in stack.cloud.calls
    assert stack.cloud.live() == {"blue": 0, "green": 100}


def test_up_settles_drift_from_an_old_checkout_too():
    stack = world(serving("candidate"))
    stack.cloud.move(30)
    update = stack.stack.update

    def stale(wish=None):
        if stack.stack.adopted is None:
            raise refused(Said("unfinished-update", "an update did not finish", "an older record"), ours=False)
        return update(wish)

    stack.stack.update = stale  # type: ignore[method-assign]
    bring_up(stack.ports, timeout=60, wait=True)
    assert stack.cloud.live() == {"blue": 100, "green": 0}


@pytest.mark.parametrize(
    ("record", "first"),
    [
        (serving("previous", held="2026-03-01T13:00:00Z"), "deploy IMAGE --end-hold"),
        (serving("previous"), None),
    ],
)
def test_a_refused_deploy_names_what_is_not_refused(record, first):
    stack = world(record)
    if first is None:
        planned(stack.ports, Deploy(release("3")))
        return
    with pytest.raises(Refused) as caught:
        planned(stack.ports, Deploy(release("3")))
    assert caught.value.next[0] == first
    with pytest.raises(Refused) as caught:
        planned(stack.ports, Deploy(release("3"), capacity=99, end_hold=True))
    assert caught.value.next == ("deploy IMAGE --capacity 6",)


def test_a_rollback_after_which_another_driver_goes_on_is_no_success():
    stack = world(serving("previous"))
    adopt, done = stack.stack.adopt, []

    def adopted(deployed):
        adopt(deployed)
        if not done:
            done.append(True)
            carry_out(stack.ports, Promote(again=True, strategy="all-at-once"), LIMITS)

    stack.stack.adopt = adopted  # type: ignore[method-assign]
    with pytest.raises(Busy, match="green served again, and another driver has moved on"):
        roll_back(stack.ports, Haste())
    assert stack.record.active == "blue"


def test_a_rollback_whose_weights_someone_changes_at_once_is_no_success():
    stack = world(serving("previous"))
    adopt = stack.stack.adopt

    def adopted(deployed):
        adopt(deployed)
        stack.cloud.move(40)

    stack.stack.adopt = adopted  # type: ignore[method-assign]
    with pytest.raises(Unfinished, match="not all agrees") as caught:
        roll_back(stack.ports, Haste())
    assert "weights" in caught.value.why
