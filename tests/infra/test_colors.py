"""A release as a fleet: what it is made of, what it may do, and that nothing but its own update changes it (I6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.context import Context
from infra.immutable import inputs as every_input
from infra.record import Record, Release, Transition, stamp, to_data
from infra.setting_compose import architecture
from infra.steps import checkpointed, flipped, floored, replaced, settled, shifted, undone
from tests.infra.schema import arguments_of
from tests.infra.world import IMAGE, NOW, World, at_rest, both_filled, copy_of, plain, stack_file, with_standby

DEV = stack_file("dev")


def test_a_template_demands_imdsv2_encrypts_its_volume_and_has_no_key(world: World) -> None:
    template = world.up({**DEV, "bluegreen:compose": {"volume": 33}}).one("blue-1-template").inputs
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
        "instanceMetadataTags": "enabled",
    }
    (device,) = template["blockDeviceMappings"]
    assert device["ebs"] == {
        "encrypted": "true",
        "volumeSize": 33,
        "volumeType": "gp3",
        "deleteOnTermination": "true",
    }
    assert template["iamInstanceProfile"]["arn"].endswith(":blue-1-profile")
    assert "keyName" not in template


def test_the_group_is_checked_by_the_balancer_and_replaces_before_it_removes(world: World) -> None:
    first = world.up(stack_file("prod"), "prod")
    group = first.one("blue-1-group").inputs
    assert (group["healthCheckType"], group["healthCheckGracePeriod"]) == ("ELB", 300)
    assert group["instanceMaintenancePolicy"] == {"minHealthyPercentage": 100, "maxHealthyPercentage": 200}
    assert group["targetGroupArns"] == ["arn:aws:lb/targetGroup:TargetGroup:blue-compose-targets"]
    assert group["launchTemplate"] == {"id": f"{first.one('blue-1-template').name}-id", "version": "1"}
    assert (group["minSize"], group["desiredCapacity"], group["maxSize"]) == (2, 2, 6)


def test_nothing_waits_inside_an_update(first: World) -> None:
    group = first.one("blue-1-group").inputs
    assert group["waitForCapacityTimeout"] == "0"
    assert "waitForElbCapacity" not in group


def test_desired_capacity_is_the_scalers_after_creation(world: World) -> None:
    assert "desiredCapacity" in world.up(DEV).one("blue-1-group").ignored
    assert "desiredCapacity" in world.up(DEV).one("blue-1-group").ignored


def test_instances_carry_what_a_stranger_needs_to_know(first: World) -> None:
    tags = first.one("blue-1-group").inputs["tags"]
    slot = first.deployed.record.active_slot
    assert {tag["key"]: tag["value"] for tag in tags} == {
        "Name": "shop-blue-1",
        "team": "shop",
        "bluegreen:project": "shop",
        "bluegreen:stack": "dev",
        "bluegreen:color": "blue",
        "bluegreen:fill": "1",
        "bluegreen:release": slot.digest,
    }
    assert all(tag["propagateAtLaunch"] for tag in tags)
    template = first.one("blue-1-template").inputs
    assert template["tags"]["bluegreen:release"] == slot.digest
    assert template["tagSpecifications"][0]["resourceType"] == "volume"


@pytest.mark.parametrize(
    ("kind", "processor"),
    [
        ("t3.medium", "x86_64"),
        ("t4g.small", "arm64"),
        ("m7gd.large", "arm64"),
        ("c7gn.xlarge", "arm64"),
        ("a1.large", "arm64"),
        ("g4dn.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("r6i.large", "x86_64"),
        ("im4gn.large", "arm64"),
    ],
)
def test_the_machine_image_fits_the_processor(kind: str, processor: str) -> None:
    assert architecture(kind) == processor


def test_the_machine_image_is_looked_up_where_a_release_is_made_and_never_again(world: World) -> None:
    asked = "aws:ssm/getParameter:getParameter"
    world.up(DEV)
    assert [args["name"] for token, args in world.invoked if token == asked] == [
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    ]
    assert world.one("blue-1-template").inputs["imageId"] == "ami-0123456789abcdef0"
    world.up(DEV)
    assert asked not in [token for token, _ in world.invoked]
    set_ami = World().up({**DEV, "bluegreen:compose": {"ami": "ami-0fedcba9876543210"}})
    assert asked not in [token for token, _ in set_ami.invoked]
    assert set_ami.one("blue-1-template").inputs["imageId"] == "ami-0fedcba9876543210"


def test_a_retired_color_keeps_its_release_and_has_no_capacity(world: World) -> None:
    was = both_filled(world)
    world.up({**DEV, **to_data(floored(was, NOW, {"green": 0})), "basedOn": was.basis})
    group = world.one("green-2-group").inputs
    assert (group["minSize"], group["maxSize"]) == (0, 0)
    assert world.deployed.record.standby_slot == replace(was.record.standby_slot, floor=0)  # type: ignore[type-var]


def test_a_floor_above_the_settings_maximum_raises_it(world: World) -> None:
    was = both_filled(world)
    world.up({**DEV, **to_data(floored(was, NOW, {"blue": 9, "green": 9})), "basedOn": was.basis})
    for name in ("blue-1-group", "green-2-group"):
        group = world.one(name).inputs
        assert (group["minSize"], group["maxSize"]) == (9, 9)


def smaller(maximum: int) -> dict[str, Any]:
    return {**DEV, "bluegreen:compose": {"min": 1, "max": maximum}}


def bounds(world: World, name: str) -> tuple[int | None, int | None]:
    """Minimum and maximum that an update would give a group that has others; None for what it leaves as it is."""
    group = world.one(name)
    least, most = (None if key in group.ignored else group.inputs[key] for key in ("minSize", "maxSize"))
    return least, most


def test_settings_make_no_smaller_the_color_that_a_shift_would_be_rolled_back_to(world: World) -> None:
    was = both_filled(world)
    shift = Transition("shift", 10, 1, stamp(NOW), stamp(NOW))
    world.up({**DEV, **to_data(shifted(was, NOW, shift)), "basedOn": was.basis})
    world.up(smaller(3))
    assert bounds(world, "blue-1-group") == (2, None)
    assert bounds(world, "green-2-group") == (2, 3)
    was = world.deployed
    world.up({**smaller(3), **to_data(floored(was, NOW, {"blue": 7, "green": 7})), "basedOn": was.basis})
    assert bounds(world, "blue-1-group") == bounds(world, "green-2-group") == (7, 7)


def test_settings_make_no_smaller_the_old_color_until_its_hold_has_ended(world: World) -> None:
    was = both_filled(world)
    held = {**DEV, "bluegreen:hold": "1h"}
    world.up({**held, **to_data(flipped(was, NOW, held_until=stamp(NOW + timedelta(hours=1)))), "basedOn": was.basis})
    assert world.deployed.record.held(NOW)
    world.up(smaller(3))
    assert bounds(world, "blue-1-group") == (2, None)
    assert bounds(world, "green-2-group") == (2, 3)
    world.up(smaller(3), context=Context("ann", "a test", NOW + timedelta(minutes=61)))
    assert bounds(world, "blue-1-group") == bounds(world, "green-2-group") == (2, 3)


@pytest.mark.parametrize(("floor", "most"), [(1, 1), (4, 1), (4, 3), (1, 500), (500, 499)])
def test_no_scaler_and_no_setting_takes_a_color_below_its_floor(world: World, floor: int, most: int) -> None:
    """What bounds a scaler are minimum and maximum of its group; its policies can't pass them."""
    was = both_filled(world)
    scaled = {**smaller(most), "bluegreen:scaling": {"cpu": 60, "requests": 1000}}
    world.up({**scaled, **to_data(floored(was, NOW, {"blue": floor, "green": floor})), "basedOn": was.basis})
    for name in ("blue-1-group", "green-2-group"):
        assert bounds(world, name) == (floor, max(floor, most))
    policies = world.of_type("aws:autoscaling/policy:Policy")
    assert len(policies) == 4
    for policy in policies:
        assert policy.inputs["policyType"] == "TargetTrackingScaling"
        assert {"minAdjustmentMagnitude", "scalingAdjustment", "stepAdjustments"}.isdisjoint(policy.inputs)


