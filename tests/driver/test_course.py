"""Strategies: which courses can be gone, which are refused, and what the record keeps of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driver.release.course import LONGEST, Course, chosen, faulty, of_transition, spoken
from driver.release.moves import Refusal
from driver.release.requests import Promote
from driver.release.terms import ALL_AT_ONCE, Alarms, Requests, Strategy, Terms
from infra.record import Transition

CANARY = Strategy("canary", (10,), 300)
LINEAR = Strategy("linear", tuple(range(10, 100, 10)), 180)
TERMS = Terms(strategies={"all-at-once": ALL_AT_ONCE, "canary": CANARY, "linear": LINEAR})
WATCHED = Terms(strategy=CANARY, strategies=TERMS.strategies, alarms=Alarms({"green": {"compose": ("a",)}}, sight=120))


def course(request: Promote, terms: Terms = TERMS) -> Course:
    made = chosen(request, terms)
    assert isinstance(made, Course), made
    return made


def refusal(request: Promote, terms: Terms = TERMS) -> Refusal:
    made = chosen(request, terms)
    assert isinstance(made, Refusal), made
    return made


def test_the_settings_strategy_is_taken_where_none_is_asked_for():
    assert course(Promote()).gradual is False
    assert course(Promote(), WATCHED).weights == (10,)


@pytest.mark.parametrize(
    ("request_", "weights", "bakes"),
    [
        (Promote(strategy="canary"), (10,), (300,)),
        (Promote(strategy="canary", bake=900), (10,), (900,)),
        (Promote(strategy="linear"), (10, 20, 30, 40, 50, 60, 70, 80, 90), (180,) * 9),
        (Promote(strategy="linear", bake=60), (10, 20, 30, 40, 50, 60, 70, 80, 90), (60,) * 9),
        (Promote(weights=(5, 25, 50), bake=600), (5, 25, 50), (600,) * 3),
        (Promote(weights=(5, 100), bake=600), (5,), (600,)),
        (Promote(strategy="all-at-once"), (), ()),
    ],
)
def test_what_is_asked_for_is_passed_through(request_, weights, bakes):
    made = course(request_)
    assert (made.weights, made.bakes) == (weights, bakes)


@pytest.mark.parametrize(
    ("request_", "what", "code"),
    [
        (Promote(strategy="blue"), "no strategy blue", 2),
        (Promote(weights=(50, 10), bake=60), "can't be passed through", 2),
        (Promote(weights=(10, 10), bake=60), "can't be passed through", 2),
        (Promote(weights=(0, 10), bake=60), "can't be passed through", 2),
        (Promote(weights=(10, 101), bake=60), "can't be passed through", 2),
        (Promote(strategy="all-at-once", bake=60), "--bake needs a weight", 2),
        (Promote(strategy="all-at-once", pause_after=10), "--pause-after needs a weight", 2),
        (Promote(strategy="canary", pause_after=20), "does not stay at 20 %", 2),
        (Promote(strategy="canary", bake=LONGEST + 1), "too long", 2),
        (Promote(strategy="canary", bake=300, max_bake=60), "--max-bake is shorter", 2),
    ],
)
def test_what_can_not_be_gone_is_refused_as_wrong_usage(request_, what, code):
    refused = refusal(request_)
    assert what in refused.what
    assert refused.code == code


def test_a_bake_that_ends_before_its_alarms_can_see_is_refused():
    refused = refusal(Promote(bake=119), WATCHED)
    assert refused.gate == "alarms"
    assert refused.code == 3
    assert "2m" in refused.why
    assert course(Promote(bake=120), WATCHED).bakes == (120,)
    assert course(Promote(bake=119, gates={"alarms": "warn"}), WATCHED).bakes == (119,)


def test_own_weights_bake_at_least_as_long_as_the_alarms_need():
    assert course(Promote(weights=(50,)), Terms(alarms=WATCHED.alarms)).bakes == (120,)


def test_the_longest_bake_is_never_shorter_than_the_bake():
    terms = Terms(strategies=TERMS.strategies, requests=Requests(10, "hold", 60))
    assert course(Promote(strategy="canary"), terms).max_bake == 300


rising = st.lists(st.integers(1, 99), min_size=1, max_size=12, unique=True).map(lambda found: tuple(sorted(found)))


@given(rising, st.integers(0, LONGEST), st.sampled_from([{}, {"alarms": "warn"}, {"smoke": "off"}]), st.booleans())
def test_a_course_comes_back_from_the_record_as_it_was_asked_for(weights, bake, gates, pauses):
    made = Course("weights", weights, (bake,) * len(weights), bake, weights[0] if pauses else None, gates)
    asked = made.asked()
    assert of_transition(Transition("shift", weights[0], 1, "", "", asked=asked)) == made


@given(rising, st.integers(0, 100))
def test_after_a_weight_come_just_the_higher_ones(weights, at):
    made = Course("weights", weights, (1,) * len(weights))
    assert made.weights[made.after(at) :] == tuple(weight for weight in weights if weight > at)


@given(st.lists(st.integers(-5, 105), max_size=6).map(tuple))
def test_only_rising_percentages_are_without_fault(weights):
    sound = all(0 < weight < 100 for weight in weights) and list(weights) == sorted(set(weights))
    assert (faulty(weights) == "") == sound


def test_a_shift_that_was_started_by_hand_is_gone_on_with_from_the_weight_it_is_at():
    made = of_transition(Transition("shift", 37, 1, "", ""))
    assert (made.weights, made.bakes, made.pause_after) == ((37,), (0,), None)


@given(st.integers(0, 200_000))
def test_times_are_spoken_as_options_take_them(seconds):
    from driver.options import DURATION

    parts = spoken(seconds).split()
    assert sum(DURATION.convert(part, None, None) for part in parts) == seconds
