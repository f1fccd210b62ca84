"""What the program refuses or adopts: nothing is registered or moved, and the reason names what helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.record import Deployed, Intent, stamp, to_data
from infra.steps import flipped, floored
from tests.infra.world import (
    IMAGE,
    NOW,
    World,
    both_filled,
    copy_of,
    refused,
    stack_file,
)

DEV = stack_file("dev")


# Refusals: nothing is registered, and what is deployed stays.


def _corrupt(world: World) -> dict[str, Any]:
    world.parameters["record"] = '{"schema": 1, "generation": 2}'
    return DEV


def _newer(world: World) -> dict[str, Any]:
    world.parameters["record"] = '{"schema": 2}'
    return DEV


def _foreign(world: World) -> dict[str, Any]:
    world.holds(replace(world.deployed, account="999900001111"))
    return DEV


def _of_another_region(world: World) -> dict[str, Any]:
    world.holds(replace(world.deployed, region="us-east-1"))
    return DEV


def _bad_intent(world: World) -> dict[str, Any]:
    world.parameters["intent"] = "{"
    return DEV


def _stale(world: World) -> dict[str, Any]:
    was = world.deployed
    world.holds(replace(was, generation=was.generation + 1, record=flipped(was, NOW)))
    slots = {**was.record.colors, "green": replace(was.record.colors["green"], floor=7)}
    return {**DEV, **to_data(replace(was.record, colors=slots)), "basedOn": was.basis}


def _rollback(world: World) -> dict[str, Any]:
    was = world.deployed
    world.holds(intent=Intent(was.generation, flipped(was, NOW), "ben", stamp(NOW)))
    return {**DEV, **copy_of(was), **to_data(floored(was, NOW, {"green": 7}))}


def _illegal(world: World) -> dict[str, Any]:
    was = world.deployed
    slots = {**was.record.colors, "blue": replace(was.record.colors["blue"], image=IMAGE)}
    return {**DEV, **to_data(replace(was.record, colors=slots)), "basedOn": was.basis}


def _of_a_newer_version(world: World) -> dict[str, Any]:
    was = world.deployed
    slots = {**was.record.colors, "green": replace(was.record.colors["green"], platform="eks")}
    world.holds(replace(was, record=replace(was.record, colors=slots)))
    return DEV


def _lost(world: World) -> dict[str, Any]:
    copy = copy_of(world.deployed)
    world.parameters.clear()
    return {**DEV, **copy}


REFUSALS: dict[str, Callable[[World], dict[str, Any]]] = {
    "corrupt-record": _corrupt,
    "corrupt-record of a newer version": _newer,
    "foreign-record": _foreign,
    "foreign-record of another region": _of_another_region,
    "corrupt-intent": _bad_intent,
    "config-record": lambda world: {**DEV, "activeColor": "red"},
    "config-record that is no JSON": lambda world: {**DEV, **copy_of(world.deployed), "colors": "{blue"},
    "bad-basis": lambda world: {**DEV, **to_data(flipped(world.deployed, NOW)), "basedOn": "7.49e+52"},
    "no-basis": lambda world: {**DEV, **to_data(flipped(world.deployed, NOW))},
    "stale-edit": _stale,
    "rollback-in-progress": _rollback,
    "illegal-step": _illegal,
    "unknown-platform": _of_a_newer_version,
    "record-missing": _lost,
    "settings": lambda world: {**DEV, "bluegreen:port": "0", "bluegreen:drain": "x"},
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_comes_before_the_first_resource_and_names_what_helps(world: World, case: str) -> None:
    both_filled(world)
    config = REFUSALS[case](world)
    before = dict(world.parameters)
    refusal = refused(world, config)
    assert refusal.refused.code == case.partition(" ")[0]
    assert isinstance(refusal, pulumi.RunError)
    commands = [command.removeprefix("$ ") for command in refusal.refused.next]
    assert all(part in str(refusal) for part in (refusal.refused.what, refusal.refused.why, *commands))
    assert all(command.startswith(("bluegreen -s dev ", "$ ")) for command in refusal.refused.next)
    assert any("-s dev" in command for command in refusal.refused.next)
    assert world.parameters == before


def test_a_setting_that_can_not_be_used_is_named_with_all_the_others(world: World) -> None:
    refusal = refused(world, {**DEV, "bluegreen:port": "0", "bluegreen:drain": "x", "bluegreen:imge": "y"})
    assert all(key in refusal.refused.why for key in ("bluegreen:port", "bluegreen:drain", "bluegreen:imge"))
    assert refusal.refused.what.startswith("3 settings")


def test_an_image_that_is_not_there_is_refused(world: World) -> None:
    refusal = refused(world, {**DEV, "bluegreen:image": "shop:0.0.9"})
    assert refusal.refused.code == "image-not-found"
    assert "couldn't find resource" in refusal.refused.why
    assert "registry.create" not in refusal.refused.why


def test_a_first_image_from_the_repository_that_the_stack_is_about_to_make_is_told_so(world: World) -> None:
    registry = {"bluegreen:registry": {"create": True}}
    refusal = refused(world, {**DEV, **registry, "bluegreen:image": "shop:0.0.9"})
    assert "the stack makes this repository (registry.create)" in refusal.refused.why
    assert "by digest from elsewhere" in refusal.refused.why


def test_where_nothing_can_be_read_nothing_is_done(world: World) -> None:
    both_filled(world)
    world.closed = True
    refusal = refused(world, DEV)
    assert refusal.refused.code == "unreachable"
    assert "couldn't find resource" in refusal.refused.why


# Adoption.


def _adopting(world: World) -> tuple[Deployed, dict[str, Any]]:
    """The flipped record as it is deployed, and the config of who has an untouched copy of the one before."""
    was = both_filled(world)
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    return world.deployed, {**DEV, **copy_of(was)}


def _live(deployed: Deployed, blue: int, green: int) -> dict[str, int]:
    return {
        deployed.target_group(color): weight  # type: ignore[arg-type]
        for color, weight in (("blue", blue), ("green", green))
    }


def test_an_untouched_old_copy_is_adopted_with_a_warning_and_moves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed, old = _adopting(world)
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    world.live = _live(deployed, 0, 100)
    before = world.parameters["record"]
    world.up(old)
    assert world.parameters["record"] == before
    assert len(said) == 1
    assert "100 % to green" in said[0]


def test_an_old_copy_is_not_adopted_over_an_update_that_did_not_finish(world: World) -> None:
    deployed, old = _adopting(world)
    world.live = _live(deployed, 90, 10)
    refusal = refused(world, old)
    assert refusal.refused.code == "unfinished-update"
    assert "90 % to blue, 10 % to green" in refusal.refused.what


def test_a_live_rule_that_says_something_else_entirely_is_no_reason(world: World) -> None:
    _, old = _adopting(world)
    world.live = {"arn:of:a:stranger": 100}
    assert world.up(old).deployed.generation == 3


@pytest.mark.parametrize(("port", "told"), [("8080", False), ("8081", True)])
def test_settings_that_wait_for_the_next_deploy_are_named(
    world: World, monkeypatch: pytest.MonkeyPatch, port: str, told: bool
) -> None:
    both_filled(world)
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    world.up({**DEV, "bluegreen:port": port})
    assert [text.partition(" (")[2] for text in said] == (["blue and green stay as they are)"] if told else [])


def test_an_empty_color_has_nothing_that_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    was = both_filled(world)
    slots = {**was.record.colors, "green": replace(was.record.colors["green"], floor=0)}
    world.holds(replace(was, record=replace(was.record, colors=slots)))
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    world.up({**DEV, "bluegreen:port": "8081"})
    assert ["green" in text for text in said] == [False]
