"""The table of docs/transitions.md against the code, and that no cell of it is a trap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.driver.chaos import hints_of, serially
from tests.driver.matrix import VERBS, asked, cell, made, places, table, written
from tests.driver.promises import good

FREE = [place for place in places() if place.lock == "free"]
REGENERATE = "docs/transitions.md differs from the code: `.venv/bin/python -m tests.driver.matrix` writes it anew"


@pytest.fixture(autouse=True)
def _one_after_the_other():
    with serially():
        yield


@pytest.mark.slow
def test_the_document_says_what_the_code_does():
    now, there = table().splitlines(), written().splitlines()
    differing = [f"- {line}" for line in there if line not in now] + [f"+ {line}" for line in now if line not in there]
    assert now == there, "\n".join([REGENERATE, *differing])


@pytest.mark.slow
def test_a_spent_intent_changes_nothing():
    for place in places():
        if place.intent == "spent":
            for verb in VERBS:
                assert cell(place, verb) == cell(replace(place, intent="none"), verb), (place, verb)


@pytest.mark.slow
def test_no_refusal_names_a_command_that_is_refused_itself():
    for place in FREE:
        for verb in VERBS:
            outcome = asked(made(place), verb)
            if not outcome.code:
                continue
            assert outcome.next, (place, verb)
            for hint, options in hints_of(outcome):
                then = made(place).command(hint, options)
                assert then.code in {0, 4}, (place, verb, hint, options, then.told)


@pytest.mark.slow
def test_what_status_names_first_leads_out_of_every_place():
    for place in FREE:
        chaos = made(place)
        first = asked(chaos, "status").reason.partition(" → ")[2]
        if good(chaos):
            continue
        ((verb, options),) = hints_of((first,))
        ended = chaos.command(verb, options)
        assert ended.code == 0, (place, first, ended.told)
        assert good(chaos), (place, first, chaos.record, chaos.cloud.live())


@pytest.mark.slow
def test_no_verb_ends_well_where_things_are_not():
    for place in places():
        for verb in ("deploy", "promote", "rollback", "resume", "retire", "wait"):
            played = cell(place, verb)
            assert played.well or played.code, (place, verb)
