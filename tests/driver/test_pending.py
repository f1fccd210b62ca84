"""Updates of the whole stack, what they mean for traffic, and a record that was lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from driver.cloud.failures import spoken
from driver.effect import counted, effect, unreleased
from driver.errors import Invalid, Refused, ReleaseFailed
from driver.pending import bring_up
from driver.ports import Changes
from driver.release.signals import Alarm
from driver.release.snapshot import Snapshot, Stored
from driver.release.terms import Alarms
from driver.restore import is_lost, restore
from infra.record import Deployed, Transition, deployed_data, parse_deployed, stamp
from tests.driver.fakes import START, image, serving, world


def test_a_first_deploy_waits_for_health_and_writes_the_record_back():
    made = world()
    result = bring_up(made.ports, timeout=600, wait=True)
    assert made.record.active == "blue"
    assert made.stack.adopted == made.cloud.deployed
    assert result.outcome == "updated"
    assert result.facts["traffic"].startswith("first deploy")


def test_a_first_release_that_never_gets_healthy_is_told():
    made = world()
    made.cloud.sick.add(image("1"))
    with pytest.raises(ReleaseFailed, match="blue did not get healthy"):
        bring_up(made.ports, timeout=60, wait=True)
    assert made.stack.adopted == made.cloud.deployed


def test_what_does_not_get_healthy_in_a_transition_is_no_reason_for_another_deploy():
    """One would be refused: what is under way comes first."""
    made = world(replace(serving("candidate"), transition=Transition("shift", 10, 1, stamp(START), stamp(START))))
    made.cloud.sick.add(image("1"))
    with pytest.raises(ReleaseFailed, match="blue did not get healthy") as failed:
        bring_up(made.ports, timeout=60, wait=True)
    assert failed.value.next == ("logs blue", "resume", "rollback")


def test_weights_changed_by_hand_are_set_right():
    made = world(serving())
    made.cloud.move(blue=60)
    bring_up(made.ports, timeout=60, wait=True)
    assert made.stack.refreshed == 1
    assert made.cloud.live() == {"blue": 100, "green": 0}


def test_the_effect_on_traffic_is_one_sentence():
    now = Snapshot(Stored(Deployed(serving("previous"), 5)), START, {"blue": 100, "green": 0})
    assert effect(now, Changes()) == "no traffic moves"
    flipped = Changes({"update": 3}, record=Deployed(serving("previous").__class__("green", "rejected", {}), 6))
    assert effect(now, flipped) == "traffic moves: weights are blue 100, green 0, and will be blue 0, green 100"
    rules = Changes({"update": 1}, (("update", "urn:x::aws:lb/listenerRule:ListenerRule::production-rule"),))
    assert effect(now, rules).startswith("the production rule changes, its weights stay")
    assert effect(Snapshot(Stored(), START), Changes()).startswith("first deploy")
    assert [counted(1), counted(2)] == ["1 resource changes", "2 resources change"]


def test_settings_that_would_render_a_release_differently_are_named():
    made = world(serving())
    seen = Snapshot(made.cloud.stored(), START)
    assert unreleased(made.stack, seen) == ()
    made.stack.release = lambda platform, named: serving().colors["blue"].release
    assert unreleased(made.stack, seen) == ("settings of green have changed: they go out with the next deploy",)


def test_a_lost_record_comes_back_from_the_state_where_the_live_rule_agrees():
    made = world(serving())
    assert not is_lost(made.ports)
    made.stack.remembered, made.cloud.deployed = json.dumps(deployed_data(made.cloud.deployed)), None
    assert is_lost(made.ports)
    assert restore(made.ports).generation == 5
    assert made.record == serving()


def test_a_lost_record_stays_lost_where_the_live_rule_says_something_else():
    made = world(serving())
    made.stack.remembered, made.cloud.deployed = json.dumps(deployed_data(made.cloud.deployed)), None
    made.cloud.move(blue=0)
    with pytest.raises(Refused, match="something else"):
        restore(made.ports)
    made.stack.remembered = ""
    with pytest.raises(Refused, match="can't be rebuilt"):
        restore(made.ports)
    assert made.cloud.deployed is None


def test_another_backend_than_the_stacks_own_is_refused_before_anything_is_made_twice():
    made = world(serving())
    made.stack.emptied = True
    with pytest.raises(Invalid, match="another backend"):
        bring_up(made.ports, timeout=60, wait=True)
    assert made.stack.updates == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("{", True),
        (json.dumps({"schema": 1}), True),
        (json.dumps({"schema": 2, **{"generation": 9}}), False),
    ],
)
def test_a_record_of_a_later_version_is_not_one_to_make_again(monkeypatch, text, lost):
    """What this version can't read, another may: writing over it would lose what it says."""
    made = world(serving())

    def stored():
        with spoken("parameters"):
            parse_deployed(text)

    monkeypatch.setattr(made.cloud, "stored", stored)
    if lost:
        assert is_lost(made.ports)
    else:
        with pytest.raises(Invalid, match="later version"):
            is_lost(made.ports)


@pytest.mark.parametrize(
    ("listed", "runs_on", "refreshed"),
    [(("compose",), "compose", 0), (("compose", "fargate"), "compose", 1), (("compose",), "fargate", 1)],
)
def test_an_alarm_is_missed_only_on_platforms_that_the_stack_has(listed, runs_on, refreshed):
    record = serving("candidate")
    slot = replace(record.colors["green"], platform=runs_on)
    made = world(replace(record, colors={**record.colors, "green": slot}))
    own = {"green": {"compose": ("one",), "fargate": ("two",), "eks": ("three",)}}
    made.stack.settings = replace(made.stack.settings, alarms=Alarms(own), platforms=listed)
    made.cloud.alarming["one"] = Alarm("one", "OK")
    bring_up(made.ports, timeout=600, wait=True)
    assert made.stack.refreshed == refreshed


def test_an_alarm_that_someone_has_deleted_is_made_again():
    made = world(serving("candidate"))
    made.stack.settings = replace(made.stack.settings, alarms=Alarms({"green": {"compose": ("one", "two")}}))
    made.cloud.alarming["one"] = Alarm("one", "OK")
    bring_up(made.ports, timeout=600, wait=True)
    assert made.stack.refreshed == 1
    made.cloud.alarming["two"] = Alarm("two", "OK")
    bring_up(made.ports, timeout=600, wait=True)
    assert made.stack.refreshed == 1
