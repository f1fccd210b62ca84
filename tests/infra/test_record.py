"""The record: what is written is what is read, and a copy edited by hand means what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.record import (
    COLORS,
    Deployed,
    Intent,
    Record,
    RecordError,
    Slot,
    basis,
    deployed_data,
    digest,
    from_data,
    intent_text,
    parse_basis,
    parse_deployed,
    parse_intent,
    same_wish,
    to_data,
    weights,
)
from tests.infra.records import any_records, deployments


def as_edited(value: Any) -> Any:
    """JSON values as a config file may have them after a person or another tool wrote it: numbers as text or float."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value) if value % 2 else float(value)
    if isinstance(value, dict):
        return {key: as_edited(value[key]) for key in reversed(value)}
    return value


@given(any_records())
def test_a_record_survives_its_own_text(record: Record) -> None:
    assert from_data(json.loads(json.dumps(to_data(record)))) == record


@given(any_records())
def test_a_file_rewritten_by_other_hands_has_the_same_digest(record: Record) -> None:
    data = {key: value for key, value in to_data(record).items() if key != "transition"}
    plain = replace(record, transition=None)
    assert from_data(as_edited(data)) == plain
    assert digest(from_data(as_edited(data))) == digest(plain)


@given(any_records(), any_records())
def test_different_records_have_different_digests(one: Record, two: Record) -> None:
    assert (digest(one) == digest(two)) == (one == two)


def test_numbers_in_what_was_asked_have_one_spelling() -> None:
    data = {"kind": "shift", "weight": 10, "step": 1, "since": "2026-01-01", "stepSince": "2026-01-01T00:00:00+02:00"}
    slot = {"platform": "compose", "image": "i", "digest": "d", "fill": 1, "floor": 2}
    whole = {"activeColor": "blue", "colors": {"blue": slot, "green": slot}}
    one = from_data({**whole, "transition": {**data, "asked": {"weights": [10, 50]}}})
    two = from_data({**whole, "transition": {**data, "asked": {"weights": [10.0, 50.0]}}})
    assert digest(one) == digest(two)
    assert one.transition and one.transition.step_since == "2025-12-31T22:00:00Z"


@given(deployments(), st.text(max_size=20))
def test_the_deployed_record_survives_the_parameter(deployed: Deployed, who: str) -> None:
    whole = replace(
        deployed,
        who=who,
        rules={"production": "arn:p", "test": "arn:t"},
        target_groups={color: {"compose": f"arn:{color}"} for color in COLORS},
        capacity={"blue": "blue-1-group"},
    )
    text = json.dumps(deployed_data(whole), separators=(",", ":"))
    assert parse_deployed(text) == whole
    assert len(text.encode()) < 4096


@given(any_records(), st.integers(1, 10**6))
def test_an_intent_survives_the_parameter(record: Record, generation: int) -> None:
    intent = Intent(generation, record, "ann", "2026-11-20T12:00:00Z", "errors at 10 %")
    assert parse_intent(intent_text(intent)) == intent


@given(any_records(), st.text(min_size=200, max_size=2000), st.text(min_size=400, max_size=5000))
def test_an_intent_fits_its_parameter_however_long_its_reason(record: Record, who: str, why: str) -> None:
    text = intent_text(Intent(10**6, record, who, "2026-11-20T12:00:00Z", why))
    found = parse_intent(text)
    assert found.record == record
    assert len(found.who.encode()) <= 120
    assert len(found.why.encode()) <= 360
    assert why.startswith(found.why.removesuffix("…"))


def test_what_is_no_text_stops_no_intent() -> None:
    broken = b"caf\xe9".decode(errors="surrogateescape")
    text = intent_text(
        Intent(1, Record("blue", "empty", {"blue": Slot("compose", "i", "r1", 1, 2)}), broken, "", broken)
    )
    found = parse_intent(text.encode().decode())
    assert (found.who, found.why) == ("caf?", "caf?")


