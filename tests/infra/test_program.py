"""The program as a whole: it reads, decides or refuses, registers, and writes the record last."""

from __future__ import annotations

import asyncio
import json
import runpy
from dataclasses import replace
from datetime import timedelta

import pulumi
import pytest

from infra.context import Context
from infra.deployed import LIMIT
from infra.record import COLORS, Intent, Record, Slot, Transition, stamp, to_data, weights
from infra.steps import flipped, floored, shifted
from tests.infra.world import (
    ACCOUNT,
    NOW,
    REGION,
    SHA,
    World,
    both_filled,
    refused,
    stack_file,
    with_standby,
)

DEV = stack_file("dev")


def test_it_runs_in_a_thread_that_another_test_left_without_a_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.set_event_loop(None)
    assert world.up(DEV).deployed.record.active == "blue"


# A first deploy.


def test_a_first_deploy_resolves_the_settings_image_once_and_records_it(world: World) -> None:
    world.up(DEV)
    asked = [args for token, args in world.invoked if token == "aws:ecr/getImage:getImage"]
    assert asked == [{"registryId": ACCOUNT, "region": REGION, "repositoryName": "shop", "imageTag": "1.0.0"}]
    deployed = world.deployed
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:1.0.0@{SHA}"
    assert (deployed.generation, deployed.record.active_slot.image) == (1, image)
    assert (deployed.account, deployed.region, deployed.record.standby) == (ACCOUNT, REGION, "empty")
    assert (deployed.who, deployed.why, deployed.when) == ("ann", "a test", stamp(NOW))
    world.up(DEV)
    assert not [args for token, args in world.invoked if token == "aws:ecr/getImage:getImage"]


@pytest.mark.parametrize(
    "image", [f"ghcr.io/a/shop:1@{SHA}", f"222233334444.dkr.ecr.us-east-1.amazonaws.com/shop@{SHA}"]
)
def test_an_image_by_digest_stays_as_it_is(world: World, image: str) -> None:
    world.up({**DEV, "bluegreen:image": image})
    assert world.deployed.record.active_slot.image == image
    assert not [args for token, args in world.invoked if token == "aws:ecr/getImage:getImage"]


def test_an_image_in_another_accounts_ecr_is_asked_for_there(world: World) -> None:
    world.up({**DEV, "bluegreen:image": "222233334444.dkr.ecr.us-east-1.amazonaws.com/shop:1.0.0"})
    (asked,) = [args for token, args in world.invoked if token == "aws:ecr/getImage:getImage"]
    assert (asked["registryId"], asked["region"]) == ("222233334444", "us-east-1")


def test_a_first_deploy_that_failed_half_way_goes_on_where_the_driver_says_so(world: World) -> None:
    world.balancers = ["arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/x/1"]
    assert refused(world, DEV).refused.code == "balancer-without-record"
    (asked,) = [args for token, args in world.invoked if token == "aws:lb/getLbs:getLbs"]
    assert asked == {"tags": {"bluegreen:project": "shop", "bluegreen:stack": "dev"}}
    world.up(DEV, context=Context("ann", now=NOW, finish_first=True))
    assert world.deployed.generation == 1


# The record that is written.


def test_an_update_that_changes_nothing_writes_the_same_text(world: World) -> None:
    both_filled(world)
    before = world.parameters["record"]
    world.up(DEV, context=Context("ben", "another reason", NOW + timedelta(days=1)))
    assert world.parameters["record"] == before


def test_a_step_is_written_with_who_when_and_why_and_the_next_generation(world: World) -> None:
    was = both_filled(world)
    later = NOW + timedelta(hours=1)
    world.up({**DEV, **to_data(flipped(was, later)), "basedOn": was.basis}, context=Context("ben", "v2 is good", later))
    now = world.deployed
    assert (now.generation, now.who, now.why, now.when) == (3, "ben", "v2 is good", stamp(later))
    assert (now.record.active, now.record.standby) == ("green", "previous")


def test_an_intent_is_finished_by_any_run_and_then_spent(world: World) -> None:
    was = both_filled(world)
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    flipped_to = world.deployed
    world.holds(intent=Intent(3, flipped(flipped_to, NOW), "ben", stamp(NOW), "errors"))
    intent = world.parameters["intent"]
    world.up(DEV)
    assert (world.deployed.generation, world.deployed.record.standby) == (4, "rejected")
    assert weights(world.deployed.record) == {"blue": 100, "green": 0}
    world.parameters["intent"] = intent
    world.up(DEV)
    assert world.deployed.generation == 4


