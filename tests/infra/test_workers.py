"""Workers on Fargate: services of a release that run in the active color alone, and that only its own update makes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.digest import release_digest
from infra.immutable import inputs as every_input
from infra.record import (
    Deployed,
    Record,
    RecordError,
    Release,
    Transition,
    deployed_data,
    digest,
    parse_deployed,
    stamp,
    to_data,
    worker_service,
)
from infra.settings import load
from infra.steps import filled, flipped, floored, replaced, settled, shifted, undone
from tests.infra.schema import arguments_of
from tests.infra.test_fargate import DEV, FULL, SECRETS
from tests.infra.world import ACCOUNT, IMAGE, NOW, REGION, World, as_config, copy_of, refused, secret_arn

WORKERS = [
    {"name": "mail", "command": "work --queue 'in box'", "count": 2},
    {"name": "sweep", "command": "sweep"},
]
EXTRA = {"name": "extra", "command": "more"}
MANNED: dict[str, Any] = {**DEV, "bluegreen:workers": WORKERS}
LATER = Transition("shift", 10, 1, stamp(NOW), stamp(NOW))


def deploy(world: World, config: dict[str, Any], platform: str = "fargate", image: str = IMAGE) -> World:
    """A release to the color that stands by."""
    was = world.deployed
    made = release_digest(load(as_config(config), "shop", "dev"), platform, image)
    wish = filled(was, Release(platform, image, made), NOW, floor=2)
    return world.up({**config, **to_data(wish), "basedOn": was.basis})


def to(world: World, wish: Record, config: dict[str, Any] = MANNED) -> World:
    return world.up({**config, **to_data(wish), "basedOn": world.deployed.basis})


def onto_fargate(config: dict[str, Any] = MANNED) -> World:
    """Blue runs on Compose, green is a candidate on Fargate."""
    return deploy(World().up(config), config)


def desired(world: World) -> dict[str, int]:
    """Of every worker's service."""
    return {one.inputs["name"]: one.inputs["desiredCount"] for one in world.resources if _is_worker(one.name)}


def part_of(world: World, part: str) -> str:
    """The name of what green's release brings."""
    return f"green-2-{world.deployed.record.colors['green'].digest}-{part}"


def _is_worker(name: str) -> bool:
    return name.endswith("-active-only")


def test_a_worker_is_a_service_of_its_own_without_traffic() -> None:
    world = onto_fargate()
    app, worker = world.one("green-2-service"), world.one("green-2-mail-active-only")
    for key in ("loadBalancers", "healthCheckGracePeriodSeconds"):
        assert key in app.inputs
        assert key not in worker.inputs
    own = {"name", "desiredCount", "taskDefinition", "loadBalancers", "healthCheckGracePeriodSeconds"}
    assert {k: v for k, v in worker.inputs.items() if k not in own} == {
        k: v for k, v in app.inputs.items() if k not in own
    }
    assert worker.inputs["name"] == worker_service("green", 2, "mail") == "green-2-mail"
    assert part_of(world, "execution-policy") in worker.dependencies
    assert not {"production-rule", "test-rule"} & worker.dependencies


def test_it_runs_the_release_itself_with_its_own_words_and_nobody_asks_for_its_health() -> None:
    secrets = {"API_KEY": {"secret": "shop/api"}}
    config = {**MANNED, "bluegreen:secrets": secrets, "bluegreen:environment": {"MODE": "live"}}
    world = deploy(World(secrets=dict(SECRETS)).up(config), config)
    (app,), (worker,) = (
        json.loads(world.one(part_of(world, part)).inputs["containerDefinitions"]) for part in ("task", "mail-task")
    )
    assert (worker["name"], worker["command"]) == ("mail", ["work", "--queue", "in box"])
    assert not {"portMappings", "healthCheck"} & worker.keys()
    assert worker["secrets"] == [{"name": "API_KEY", "valueFrom": secret_arn("shop/api")}]
    alike = app.keys() - {"name", "portMappings", "healthCheck"}
    assert {key: worker[key] for key in alike} == {key: app[key] for key in alike}
    definition, other = (world.one(part_of(world, part)).inputs for part in ("mail-task", "task"))
    assert definition["family"] == "shop-dev-green-2-mail"
    for key in ("executionRoleArn", "taskRoleArn", "cpu", "memory", "skipDestroy"):
        assert definition[key] == other[key]


def test_only_the_active_colors_workers_run_and_a_flip_moves_them() -> None:
    world = onto_fargate()
    assert desired(world) == {"green-2-mail": 0, "green-2-sweep": 0}
    candidate = world.deployed
    to(world, shifted(candidate, NOW, LATER))
    assert set(desired(world).values()) == {0}, "in a shift they stay with the color that is active"
    to(world, flipped(world.deployed, NOW))
    assert desired(world) == {"green-2-mail": 2, "green-2-sweep": 1}
    to(world, flipped(world.deployed, NOW))
    assert set(desired(world).values()) == {0}
    deploy(world, MANNED, image=IMAGE.replace("1.1.0", "1.2.0").replace("b2", "c3"))
    fill = world.deployed.record.colors["green"].fill
    to(world, shifted(world.deployed, NOW, LATER))
    to(world, undone(world.deployed, NOW))
    assert desired(world) == {f"green-{fill}-mail": 0, f"green-{fill}-sweep": 0}


