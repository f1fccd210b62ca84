"""Legal steps: whatever is wished for, an update makes one change, and never one that users would feel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.decision import fulfilled
from infra.record import COLORS, Color, Deployed, Record, Release, Slot, Transition, stamp, weights
from infra.steps import IllegalStep, Kind, Step, filled, first, flipped, floored, shifted, step, undone
from tests.infra.records import HELD, IMAGES, OVER, any_records, deployments, wishes
from tests.infra.world import NOW

IN_PLACE = (Kind.IN_PLACE_START, Kind.IN_PLACE_CHECKPOINT, Kind.IN_PLACE_FINISH, Kind.IN_PLACE_UNDO)
MOVES = (Kind.START, Kind.ADVANCE, Kind.UNDO, Kind.FINISH, Kind.FLIP)
V1, V2 = (Release("compose", image, f"r{number}") for number, image in enumerate(IMAGES[:2], 1))


def legal(data: st.DataObject) -> tuple[Deployed, Record, Step]:
    """A deployed record, a wish, and the step between them; examples without one are passed over."""
    deployed = data.draw(deployments())
    wish = data.draw(wishes(deployed.record))
    try:
        return deployed, wish, step(deployed, wish, NOW)
    except IllegalStep:
        assume(False)
        raise


@given(st.data())
def test_what_has_weight_keeps_its_release(data: st.DataObject) -> None:
    deployed, _, done = legal(data)
    was, then = deployed.record, done.record
    for color in COLORS:
        if weights(was)[color] or weights(then)[color]:
            changed = was.colors[color].release != then.colors[color].release
            assert not changed or done.kind in IN_PLACE
            assert was.colors[color].fill == then.colors[color].fill


@given(st.data())
def test_weight_goes_only_to_what_is_filled(data: st.DataObject) -> None:
    _, _, done = legal(data)
    assert all(done.record.colors[color].filled for color, weight in weights(done.record).items() if weight)


@given(st.data())
def test_an_update_fills_or_resizes_or_moves_and_never_two_of_them(data: st.DataObject) -> None:
    deployed, _, done = legal(data)
    was, then = deployed.record, done.record
    moved = weights(was) != weights(then) or was.active != then.active
    released = {color for color in then.colors if _release(was, color) != _release(then, color)}
    resized = {
        color for color in then.colors if color in was.colors and was.colors[color].floor != then.colors[color].floor
    }
    assert not (moved and (released or resized))
    if done.kind is Kind.FILL:
        assert done.fills == was.idle
        assert released <= {was.idle}
    elif done.kind in (Kind.FLOORS, Kind.EMPTY):
        assert resized and not released
    elif done.kind in MOVES:
        assert not released and not resized
    elif done.kind is Kind.SAME:
        assert then == was


def _release(record: Record, color: Color) -> Release | None:
    slot = record.colors.get(color)
    return slot.release if slot else None


@given(st.data())
def test_a_step_brings_about_what_was_wished_so_running_it_again_does_nothing(data: st.DataObject) -> None:
    deployed, wish, done = legal(data)
    assert fulfilled(wish, done.record)
    after = replace(deployed, record=done.record, generation=deployed.generation + 1)
    assert step(after, done.record, NOW).kind is Kind.SAME


@given(st.data())
def test_floors_go_down_only_outside_transitions_and_holds(data: st.DataObject) -> None:
    deployed, _, done = legal(data)
    was = deployed.record
    for color, slot in was.colors.items():
        lower = done.record.colors[color].floor < slot.floor
        replaced = done.kind is Kind.FILL and color == was.idle
        if lower and not replaced:
            assert was.transition is None
            assert not was.held(NOW)
    assert done.record.active_slot.filled


@given(st.data())
def test_the_standbys_word_is_set_by_the_step_and_not_by_the_wish(data: st.DataObject) -> None:
    deployed, wish, done = legal(data)
    was = deployed.record
    words = {
        Kind.FILL: "candidate",
        Kind.UNDO: "rejected",
        Kind.FINISH: "previous",
        Kind.FLIP: "rejected" if was.standby == "previous" else "previous",
    }
    assert done.record.standby == words.get(done.kind, was.standby)
    other = step(deployed, replace(wish, standby="empty"), NOW)
    assert other.record.standby == done.record.standby


@given(st.data())
def test_a_new_fill_is_named_after_its_generation_and_nothing_else_changes_name(data: st.DataObject) -> None:
    deployed, _, done = legal(data)
    for color, slot in done.record.colors.items():
        before = deployed.record.colors.get(color)
        if done.kind is Kind.FILL and color == done.fills:
            assert slot.fill == deployed.generation + 1
        else:
            assert before is not None and slot.fill == before.fill


@given(any_records())
def test_a_first_deploy_fills_one_color_alone(wish: Record) -> None:
    try:
        done = step(None, wish, NOW)
    except IllegalStep:
        assert wish.transition or set(wish.colors) != {wish.active} or not wish.active_slot.filled
    else:
        assert (done.kind, done.fills, done.record.standby) == (Kind.FIRST, wish.active, "empty")
        assert done.record.active_slot.fill == 1


@given(st.data())
def test_every_record_that_a_driver_walks_through_is_one_step_from_the_last(data: st.DataObject) -> None:
    """A random walk of verbs from a first deploy: at each record, users are served by a filled color."""
    deployed = Deployed(first(V1, 2), 1)
    for _ in range(data.draw(st.integers(1, 8))):
        verb = data.draw(st.sampled_from(("fill", "flip", "shift", "undo", "retire", "refill")))
        try:
            wish = _verb(verb, deployed, data)
        except IllegalStep:
            continue
        deployed = replace(deployed, record=wish, generation=deployed.generation + 1)
        assert wish.active_slot.filled
        assert sum(weights(wish).values()) == 100
        assert weights(wish)[wish.idle] == 0 or (wish.standby_slot is not None and wish.standby_slot.filled)


def _verb(verb: str, was: Deployed, data: st.DataObject) -> Record:
    weight = data.draw(st.integers(1, 99))
    match verb:
        case "fill":
            return filled(was, data.draw(st.sampled_from((V1, V2))), NOW, floor=3, active_floor=3)
        case "flip":
            return flipped(was, NOW, held_until=data.draw(st.sampled_from((None, OVER, HELD))))
        case "shift":
            return shifted(was, NOW, Transition("shift", weight, 1, OVER, OVER))
        case "undo":
            return undone(was, NOW)
        case "retire":
            return floored(was, NOW, {was.record.idle: 0})
        case _:
            return floored(was, NOW, dict.fromkeys(COLORS, 4))


BLUE = Slot("compose", IMAGES[0], "r1", 1, 2)
GREEN = Slot("compose", IMAGES[1], "r2", 2, 2)
BOTH = Deployed(Record("blue", "candidate", {"blue": BLUE, "green": GREEN}), 2)
SHIFT = Transition("shift", 10, 1, OVER, OVER)
SHIFTING = replace(BOTH, record=replace(BOTH.record, transition=SHIFT))
PREVIOUS = replace(BOTH, record=replace(BOTH.record, standby="previous", held_until=HELD))
RETIRED = replace(BOTH, record=replace(BOTH.record, colors={"blue": BLUE, "green": replace(GREEN, floor=0)}))


def changed(was: Deployed, **fields: object) -> Record:
    return replace(was.record, **fields)  # type: ignore[arg-type]


ILLEGAL = {
    "another release where users are": (
        BOTH,
        changed(BOTH, colors={"blue": replace(BLUE, image=IMAGES[2]), "green": GREEN}),
        "which serves",
    ),
    "another release in both": (
        BOTH,
        changed(BOTH, colors={"blue": replace(BLUE, image=IMAGES[2]), "green": replace(GREEN, image=IMAGES[2])}),
        "which serves",
    ),
    "a fill and a shift at once": (
        BOTH,
        changed(BOTH, colors={"blue": BLUE, "green": replace(GREEN, image=IMAGES[2])}, transition=SHIFT),
        "one update",
    ),
    "a fill and a flip at once": (
        BOTH,
        changed(BOTH, colors={"blue": BLUE, "green": replace(GREEN, image=IMAGES[2])}, active="green"),
        "one update",
    ),
    "a fill during a shift": (
        SHIFTING,
        changed(SHIFTING, colors={"blue": BLUE, "green": replace(GREEN, image=IMAGES[2])}),
        "one update",
    ),
    "a fill of nothing": (
        BOTH,
        changed(BOTH, colors={"blue": BLUE, "green": replace(GREEN, image=IMAGES[2], floor=0)}),
        "floor above 0",
    ),
    "a fill that empties the active color": (
        BOTH,
        changed(BOTH, colors={"blue": replace(BLUE, floor=0), "green": replace(GREEN, image=IMAGES[2])}),
        "can't be emptied",
    ),
    "a fill that lowers the active color's floor within the hold": (
        PREVIOUS,
        changed(PREVIOUS, colors={"blue": replace(BLUE, floor=1), "green": replace(GREEN, image=IMAGES[2])}),
        "before the hold ends",
    ),
    "a release taken out": (BOTH, changed(BOTH, colors={"blue": BLUE}), "retire"),
    "a shift to an empty color": (RETIRED, changed(RETIRED, transition=SHIFT), "green is empty"),
    "a flip to an empty color": (RETIRED, changed(RETIRED, active="green"), "green is empty"),
    "a flip during a shift": (SHIFTING, changed(SHIFTING, active="green"), "last step"),
    "a shift backwards": (SHIFTING, changed(SHIFTING, transition=replace(SHIFT, weight=5)), "back"),
    "a shift of everything": (BOTH, changed(BOTH, transition=replace(SHIFT, weight=100)), "1 to 99"),
    "a shift of nothing": (BOTH, changed(BOTH, transition=replace(SHIFT, weight=0)), "1 to 99"),
    "the active color emptied": (
        BOTH,
        changed(BOTH, colors={"blue": replace(BLUE, floor=0), "green": GREEN}),
        "can't be emptied",
    ),
    "a floor lowered during a shift": (
        SHIFTING,
        changed(SHIFTING, colors={"blue": replace(BLUE, floor=1), "green": GREEN}),
        "during a transition",
    ),
    "the standby's floor lowered during a shift": (
        SHIFTING,
        changed(SHIFTING, colors={"blue": BLUE, "green": replace(GREEN, floor=1)}),
        "floor of green can't go down during a transition",
    ),
    "one floor lowered and the other raised during a shift": (
        SHIFTING,
        changed(SHIFTING, colors={"blue": replace(BLUE, floor=1), "green": replace(GREEN, floor=9)}),
        "floor of blue can't go down during a transition",
    ),
    "the active color's floor lowered within the hold": (
        PREVIOUS,
        changed(PREVIOUS, colors={"blue": replace(BLUE, floor=1), "green": GREEN}),
        "floor of blue can't go down before the hold ends",
    ),
    "the old color's floor lowered within its hold": (
        PREVIOUS,
        changed(PREVIOUS, colors={"blue": BLUE, "green": replace(GREEN, floor=1)}),
        "floor of green can't go down before the hold ends",
    ),
    "a shift that lowers a floor": (
        BOTH,
        changed(BOTH, colors={"blue": BLUE, "green": replace(GREEN, floor=1)}, transition=SHIFT),
        "one update",
    ),
    "the old color emptied within its hold": (
        PREVIOUS,
        changed(PREVIOUS, colors={"blue": BLUE, "green": replace(GREEN, floor=0)}),
        "before the hold ends",
    ),
    "floors and a shift at once": (
        BOTH,
        changed(BOTH, colors={"blue": replace(BLUE, floor=3), "green": GREEN}, transition=SHIFT),
        "one update",
    ),
    "in place on another platform": (
        BOTH,
        changed(
            BOTH,
            colors={"blue": replace(BLUE, platform="fargate"), "green": GREEN},
            transition=Transition("in-place", 0, 1, OVER, OVER, source=BLUE.release),
        ),
        "platform",
    ),
    "in place from another release than the one that serves": (
        BOTH,
        changed(
            BOTH,
            colors={"blue": replace(BLUE, image=IMAGES[2]), "green": GREEN},
            transition=Transition("in-place", 0, 1, OVER, OVER, source=GREEN.release),
        ),
        "one at a time",
    ),
    "in place under another number": (
        BOTH,
        changed(
            BOTH,
            colors={"blue": replace(BLUE, image=IMAGES[2], fill=3), "green": GREEN},
            transition=Transition("in-place", 0, 1, OVER, OVER, source=BLUE.release),
        ),
        "number of the fill",
    ),
    "in place without a change": (
        BOTH,
        changed(BOTH, transition=Transition("in-place", 0, 1, OVER, OVER, source=BLUE.release)),
        "one at a time",
    ),
}


@pytest.mark.parametrize(("was", "wish", "why"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_illegal(was: Deployed, wish: Record, why: str) -> None:
    with pytest.raises(IllegalStep, match=why):
        step(was, wish, NOW)


def test_the_old_color_may_be_emptied_once_the_hold_is_over() -> None:
    over = NOW + timedelta(hours=2)
    done = step(PREVIOUS, changed(PREVIOUS, colors={"blue": BLUE, "green": replace(GREEN, floor=0)}), over)
    assert (done.kind, done.record.standby) == (Kind.EMPTY, "previous")


@pytest.mark.parametrize("was", [SHIFTING, PREVIOUS], ids=["during a shift", "within the hold"])
@pytest.mark.parametrize("floors", [{"blue": 3}, {"green": 3}, {"blue": 9, "green": 9}])
def test_floors_may_go_up_at_any_time(was: Deployed, floors: dict[Color, int]) -> None:
    wish = floored(was, NOW, floors)
    done = step(was, wish, NOW)
    assert done.kind is Kind.FLOORS
    assert {color: done.record.colors[color].floor for color in floors} == floors
    assert (done.record.transition, done.record.held_until) == (was.record.transition, was.record.held_until)


def test_a_finish_keeps_the_hold_it_was_asked_for_and_a_rollback_has_none() -> None:
    until = stamp(NOW + timedelta(hours=1))
    finished = step(SHIFTING, Record("green", "empty", SHIFTING.record.colors, None, until), NOW)
    assert (finished.kind, finished.record.standby, finished.record.held_until) == (Kind.FINISH, "previous", until)
    back = step(replace(PREVIOUS), Record("green", "empty", PREVIOUS.record.colors, None, until), NOW)
    assert (back.kind, back.record.standby, back.record.held_until) == (Kind.FLIP, "rejected", None)


def test_in_place_the_resources_keep_their_number_and_undoing_restores_the_release() -> None:
    source = BLUE.release
    transition = Transition("in-place", 0, 1, OVER, OVER, source=source)
    new = replace(BLUE, image=IMAGES[2], digest="r3")
    started = step(BOTH, changed(BOTH, colors={"blue": new, "green": GREEN}, transition=transition), NOW)
    assert (started.kind, started.fills, started.record.active_slot.fill) == (Kind.IN_PLACE_START, "blue", BLUE.fill)
    assert weights(started.record) == {"blue": 100, "green": 0}
    running = replace(BOTH, record=started.record, generation=3)
    assert step(running, changed(running, transition=replace(transition, step=2)), NOW).kind is Kind.IN_PLACE_CHECKPOINT
    assert step(running, changed(running, transition=None), NOW).kind is Kind.IN_PLACE_FINISH
    back = undone(running, NOW)
    assert back.active_slot == BLUE
    with pytest.raises(IllegalStep):
        step(running, changed(running, transition=replace(transition, source=GREEN.release)), NOW)