def test_the_parameter_is_a_plain_string_that_can_be_written_over(first: World) -> None:
    record = first.one("record")
    assert record.inputs["name"] == "/bluegreen/shop/dev/record"
    assert (record.inputs["type"], record.inputs["overwrite"]) == ("String", True)
    assert "value" not in record.inputs
    assert len(record.inputs["insecureValue"].encode()) < LIMIT


def test_the_record_is_written_after_rules_and_colors_in_an_update_that_changes_a_color(world: World) -> None:
    needs = {"production-rule", "test-rule"}
    assert needs | {"blue-1-group", "blue-1-template"} <= world.up(DEV).one("record").needs
    with_standby(world, DEV)
    assert needs | {"blue-1-group", "green-2-group", "green-2-policy"} <= world.one("record").needs
    was = world.deployed
    world.up({**DEV, **to_data(floored(was, NOW, {"green": 0})), "basedOn": was.basis})
    assert needs | {"blue-1-group", "green-2-group"} <= world.one("record").dependencies


@pytest.mark.parametrize("move", ["flip", "shift"])
def test_in_a_shift_the_record_waits_for_the_rules_alone(world: World, move: str) -> None:
    """A targeted update would fail on any other dependency, after the rule has moved."""
    was = both_filled(world)
    shift = Transition("shift", 10, 1, stamp(NOW), stamp(NOW))
    wish = flipped(was, NOW) if move == "flip" else shifted(was, NOW, shift)
    world.up({**DEV, **to_data(wish), "basedOn": was.basis})
    needs = world.one("record").dependencies
    assert {"production-rule", "test-rule"} <= needs
    assert not [name for name in needs if name.endswith(("-group", "-template", "-fleet", "-policy"))]
    assert world.deployed.capacity == was.capacity
    assert world.deployed.target_groups == was.target_groups


def test_a_shift_notes_of_groups_that_it_does_not_touch_what_is_noted_already(world: World) -> None:
    """A platform that the settings have listed since may not be there yet: a targeted update would fail on it."""
    was = both_filled(world)
    groups = {color: {**of, "fargate": f"arn:{color}-fargate"} for color, of in was.target_groups.items()}
    world.holds(replace(was, target_groups=groups))
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert world.deployed.target_groups == groups
    world.up(DEV)
    assert world.deployed.target_groups == was.target_groups


def test_capacity_names_the_scaling_groups(world: World) -> None:
    with_standby(world.up(DEV), DEV)
    assert world.deployed.capacity == {"blue": "blue-1-group-0a1b2c3", "green": "green-2-group-0a1b2c3"}


def test_outputs_come_from_the_parameter(world: World) -> None:
    was = both_filled(world)
    world.up(DEV)
    assert world.outputs["record"] == json.loads(world.parameters["record"])
    assert world.outputs["url"] == was.url
    assert world.outputs["testUrl"] == f"{was.url}:9001"
    assert world.outputs["balancerArn"].endswith(":balancer")


def test_the_record_notes_where_the_standby_is_reached(world: World) -> None:
    world.up(DEV)
    assert world.deployed.test_url == f"{world.deployed.url}:9001" == world.outputs["testUrl"]