@given(any_records(), st.integers(1, 10**6))
def test_a_basis_says_generation_and_digest_and_is_no_number_to_yaml(record: Record, generation: int) -> None:
    import yaml

    text = basis(generation, record)
    assert parse_basis(text) == (generation, digest(record))
    assert yaml.safe_load(f"basedOn: {text}") == {"basedOn": text}


@pytest.mark.parametrize("text", ["", "12-3fa9c1", "g12", "g12-3FA9C1", "g-3fa9c1", "g12-3fa9c1 ", "7.49e+52"])
def test_anything_else_is_no_basis(text: str) -> None:
    with pytest.raises(RecordError, match="basedOn"):
        parse_basis(text)


@given(any_records())
def test_weights_are_derived_and_always_whole(record: Record) -> None:
    share = weights(record)
    assert tuple(share) == COLORS
    assert sum(share.values()) == 100
    shifted = record.transition.weight if record.transition and record.transition.kind == "shift" else 0
    assert share[record.idle] == shifted


@given(any_records())
def test_standing_and_hold_are_no_wishes(record: Record) -> None:
    assert same_wish(record, replace(record, standby="rejected", held_until="2030-01-01T00:00:00Z"))
    assert not same_wish(record, replace(record, active=record.idle))


def test_every_fault_is_listed_with_its_key() -> None:
    with pytest.raises(RecordError) as caught:
        from_data(
            {
                "activeColor": "red",
                "standby": "spare",
                "colors": {"blue": {"platform": "lambda", "image": True, "fill": 0, "floor": "two"}, "red": {}},
                "transition": {"kind": "jump", "weight": 101, "step": -1, "since": "soon", "asked": 3, "from": "x"},
                "heldUntil": "later",
            },
            where="bluegreen:",
        )
    keys = [problem.partition(": ")[0] for problem in caught.value.problems]
    assert sorted(keys) == sorted(
        [
            "bluegreen:activeColor",
            "bluegreen:standby",
            "bluegreen:colors",
            "bluegreen:colors.blue.platform",
            "bluegreen:colors.blue.image",
            "bluegreen:colors.blue.digest",
            "bluegreen:colors.blue.fill",
            "bluegreen:colors.blue.floor",
            "bluegreen:transition.kind",
            "bluegreen:transition.weight",
            "bluegreen:transition.step",
            "bluegreen:transition.since",
            "bluegreen:transition.stepSince",
            "bluegreen:transition.asked",
            "bluegreen:transition.from",
            "bluegreen:heldUntil",
        ]
    )


def test_the_active_color_needs_a_release() -> None:
    slot = {"platform": "compose", "image": "i", "digest": "d", "fill": 1, "floor": 2}
    with pytest.raises(RecordError, match="the active color green has no release"):
        from_data({"activeColor": "green", "colors": {"blue": slot}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("blue", "green", "fill", "weight", "x")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("activeColor", "standby", "colors", "transition", "heldUntil"), json_values)
    )
)
def test_whatever_lies_there_is_a_record_or_a_record_error(data: dict[str, Any]) -> None:
    try:
        record = from_data(data)
    except RecordError as error:
        assert error.problems
    else:
        assert record.active in record.colors


@given(st.text(max_size=30) | json_values.map(lambda value: json.dumps(value, allow_nan=True)))
def test_whatever_lies_in_the_parameter_is_refused_as_a_record_error(text: str) -> None:
    for parse in (parse_deployed, parse_intent):
        with pytest.raises(RecordError):
            parse(text)


def test_a_record_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(RecordError, match="schema"):
        parse_deployed('{"schema": 2, "generation": 1}')


def test_a_hold_is_over_when_its_time_has_come() -> None:
    slot = {"platform": "compose", "image": "i", "digest": "d", "fill": 1, "floor": 2}
    record = from_data({"activeColor": "blue", "colors": {"blue": slot}, "heldUntil": "2026-01-01T12:00:00Z"})
    assert record.held(datetime(2026, 1, 1, 11, 59, tzinfo=UTC))
    assert not record.held(datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