# I6: in every update but the one that makes it, a release's inputs are ignored.

CHANGED = {
    **DEV,
    "bluegreen:port": "9999",
    "bluegreen:healthCheck": {"path": "/other", "interval": 60},
    "bluegreen:compose": {
        **DEV["bluegreen:compose"],
        "instanceType": "m7g.large",
        "volume": 99,
        "grace": 1,
        "replicas": 2,
        "stopGrace": 5,
        "bootTimeout": 60,
        "ami": "ami-0fedcba9876543210",
    },
    "bluegreen:drain": "20",
    "bluegreen:tags": {"team": "other"},
    "bluegreen:environment": {"LOG_LEVEL": "debug"},
    "bluegreen:secrets": {"API_KEY": {"secret": "shop/api", "key": "key"}},
    "bluegreen:workers": [{"name": "mail", "command": "work"}],
}
LIVE = {"minSize", "maxSize"}


def releases(world: World, color: str, number: int = 11) -> list[Any]:
    """What a color's release is made of: everything under its name."""
    found = [one for one in world.resources if one.name.startswith(f"{color}-") and one.type.startswith("aws:")]
    assert len(found) == number
    return found


def changes(world: World, before: dict[str, Any], color: str, number: int = 11) -> dict[str, set[str]]:
    """The inputs that the engine would change: those that differ and are not ignored."""
    found = {}
    for one in releases(world, color, number):
        was = before[one.name]
        keys = {key for key in {*one.inputs, *was.inputs} if one.inputs.get(key) != was.inputs.get(key)}
        if left := keys - set(one.ignored):
            found[one.name] = left
    return found


