"""The compare-and-swap table: each row, and what holds for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.decision import Copy, Decision, Refused, Terms, decide, fulfilled, unfinished
from infra.record import Deployed, Intent, Record, Release, Slot, Transition, basis, stamp, weights
from infra.steps import Kind
from tests.infra.records import IMAGES, any_records, deployments, wishes
from tests.infra.world import NOW

TERMS = Terms(
    stack="dev",
    now=NOW,
    hold=timedelta(hours=1),
    floor=2,
    platforms=("compose", "fargate"),
    first_release=lambda: Release("compose", IMAGES[0], "r0"),
    digest=lambda platform, image: f"of-{platform}-{IMAGES.index(image)}",
)
BLUE = Slot("compose", IMAGES[0], "r1", 1, 2)
GREEN = Slot("compose", IMAGES[1], "r2", 2, 2)
TWO = Deployed(Record("blue", "candidate", {"blue": BLUE, "green": GREEN}), 2)
FLIPPED = Record("green", "previous", TWO.record.colors, None, stamp(NOW + timedelta(hours=1)))
THREE = Deployed(FLIPPED, 3, who="ann", when=stamp(NOW))
BACK = Intent(3, replace(FLIPPED, active="blue"), "ben", stamp(NOW), "errors")


def copied(deployed: Deployed, **edits: object) -> Copy:
    return Copy(replace(deployed.record, **edits), deployed.basis)  # type: ignore[arg-type]


def decided(answer: Decision | Refused) -> Decision:
    assert isinstance(answer, Decision), answer
    return answer


def refused(answer: Decision | Refused) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


OLDER = replace(TWO, record=replace(TWO.record, colors={"blue": BLUE, "green": replace(GREEN, floor=1)}))

# Row by row.


@pytest.mark.parametrize(
    "copy",
    [Copy(), copied(THREE), Copy(BACK.record, "g9-000000"), Copy(None, "g1-000000"), copied(OLDER)],
    ids=["none", "deployed", "the intent", "basis only", "an untouched older copy"],
)
def test_an_intent_on_the_deployed_generation_is_wanted(copy: Copy) -> None:
    answer = decided(decide(THREE, BACK, copy, TERMS))
    assert (answer.kind, answer.record.active, answer.record.standby) == (Kind.FLIP, "blue", "rejected")
    assert (answer.generation, answer.from_intent) == (4, True)


@pytest.mark.parametrize(
    "copy",
    [
        copied(THREE, colors={"blue": replace(BLUE, floor=9), "green": GREEN}),
        Copy(replace(TWO.record, colors={"blue": BLUE, "green": replace(GREEN, floor=4)}), TWO.basis),
    ],
    ids=["a legal change of the deployed record", "an edited old copy"],
)
def test_a_config_that_differs_from_intent_and_record_is_refused(copy: Copy) -> None:
    answer = refused(decide(THREE, BACK, copy, TERMS))
    assert answer.code == "rollback-in-progress"
    assert "ben" in answer.why
    assert "colors" in answer.why


def test_an_intent_that_is_no_legal_step_is_refused() -> None:
    answer = refused(decide(THREE, replace(BACK, record=replace(FLIPPED, colors={"green": GREEN})), Copy(), TERMS))
    assert answer.code == "illegal-step"


def test_a_spent_intent_is_ignored() -> None:
    answer = decided(decide(THREE, replace(BACK, generation=2), copied(THREE), TERMS))
    assert (answer.kind, answer.from_intent) == (Kind.SAME, False)


@pytest.mark.parametrize("based_on", [None, TWO.basis, THREE.basis, "g99-abcdef", "nonsense"])
def test_no_record_keys_or_equal_ones_change_nothing_whatever_the_basis(based_on: str | None) -> None:
    for record in (None, THREE.record, replace(THREE.record, standby="empty", held_until=None)):
        answer = decided(decide(THREE, None, Copy(record, based_on), TERMS))
        assert (answer.kind, answer.record, answer.generation) == (Kind.SAME, THREE.record, 3)
        assert not answer.adopted


def test_nothing_at_all_is_a_first_deploy_from_the_settings() -> None:
    answer = decided(decide(None, None, Copy(), TERMS))
    assert (answer.kind, answer.generation, answer.fills) == (Kind.FIRST, 1, "blue")
    assert answer.record.active_slot == Slot("compose", IMAGES[0], "of-compose-0", 1, 2)


def test_record_keys_without_a_basis_do_not_decide_a_first_deploy_but_are_named() -> None:
    answer = decided(decide(None, None, Copy(FLIPPED), TERMS))
    assert (answer.kind, answer.record.active) == (Kind.FIRST, "blue")
    assert "not used" in answer.warnings[0]


def test_a_change_on_the_deployed_basis_is_written_as_the_next_generation() -> None:
    answer = decided(decide(TWO, None, copied(TWO, active="green"), TERMS))
    assert (answer.kind, answer.generation, answer.record) == (Kind.FLIP, 3, FLIPPED)
    assert answer.moves_only_traffic


def test_an_illegal_change_on_the_deployed_basis_is_refused() -> None:
    answer = refused(
        decide(TWO, None, copied(TWO, colors={"blue": replace(BLUE, image=IMAGES[2]), "green": GREEN}), TERMS)
    )
    assert answer.code == "illegal-step"


def test_an_untouched_copy_of_an_older_record_is_adopted_with_a_warning_that_names_the_weights() -> None:
    answer = decided(decide(THREE, None, copied(TWO), TERMS))
    assert (answer.kind, answer.record, answer.generation, answer.adopted) == (Kind.SAME, THREE.record, 3, True)
    assert "100 % to green" in answer.warnings[0]
    assert "rollback" in answer.warnings[0]


REFUSED = {
    "edited on an old basis": (
        THREE,
        Copy(replace(TWO.record, colors={"blue": BLUE, "green": replace(GREEN, floor=5)}), TWO.basis),
        "stale-edit",
    ),
    "no basis": (THREE, Copy(TWO.record), "no-basis"),
    "a newer basis": (THREE, Copy(TWO.record, basis(4, TWO.record)), "newer-basis"),
    "the same generation of another history": (THREE, Copy(TWO.record, basis(3, TWO.record)), "foreign-basis"),
    "a basis that is none": (THREE, Copy(TWO.record, "7.49e+52"), "bad-basis"),
    "a basis of generation nought": (THREE, Copy(TWO.record, basis(0, TWO.record)), "no-basis"),
    "no parameter but a basis": (None, Copy(None, TWO.basis), "record-missing"),
    "no parameter but a copy with its basis": (None, copied(TWO), "record-missing"),
}


@pytest.mark.parametrize(("deployed", "copy", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused_with_the_commands_that_help(deployed: Deployed | None, copy: Copy, code: str) -> None:
    answer = refused(decide(deployed, None, copy, TERMS))
    assert answer.code == code
    assert any("-s dev" in command for command in answer.next)


def test_a_balancer_without_a_record_is_no_first_deploy_unless_one_failed_half_way() -> None:
    assert refused(decide(None, None, Copy(), replace(TERMS, balancer=True))).code == "balancer-without-record"
    finished = decided(decide(None, None, Copy(), replace(TERMS, balancer=True, finish_first=True)))
    assert finished.kind is Kind.FIRST


# What holds for all of them.


@given(st.data())
def test_two_on_one_basis_cannot_both_win(data: st.DataObject) -> None:
    deployed = data.draw(deployments())
    one, two = (copied(deployed, **vars(data.draw(wishes(deployed.record)))) for _ in range(2))
    winner = decide(deployed, None, one, ANY)
    if not isinstance(winner, Decision) or winner.kind is Kind.SAME:
        return
    after = replace(deployed, record=winner.record, generation=winner.generation)
    loser = decide(after, None, two, ANY)
    assert isinstance(loser, Refused) or (loser.kind is Kind.SAME and loser.record == winner.record)


@given(st.data())
def test_running_again_after_success_changes_nothing(data: st.DataObject) -> None:
    deployed = data.draw(deployments())
    copy = copied(deployed, **vars(data.draw(wishes(deployed.record))))
    done = decide(deployed, None, copy, ANY)
    if isinstance(done, Decision):
        after = replace(deployed, record=done.record, generation=done.generation)
        again = decided(decide(after, None, copy, ANY))
        assert (again.kind, again.record, again.generation) == (Kind.SAME, done.record, done.generation)


@given(deployments(), any_records(), st.none() | st.integers(0, 12), st.booleans())
def test_only_who_read_the_deployed_record_moves_traffic(
    deployed: Deployed, record: Record, generation: int | None, untouched: bool
) -> None:
    text = None if generation is None else basis(generation, record if untouched else deployed.record)
    answer = decide(deployed, None, Copy(record, text), ANY)
    if text != deployed.basis and isinstance(answer, Decision):
        assert answer.record == deployed.record
        assert answer.generation == deployed.generation


@given(deployments(), st.data())
def test_whatever_wins_an_intent_moves_traffic_only_as_the_intent_says(deployed: Deployed, data: st.DataObject) -> None:
    intent = Intent(deployed.generation, data.draw(wishes(deployed.record)))
    answer = decide(deployed, intent, Copy(data.draw(st.none() | any_records())), ANY)
    if isinstance(answer, Decision):
        assert fulfilled(intent.record, answer.record)


ANY = replace(TERMS, digest=lambda platform, image: "rendered")


# What a decision settles that a wish leaves open.


def test_a_fill_by_hand_gets_digest_and_number_and_is_then_done() -> None:
    by_hand = copied(TWO, colors={"blue": BLUE, "green": replace(GREEN, image=IMAGES[2])})
    answer = decided(decide(TWO, None, by_hand, TERMS))
    assert answer.record.colors["green"] == Slot("compose", IMAGES[2], "of-compose-2", 3, 2)
    assert (answer.fills, answer.changes_a_color) == ("green", True)
    after = replace(TWO, record=answer.record, generation=3)
    assert decided(decide(after, None, by_hand, TERMS)).kind is Kind.SAME


def test_an_in_place_start_by_hand_gets_its_digest_and_is_then_done() -> None:
    over = stamp(NOW)
    transition = Transition("in-place", 0, 1, over, over, source=BLUE.release)
    by_hand = copied(TWO, colors={"blue": replace(BLUE, image=IMAGES[2]), "green": GREEN}, transition=transition)
    answer = decided(decide(TWO, None, by_hand, TERMS))
    assert (answer.kind, answer.fills, answer.prepares) == (Kind.IN_PLACE_START, "blue", None)
    assert answer.record.active_slot.digest == "of-compose-2"
    after = replace(TWO, record=answer.record, generation=3)
    assert decided(decide(after, None, by_hand, TERMS)).kind is Kind.SAME


def test_the_same_image_under_other_settings_is_another_release() -> None:
    """A driver names the new digest and the number of the fill to come."""
    again = copied(TWO, colors={"blue": BLUE, "green": replace(GREEN, digest="of-compose-1", fill=3)})
    answer = decided(decide(TWO, None, again, TERMS))
    assert (answer.kind, answer.record.colors["green"].fill) == (Kind.FILL, 3)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"platform": "eks"}, "not one of the settings'"),
        ({"image": "shop:1.9.0"}, "not named by digest"),
        ({"image": "Shop Nine"}, "names no image"),
    ],
)
def test_a_release_that_can_not_be_made_is_refused_before_anything_is(edit: dict[str, str], why: str) -> None:
    green = replace(GREEN, **edit)  # type: ignore[arg-type]
    answer = refused(decide(TWO, None, copied(TWO, colors={"blue": BLUE, "green": green}), TERMS))
    assert answer.code == "unfit-release"
    assert why in answer.why


def test_a_flip_by_hand_gets_the_settings_hold_and_a_drivers_keeps_its_own() -> None:
    by_hand = decided(decide(TWO, None, copied(TWO, active="green"), TERMS))
    assert by_hand.record.held_until == stamp(NOW + timedelta(hours=1))
    until = stamp(NOW + timedelta(hours=5))
    asked = decided(decide(TWO, None, copied(TWO, active="green", held_until=until), TERMS))
    assert asked.record.held_until == until
    none = decided(decide(TWO, None, copied(TWO, active="green"), replace(TERMS, hold=timedelta(0))))
    assert none.record.held_until is None


def test_the_hold_of_the_last_promotion_is_not_the_next_ones() -> None:
    """Who finishes a shift back to `previous` by hand leaves the old heldUntil standing."""
    over = stamp(NOW - timedelta(minutes=1))
    shift = Transition("shift", 50, 1, over, over)
    was = replace(THREE, record=replace(FLIPPED, held_until=over, transition=shift))
    answer = decided(decide(was, None, copied(was, active="blue", transition=None), TERMS))
    assert (answer.kind, answer.record.standby) == (Kind.FINISH, "previous")
    assert answer.record.held_until == stamp(NOW + timedelta(hours=1))


def test_floors_name_the_colors_whose_resources_change() -> None:
    wish = copied(TWO, colors={"blue": replace(BLUE, floor=3), "green": replace(GREEN, floor=0)})
    answer = decided(decide(TWO, None, wish, TERMS))
    assert (answer.kind, answer.resizes, answer.fills) == (Kind.EMPTY, {"blue", "green"}, None)
    assert not answer.moves_only_traffic


def test_a_record_is_adopted_only_if_the_live_rule_agrees_with_it() -> None:
    adopted = decided(decide(THREE, None, copied(TWO), TERMS))
    assert unfinished(adopted, {"blue": 0, "green": 100}, TERMS) is None
    assert unfinished(adopted, None, TERMS) is None
    answer = unfinished(adopted, {"blue": 50, "green": 50}, TERMS)
    assert answer is not None and answer.code == "unfinished-update"
    assert "50 % to blue" in answer.what
    assert [command.split()[-1] for command in answer.next] == ["resume", "rollback"]
    own = decided(decide(TWO, None, copied(TWO), TERMS))
    assert unfinished(own, {"blue": 50, "green": 50}, TERMS) is None
    assert weights(own.record) == {"blue": 100, "green": 0}
