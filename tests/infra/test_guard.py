"""A protected stack's leaves are protected: a destroy stops before it deletes anything."""

from __future__ import annotations

from typing import Any

import pytest

from infra.record import COLORS, Record, to_data, weights
from infra.steps import flipped
from tests.infra.world import NOW, Registered, World, shipped, stack_file, with_standby

ALL = {
    "bluegreen:network": {"cidr": "10.20.0.0/16", "zones": 2, "nat": "single", "endpoints": True},
    "bluegreen:cache": {"token": {"secret": "shop/cache", "key": "token"}, "replicas": 0},
    "bluegreen:secrets": {"API_KEY": {"secret": "shop/new", "create": True}},
    "bluegreen:registry": {"create": True},
    "bluegreen:compose": {"instanceType": "t3.medium", "min": 2, "max": 4, "mirror": "bundle"},
}
GUARDS = {"ground-guard", "blue-guard", "green-guard"}


def leaves(world: World) -> dict[str, Registered]:
    """What Pulumi would delete first: nothing depends on it, and it is no parent. By name."""
    needed = {name for one in world.resources for name in one.dependencies}
    parents = {one.parent for one in world.resources}
    found = [one for one in world.resources if one.type != "pulumi:pulumi:Stack"]
    return {one.name: one for one in found if one.name not in needed and one.name not in parents}


def secrets(world: World) -> World:
    world.secrets["shop/cache"] = '{"token": "a-token-of-the-cache"}'
    return world


@pytest.mark.parametrize("moment", ["first", "both"])
@pytest.mark.parametrize("more", [{}, ALL], ids=["as shipped", "all that there is"])
def test_every_leaf_of_a_protected_stack_is_protected(moment: str, more: dict[str, Any]) -> None:
    config = {**shipped("prod"), **more}
    world = secrets(World()).up(config, "prod")
    if moment == "both":
        with_standby(world, config, "prod").up(config, "prod")
    assert leaves(world).keys() == {*GUARDS, "record"}
    assert all(one.protected for one in leaves(world).values())


def test_a_leaf_that_is_no_guard_would_be_seen(world: World) -> None:
    """What this file's measure is worth: without the guards it is the routes and alarms that come first."""
    config = shipped("prod")
    world.up(config, "prod")
    world.resources = [one for one in world.resources if not one.type.startswith("bluegreen:index:Guard")]
    world.resources = [one for one in world.resources if one.type != "bluegreen:index:Part"]
    assert "production-rule" not in leaves(world)
    assert any(one.type == "aws:cloudwatch/metricAlarm:MetricAlarm" for one in leaves(world).values())


def test_guards_stay_unprotected_where_the_stack_is(world: World) -> None:
    """So that `protect` can be switched on and off: a guard that went with it could not be deleted."""
    world.up(stack_file("dev"), "dev")
    guards = world.of_type("bluegreen:index:Guard")
    assert {one.name for one in guards} == GUARDS
    assert not any(one.protected for one in guards)


def test_a_shift_changes_no_guard() -> None:
    """What a shift leaves out may not depend on what it does."""
    config = shipped("prod")
    world = World().up(config, "prod")
    with_standby(world, config, "prod").up(config, "prod")
    before = {one.name: one for one in world.resources if one.type.startswith("bluegreen:index:")}
    was = world.deployed
    wish: Record = flipped(was, NOW)
    world.up({**config, **to_data(wish), "basedOn": was.basis}, "prod")
    assert weights(world.deployed.record)[was.record.idle] == 100
    for name in GUARDS:
        (after,) = [one for one in world.resources if one.name == name]
        assert after.said == before[name].said
        assert after.dependencies == before[name].dependencies


def test_a_new_release_stands_behind_the_guard_of_its_color() -> None:
    config = shipped("prod")
    world = World().up(config, "prod")
    with_standby(world, config, "prod").up(config, "prod")
    slot = world.deployed.record.standby_slot
    assert slot is not None
    idle = world.deployed.record.idle
    (part,) = [one for one in world.of_type("bluegreen:index:Part") if one.name == f"{idle}-{slot.fill}-part"]
    assert f"{idle}-{slot.fill}-group" in part.dependencies
    (kept,) = [one for one in world.of_type("bluegreen:index:Guard") if one.name == f"{idle}-guard"]
    assert kept.dependencies == {part.name}
    assert {one.name for one in world.of_type("bluegreen:index:Guard")} >= {f"{color}-guard" for color in COLORS}