def test_a_shift_notes_no_address_that_no_listener_has_yet(world: World) -> None:
    """The port of the settings is made by an update of its own; a shift is targeted."""
    was = both_filled(world)
    moved = {**DEV, "bluegreen:balancer": {"testPort": 9443, "path": "/shop/*"}}
    world.up({**moved, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert (world.deployed.url, world.deployed.test_url) == (was.url, was.test_url)
    world.up(moved)
    assert (world.deployed.url, world.deployed.test_url) == (f"{was.url}/shop", f"{was.url}:9443/shop")


def test_a_record_of_an_earlier_version_gets_the_address_with_the_next_update(world: World) -> None:
    was = both_filled(world)
    data = json.loads(world.parameters["record"])
    assert data.pop("testUrl") == was.test_url
    world.parameters["record"] = json.dumps(data)
    assert world.deployed == replace(was, test_url="")
    assert world.deployed.basis == was.basis
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert world.deployed.test_url == was.test_url


def test_the_longest_record_of_a_linear_shift_fits(world: World) -> None:
    """Places, people and images as long as AWS allows; nine weights, each with its bake, every gate let off."""
    long = {**DEV, "bluegreen:balancer": {"path": "/" + "p" * 126 + "*", "host": "h" * 128}}
    repository = f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com/" + "r" * 200
    shas = [f"sha256:{number:064x}" for number in range(2)]
    asked = {
        "strategy": "linear",
        "weights": list(range(10, 100, 10)),
        "bakes": [86400] * 9,
        "maxBake": 86400,
        "pauseAfter": 50,
        "gates": dict.fromkeys(("health", "capacity", "smoke", "command", "alarms", "requests"), "warn"),
    }
    slots = {
        color: Slot("compose", f"{repository}:{'t' * 40}@{sha}", "r0123456789a", 10**6, 500)
        for color, sha in zip(COLORS, shas, strict=True)
    }
    shift = Transition("shift", 10, 1, stamp(NOW), stamp(NOW), asked=asked)
    was = replace(
        both_filled(world),
        generation=10**6,
        record=Record("blue", "candidate", slots, None, stamp(NOW)),
    )
    world.holds(was)
    wish = {**long, **to_data(shifted(was, NOW, shift)), "basedOn": was.basis}
    world.up(wish, context=Context("w" * 500, "y" * 500, NOW))
    assert world.deployed.record.transition == shift
    assert world.deployed.who == "w" * 117 + "…"
    assert len(world.deployed.why) >= 57
    text = world.parameters["record"]
    places = (*world.deployed.rules.values(), *world.deployed.capacity.values())
    assert max(len(place) for place in places) <= 200
    assert len(text.encode()) < LIMIT


def test_a_reason_gives_way_before_a_record_is_refused(world: World) -> None:
    was = both_filled(world)

    def written(steps: int) -> str:
        asked = {"weights": list(range(1000, 1000 + steps))}
        shift = Transition("shift", 10, 1, stamp(NOW), stamp(NOW), asked=asked)
        world.holds(was).up(
            {**DEV, **to_data(shifted(was, NOW, shift)), "basedOn": was.basis},
            context=Context("ann", "y" * 360, NOW),
        )
        assert len(world.parameters["record"].encode()) < LIMIT
        return world.deployed.why

    assert written(100) == "y" * 360
    assert 60 <= len(written(350).encode()) < 360


def test_a_long_reason_is_cut_so_that_the_record_fits(world: World) -> None:
    world.up(DEV, context=Context("ä" * 500, "€" * 5000, NOW))
    assert len(world.parameters["record"].encode()) < LIMIT
    assert world.deployed.who.startswith("ää")
    assert world.deployed.why.endswith("€…")


def test_a_record_that_can_not_fit_is_refused_before_anything_moves(world: World) -> None:
    was = both_filled(world)
    shift = Transition("shift", 10, 1, stamp(NOW), stamp(NOW), asked={"weights": list(range(2000))})
    refusal = refused(world, {**DEV, **to_data(shifted(was, NOW, shift)), "basedOn": was.basis})
    assert refusal.refused.code == "record-too-long"


def test_who_and_why_come_from_the_environment_of_a_plain_up() -> None:
    known = Context.of({"BLUEGREEN_WHO": "ci job 7", "BLUEGREEN_WHY": "nightly", "USER": "root"})
    assert (known.who, known.why, known.finish_first) == ("ci job 7", "nightly", False)
    assert Context.of({"USER": "ann"}).who == "ann"


def test_a_plain_up_that_is_refused_says_so_in_one_line_and_deletes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """32 tells the language host that the user has been told; a clean return would mean an empty stack."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", said.append)
    monkeypatch.setattr("infra.program.load", _no_settings)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("infra", run_name="__main__")
    assert ended.value.code == 32
    assert len(said) == 1
    assert said[0].startswith("1 setting of stack")


def _no_settings(*_: object) -> None:
    from infra.settings import Problem, SettingsError

    raise SettingsError((Problem("bluegreen:image", "nothing", "an image"),))