def test_changed_settings_reach_no_filled_color_by_a_plain_up(world: World) -> None:
    both_filled(world)
    before = {one.name: one for one in at_rest().resources}
    world.up(CHANGED)
    assert changes(world, before, "blue") == {}
    assert changes(world, before, "green") == {}


def test_every_input_of_a_standing_release_is_ignored_so_a_new_version_of_the_program_changes_none(
    world: World,
) -> None:
    both_filled(world)
    world.up(DEV)
    for one in (*releases(world, "blue"), *releases(world, "green")):
        live = LIVE if one.type == "aws:autoscaling/group:Group" else set()
        assert set(one.ignored) == set(every_input(arguments_of(one.type))) - live, one.name


def test_bounds_of_capacity_are_no_part_of_a_release(world: World) -> None:
    world.up(DEV)
    before = {one.name: one for one in world.resources}
    world.up({**DEV, "bluegreen:compose": {**DEV["bluegreen:compose"], "max": 5}})
    assert changes(world, before, "blue") == {"blue-1-group": {"maxSize"}}


def test_a_deploy_renders_the_standby_anew_and_leaves_the_active_color_alone(world: World) -> None:
    world.up(DEV)
    before = {one.name: one for one in world.resources}
    world.secrets["shop/api"] = '{"key": "x"}'
    with_standby(world, CHANGED)
    assert changes(world, before, "blue") == {}
    assert {plain(one.name) for one in releases(world, "green")} >= {
        "green-2-template",
        "green-2-group",
        "green-2-role",
    }
    assert world.one("green-2-group").ignored == ("desiredCapacity",)
    assert all(one.ignored == () for one in releases(world, "green") if one.name != "green-2-group")
    assert world.one("green-compose-targets").inputs["healthCheck"]["path"] == "/other"
    assert world.one("green-2-template").inputs["instanceType"] == "m7g.large"


