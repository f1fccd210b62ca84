"""A freeze refuses what would begin a release, and never a rollback."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from driver.cli import cli
from driver.ending import ended
from driver.errors import Refused
from driver.release.freeze import Freeze, parse, says, sentence
from driver.release.requests import Deploy, Promote
from driver.rollback import Haste, roll_back
from driver.transition import Limits, carry_out
from driver.verbs.freeze import frozen, thawed
from infra.record import Intent, Transition, intent_text
from tests.driver.fakes import release, serving, world

SHIFT = Transition("shift", 10, 1, "2026-03-01T11:50:00Z", "2026-03-01T12:01:00Z")


@pytest.fixture(autouse=True)
def _anna(monkeypatch):
    monkeypatch.setenv("BLUEGREEN_WHO", "anna")


def test_a_freeze_lies_there_with_its_reason_and_who_and_when():
    made = world(serving())
    result = frozen(made.ports, "inventory")
    assert json.loads(made.cloud.freeze) == {
        "schema": 1,
        "reason": "inventory",
        "who": "anna",
        "when": "2026-03-01T12:00:00Z",
    }
    assert result.outcome == "frozen"
    assert made.ports.cloud.stored().freeze == "inventory (frozen by anna at 2026-03-01T12:00:00Z)"


@pytest.mark.parametrize("request_", [Deploy(release("3")), Promote()], ids=["deploy", "promote"])
def test_what_begins_a_release_is_refused_with_the_reason_and_how_to_thaw(request_):
    made = world(serving())
    frozen(made.ports, "inventory")
    with pytest.raises(Refused) as caught:
        carry_out(made.ports, request_, Limits())
    assert caught.value.exit_code == 3
    assert "inventory (frozen by anna" in caught.value.why
    assert "thaw" in caught.value.next
    assert made.stack.updates == []


def test_a_rollback_is_never_refused_for_it():
    made = world(serving("previous"))
    frozen(made.ports, "inventory")
    roll_back(made.ports, Haste())
    assert made.record.active == "green"


def test_frozen_twice_is_nothing_to_do_and_another_reason_replaces_the_first():
    made = world(serving())
    frozen(made.ports, "inventory")
    text = made.cloud.freeze
    made.clock.seconds = 60
    again = frozen(made.ports, "inventory")
    assert (again.outcome, again.exit_code, made.cloud.freeze) == ("nothing to do", 0, text)
    other = frozen(made.ports, "fire in the east")
    assert other.outcome == "frozen"
    assert "it was: inventory" in other.reason
    assert parse(made.cloud.freeze).reason == "fire in the east"


def test_thawed_twice_is_nothing_to_do():
    made = world(serving())
    frozen(made.ports, "inventory")
    assert thawed(made.ports).outcome == "thawed"
    assert made.cloud.freeze == ""
    again = thawed(made.ports)
    assert (again.outcome, again.exit_code) == ("nothing to do", 0)


def test_a_dry_run_changes_nothing():
    made = world(serving())
    assert frozen(made.ports, "inventory", dry_run=True).outcome == "planned"
    assert made.cloud.freeze == ""
    frozen(made.ports, "inventory")
    assert thawed(made.ports, dry_run=True).outcome == "planned"
    assert made.cloud.freeze


def test_what_is_under_way_is_not_stopped_and_that_is_said():
    made = world(replace(serving(), transition=SHIFT))
    assert "(10 % on green) goes on, `rollback` ends it" in frozen(made.ports, "inventory").reason
    made = world(serving("previous"))
    made.cloud.intent = intent_text(Intent(5, serving("previous")))
    assert "the rollback in progress goes on" in frozen(made.ports, "inventory").reason


def test_what_someone_wrote_there_by_hand_freezes_too():
    assert parse("") is None
    assert parse("  \n") is None
    assert sentence("until monday") == "until monday"
    assert sentence("[1]") == "[1]"
    assert parse('{"reason": "x", "who": null}') == Freeze("x")


def test_a_reason_that_begins_like_another_is_another():
    assert says(str(Freeze("stock", "anna")), "stock")
    assert says("stock", "stock")
    assert not says(str(Freeze("stocktaking", "anna")), "stock")
    assert not says("", "stock")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_freeze_without_a_reason_is_wrong_usage(reason, capsys, monkeypatch):
    monkeypatch.setattr("driver.interrupts.INTERRUPTS.install", lambda: None)
    assert ended(cli, ["-s", "dev", "--yes", "freeze", reason]) == 2
    assert "needs a reason" in capsys.readouterr().err