def test_on_both_sides_it_is_one_colors_after_each_step() -> None:
    world = onto_fargate()
    to(world, flipped(world.deployed, NOW))
    deploy(world, MANNED)
    blue = world.deployed.record.colors["blue"].fill
    assert desired(world) == {
        "green-2-mail": 2,
        "green-2-sweep": 1,
        f"blue-{blue}-mail": 0,
        f"blue-{blue}-sweep": 0,
    }
    to(world, flipped(world.deployed, NOW))
    assert desired(world) == {
        "green-2-mail": 0,
        "green-2-sweep": 0,
        f"blue-{blue}-mail": 2,
        f"blue-{blue}-sweep": 1,
    }
    to(world, floored(world.deployed, NOW, {"green": 0}))
    assert {name for name, count in desired(world).items() if count} == {f"blue-{blue}-mail", f"blue-{blue}-sweep"}


def test_a_first_deploy_begins_with_them() -> None:
    world = World().up({**MANNED, "bluegreen:platforms": ["fargate"]})
    assert desired(world) == {"blue-1-mail": 2, "blue-1-sweep": 1}


def test_the_record_notes_them_by_release_and_nothing_hangs_on_it() -> None:
    deployed = onto_fargate().deployed
    slot = deployed.record.colors["green"]
    assert deployed.workers == {"green": {slot.digest: {"mail": 2, "sweep": 1}}}, "on Compose they come with instances"
    assert deployed.crew("green") == {"mail": 2, "sweep": 1}
    assert deployed.crew("blue") == {}
    assert deployed.worker("green", "mail") == "ecs:cluster-0a1b2c3/green-2-mail"
    text = json.dumps(deployed_data(deployed))
    assert parse_deployed(text) == deployed
    bare = replace(deployed, workers={})
    assert (bare.basis, digest(bare.record)) == (deployed.basis, digest(deployed.record))
    assert "workers" not in deployed_data(bare)
    older = json.loads(text)
    del older["workers"]
    assert parse_deployed(json.dumps(older)) == bare


@pytest.mark.parametrize("wrong", [[], "x", {"green": 1}, {"green": {"r1": []}}, {"green": {"r1": {"mail": "many"}}}])
def test_a_record_with_something_else_there_is_none(wrong: object) -> None:
    data = {**deployed_data(onto_fargate_record()), "workers": wrong}
    with pytest.raises(RecordError, match="workers"):
        parse_deployed(json.dumps(data))


def onto_fargate_record() -> Deployed:
    slot = {"platform": "fargate", "image": IMAGE, "digest": "r1", "fill": 1, "floor": 2}
    return parse_deployed(json.dumps({"schema": 1, "generation": 1, "activeColor": "blue", "colors": {"blue": slot}}))


@pytest.mark.parametrize(
    "workers",
    [
        [],
        [{"name": "mail", "command": "other", "count": 7}, {"name": "sweep", "command": "sweep"}],
        [*WORKERS, {"name": "new", "command": "work"}],
    ],
)
def test_settings_that_change_reach_no_color_that_is_filled(workers: list[dict[str, Any]]) -> None:
    world = onto_fargate()
    to(world, flipped(world.deployed, NOW))
    noted = world.deployed.workers
    later = {**MANNED, "bluegreen:workers": workers}
    to(world, world.deployed.record, later)
    assert desired(world) == {"green-2-mail": 2, "green-2-sweep": 1}
    for name in ("mail", "sweep"):
        service, definition = world.one(f"green-2-{name}-active-only"), world.one(part_of(world, f"{name}-task"))
        assert set(service.ignored) == set(every_input(arguments_of(service.type))) - {"desiredCount"}
        assert set(definition.ignored) == set(every_input(arguments_of(definition.type)))
    # A flip to a standby brings along no one's merged change.
    to(world, flipped(world.deployed, NOW), later)
    assert desired(world) == {"green-2-mail": 0, "green-2-sweep": 0}
    assert world.deployed.workers == noted


def test_the_next_release_has_those_of_the_settings() -> None:
    world = onto_fargate()
    to(world, flipped(world.deployed, NOW))
    later = {**MANNED, "bluegreen:workers": [{"name": "other", "command": "work", "count": 3}]}
    deploy(world, later)
    fill, digest_of_blue = world.deployed.record.colors["blue"].fill, world.deployed.record.colors["blue"].digest
    assert world.deployed.workers["blue"] == {digest_of_blue: {"other": 3}}
    to(world, flipped(world.deployed, NOW), later)
    assert desired(world) == {"green-2-mail": 0, "green-2-sweep": 0, f"blue-{fill}-other": 3}
    bare = {**MANNED, "bluegreen:workers": []}
    deploy(world, bare, image=IMAGE.replace("1.1.0", "1.2.0").replace("b2", "c3"))
    assert "green" not in world.deployed.workers
    assert desired(world) == {f"blue-{fill}-other": 3}