def test_a_second_deploy_makes_everything_of_the_fill_anew(world: World) -> None:
    with_standby(world.up(DEV), DEV)
    other = IMAGE.replace("b2", "c3").replace("1.1.0", "1.2.0")
    with_standby(world, DEV, image=other)
    names = {plain(one.name) for one in releases(world, "green")}
    assert {f"green-3-{part}" for part in ("role", "policy", "profile", "bundle", "template", "group")} <= names
    assert not any(name.startswith("green-2-") for name in names)
    assert world.deployed.capacity["green"].startswith("green-3-group")


def wishing(world: World, wish: Record, config: dict[str, Any]) -> World:
    """One update, from a copy of what is deployed."""
    return world.up({**config, **to_data(wish), "basedOn": world.deployed.basis})


def test_in_place_both_releases_stand_side_by_side_and_what_serves_is_touched_at_the_end_alone(world: World) -> None:
    """Another port or health path under users would take the instances that serve them out of service."""
    was = both_filled(world)
    world.secrets["shop/api"] = '{"key": "x"}'
    world.up(DEV)
    before, old = {one.name: one for one in world.resources}, was.record.active_slot.digest
    parts = [f"blue-1-{{}}-{part}" for part in ("bundle", "policy", "template")]

    wishing(world, replaced(was, Release("compose", IMAGE, "r1"), NOW, {}, stamp(NOW)), CHANGED)
    new = world.deployed.record.active_slot.digest
    assert {one.name: one.ignored for one in world.resources if new in one.name and one.type.startswith("aws:")} == {
        part.format(new): () for part in parts
    }
    standing = World(resources=[one for one in world.resources if new not in one.name])
    assert changes(standing, before, "blue") == changes(standing, before, "green") == {}
    assert world.deployed.templates["blue"] == {digest: f"blue-1-{digest}-template-id:1" for digest in (old, new)}
    running = {one.name: one for one in world.resources}
    assert {one.name: one.aliases for one in world.resources if "-template" in one.name and "blue" in one.name} == {
        f"blue-1-{old}-template": ("blue-1-template",),
        f"blue-1-{new}-template": (),
    }

    wishing(world, checkpointed(world.deployed, NOW, stamp(NOW)), DEV)
    assert changes(world, running, "blue", 14) == changes(world, running, "green") == {}
    assert set(world.deployed.templates["blue"]) == {old, new}
    taken = World(dict(world.parameters), secrets=world.secrets)

    wishing(world, settled(world.deployed, NOW), CHANGED)
    assert changes(world, {**running, "blue-1-group": before["blue-1-group"]}, "blue") == {
        "blue-1-group": {"launchTemplate", "tags"}
    }
    assert world.one("blue-1-group").inputs["launchTemplate"]["id"] == f"blue-1-{new}-template-id"
    assert world.deployed.templates["blue"] == {new: f"blue-1-{new}-template-id:1"}

    wishing(taken, undone(taken.deployed, NOW), CHANGED)
    # The group may launch from either by now: it is told, and has it already where nothing went wrong.
    assert changes(taken, before, "blue").keys() <= {"blue-1-group"}
    assert taken.one("blue-1-group").inputs["launchTemplate"] == before["blue-1-group"].inputs["launchTemplate"]
    assert {"launchTemplate", "tags"}.isdisjoint(taken.one("blue-1-group").ignored)
    assert taken.deployed.record.active_slot == was.record.active_slot
    assert set(taken.deployed.templates["blue"]) == {old}


@pytest.mark.parametrize("verb", ["flip", "floors", "nothing"])
def test_no_other_update_changes_what_runs(world: World, verb: str) -> None:
    was = both_filled(world)
    before = {one.name: one for one in at_rest().resources}
    wish = {
        "flip": lambda: flipped(was, NOW),
        "floors": lambda: floored(was, NOW, {"blue": 3, "green": 3}),
        "nothing": lambda: was.record,
    }[verb]()
    world.up({**CHANGED, **copy_of(was), **to_data(wish)})
    allowed = {"minSize"} if verb == "floors" else set()
    for color in ("blue", "green"):
        assert set().union(*changes(world, before, color).values()) == allowed