def test_in_place_they_follow_at_the_end_and_stay_as_they_were_after_a_rollback() -> None:
    world = onto_fargate()
    to(world, flipped(world.deployed, NOW))
    was = world.deployed
    old, config = was.record.active_slot.digest, {**MANNED, "bluegreen:workers": [{**WORKERS[0], "count": 3}, EXTRA]}

    def take_over() -> str:
        coming = release_digest(load(as_config(config), "shop", "dev"), "fargate", IMAGE)
        to(world, replaced(world.deployed, Release("fargate", IMAGE, coming), NOW, {}, stamp(NOW)), config)
        return coming

    def tasks(name: str) -> str:
        return str(world.one(f"green-2-{name}-active-only").inputs["taskDefinition"])

    coming = take_over()
    assert desired(world) == {"green-2-mail": 2, "green-2-sweep": 1}
    assert tasks("mail").endswith(f"green-2-{old}-mail-task")
    made = world.one(f"green-2-{coming}-extra-task")
    assert made.ignored == () and json.loads(made.inputs["containerDefinitions"])[0]["command"] == ["more"]
    deployed = world.deployed
    assert deployed.workers["green"] == {old: {"mail": 2, "sweep": 1}, coming: {"mail": 3, "extra": 1}}
    assert deployed.crew("green") == {"mail": 2, "sweep": 1}, "what runs until the end"

    to(world, undone(world.deployed, NOW), config)
    assert desired(world) == {"green-2-mail": 2, "green-2-sweep": 1}
    assert world.deployed.workers == was.workers

    take_over()
    to(world, settled(world.deployed, NOW), config)
    assert desired(world) == {"green-2-mail": 3, "green-2-extra": 1}
    assert tasks("mail").endswith(f"green-2-{coming}-mail-task")
    assert world.deployed.workers == {"green": {coming: {"mail": 3, "extra": 1}}}
    assert [one.name for one in world.resources if old in one.name] == []


def test_back_to_compose_takes_the_services_away_and_notes_none() -> None:
    world = onto_fargate()
    to(world, flipped(world.deployed, NOW))
    deploy(world, MANNED, "compose")
    assert desired(world) == {"green-2-mail": 2, "green-2-sweep": 1}
    to(world, flipped(world.deployed, NOW))
    assert desired(world) == {"green-2-mail": 0, "green-2-sweep": 0}
    deploy(world, MANNED, "compose", IMAGE.replace("1.1.0", "1.2.0").replace("b2", "c3"))
    assert desired(world) == {}
    assert world.deployed.workers == {}


def test_workers_are_part_of_a_release_and_a_stack_without_any_has_the_releases_that_it_had() -> None:
    def known(workers: list[dict[str, Any]], platform: str) -> str:
        config = {**FULL, "bluegreen:workers": workers}
        return release_digest(load(as_config(config), "shop", "dev"), platform, IMAGE)

    assert known([], "fargate") == "r79f72db6998", "as it was before there could be any"
    found = {
        known(workers, "fargate")
        for workers in (
            [],
            WORKERS,
            [WORKERS[0]],
            [{**WORKERS[0], "count": 3}],
            [{**WORKERS[0], "command": "other"}],
            [{**WORKERS[0], "name": "post"}],
        )
    }
    assert len(found) == 6
    assert known(WORKERS, "compose") == known([{**one, "count": 9} for one in WORKERS], "compose")


def test_workers_that_the_record_can_not_hold_are_refused_before_anything_is_made() -> None:
    many = [{"name": f"{'w' * 28}-{number:02}", "command": "x", "count": 100} for number in range(16)]
    long = {
        **DEV,
        "bluegreen:platforms": ["fargate", "compose"],
        "bluegreen:balancer": {"host": ".".join(["h" * 30] * 4), "path": "/" + "p" * 120 + "*"},
    }
    repository, digits = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{'r' * 240}", "b2" * 32
    image = f"{repository}:{'t' * 120}@sha256:{digits}"
    assert deploy(World().up(long), long, image=image).deployed.record.standby == "candidate"
    config = {**long, "bluegreen:workers": many}
    world = World().up(config)
    was = world.deployed
    made = release_digest(load(as_config(config), "shop", "dev"), "fargate", image)
    wish = filled(was, Release("fargate", image, made), NOW, floor=2)
    refusal = refused(world, {**config, **to_data(wish), "basedOn": was.basis})
    assert refusal.refused.code == "record-too-long"
    assert "workers can grow" in refusal.refused.why


def test_an_untouched_copy_asks_for_nothing_of_them() -> None:
    world = onto_fargate()
    before = world.parameters["record"]
    world.up({**MANNED, **copy_of(world.deployed)})
    assert world.parameters["record"] == before
