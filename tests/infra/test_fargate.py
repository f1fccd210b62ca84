"""A release as tasks: what it is made of, what it may do, and that nothing but its own update changes it (I6).

After a change that is meant: `python -m tests.infra.test_fargate` writes the golden files anew; read the difference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.digest import release_digest
from infra.immutable import inputs as every_input
from infra.record import Record, Release, Transition, stamp, to_data
from infra.rendering import RenderingError
from infra.settings import load
from infra.steps import filled, flipped, floored, replaced, settled, shifted
from tests.infra.graph import graph
from tests.infra.schema import arguments_of, faults
from tests.infra.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    REGION,
    World,
    as_config,
    copy_of,
    refused,
    secret_arn,
    stack_file,
)

DEV: dict[str, Any] = {**stack_file("dev"), "bluegreen:platforms": ["compose", "fargate"]}
FULL: dict[str, Any] = {
    **DEV,
    "bluegreen:fargate": {
        "cpu": 1024,
        "memory": 4096,
        "architecture": "arm64",
        "min": 3,
        "max": 9,
        "user": "1000:1000",
        "storage": 40,
        "stopGrace": 90,
        "grace": 45,
        "spot": 70,
        "writable": ["/tmp", "/var/cache/app"],
        "healthCheck": {"command": "/app/check --fast"},
    },
    "bluegreen:environment": {"MODE": "live"},
    "bluegreen:secrets": {
        "DB_PASSWORD": {"secret": "shop/database", "key": "password"},
        "API_KEY": {"secret": "shop/api"},
    },
    "bluegreen:scaling": {"cpu": 60, "requests": 1000},
    "bluegreen:workers": [{"name": "mail", "command": "work --queue 'in box'", "count": 2}],
}
SECRETS = {"shop/database": '{"password": "x"}', "shop/api": "x"}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/6a7d3c52-0b6e-4f0c-9a31-1f2e3d4c5b6a"


def on_fargate(config: dict[str, Any] = DEV, world: World | None = None, floor: int = 2) -> World:
    """Blue runs on Compose; this deploys a release to green, on Fargate."""
    world = (world or World()).up(config)
    was = world.deployed
    digest = release_digest(load(as_config(config), "shop", "dev"), "fargate", IMAGE)
    wish = filled(was, Release("fargate", IMAGE, digest), NOW, floor=floor)
    return world.up({**config, **to_data(wish), "basedOn": was.basis})


@cache
def plain() -> World:
    return on_fargate()


@cache
def full() -> World:
    return on_fargate(FULL, World(secrets=dict(SECRETS), secret_keys={"shop/api": KEY}))


GOLDEN = Path(__file__).parent / "golden"
WORLDS = {"fargate-plain": plain, "fargate-full": full}


def shown(world: World) -> str:
    """Everything that the fill is made of; container definitions as the objects that they are."""
    found = [one for one in json.loads(graph(world)) if one["name"].startswith("green-2-")]
    for one in found:
        if "containerDefinitions" in one.get("inputs", {}):
            one["inputs"]["containerDefinitions"] = json.loads(one["inputs"]["containerDefinitions"])
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", WORLDS)
def test_a_fill(name: str) -> None:
    assert shown(WORLDS[name]()) == (GOLDEN / f"{name}.json").read_text()


def container(world: World, fill: str = "green-2") -> dict[str, Any]:
    (found,) = json.loads(world.one(f"{fill}-task").inputs["containerDefinitions"])
    return dict(found)


def policy(world: World, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(world.one(name).inputs["policy"])["Statement"]}


def service(world: World) -> dict[str, Any]:
    return world.one("green-2-service").inputs


def test_a_stack_without_the_platform_has_nothing_of_it(first: World) -> None:
    assert [one.name for one in first.resources if "ecs" in one.type or "fargate" in one.name] == []


def test_up_makes_the_cluster_and_the_ground_of_both_colors_before_any_task() -> None:
    world = World().up(DEV)
    assert world.one("cluster").inputs["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert world.one("cluster-providers").inputs["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    for color in ("blue", "green"):
        assert world.one(f"{color}-fargate-targets").inputs["targetType"] == "ip"
        assert set(world.deployed.target_groups[color]) == {"compose", "fargate"}
    assert world.of_type("aws:ecs/service:Service") == []


def test_a_release_on_fargate_is_a_service_that_the_record_names() -> None:
    deployed = plain().deployed
    assert deployed.record.colors["green"].platform == "fargate"
    assert deployed.capacity["green"] == "ecs:cluster-0a1b2c3/green-2-service-0a1b2c3"
    assert deployed.capacity["blue"] == "blue-1-group-0a1b2c3"
    assert deployed.target_group("green").endswith(":green-fargate-targets")


def test_the_rules_send_to_the_group_of_the_release_before_its_service_is_made() -> None:
    rule = plain().one("production-rule")
    (action,) = rule.inputs["actions"]
    assert [group["arn"].rpartition(":")[2] for group in action["forward"]["targetGroups"]] == [
        "blue-compose-targets",
        "green-fargate-targets",
    ]
    assert {"production-rule", "test-rule"} <= plain().one("green-2-service").dependencies


def test_tasks_stand_in_the_private_subnets_behind_their_own_group_without_a_public_address() -> None:
    assert service(plain())["networkConfiguration"] == {
        "assignPublicIp": False,
        "securityGroups": ["green-fargate-instances-id"],
        "subnets": ["subnet-c", "subnet-d"],
    }
    assert service(plain())["loadBalancers"] == [
        {
            "targetGroupArn": "arn:aws:lb/targetGroup:TargetGroup:green-fargate-targets",
            "containerName": "app",
            "containerPort": 8080,
        }
    ]


def test_only_the_balancer_reaches_a_task_and_on_its_containers_port() -> None:
    world = on_fargate({**DEV, "bluegreen:port": 3000})
    rule = world.one("green-fargate-from-balancer").inputs
    assert (rule["fromPort"], rule["toPort"]) == (3000, 3000)
    assert rule["referencedSecurityGroupId"] == "balancer-access-id"
    assert service(world)["loadBalancers"][0]["containerPort"] == 3000
    assert container(world)["portMappings"] == [{"containerPort": 3000, "hostPort": 3000, "protocol": "tcp"}]
    # A target group's port can't be changed; each task registers with its own.
    assert world.one("green-fargate-targets").inputs["port"] == 8080
    assert world.one("green-compose-from-balancer").inputs["fromPort"] == 8080


def test_deployments_are_rolling_ones_that_take_themselves_back() -> None:
    found = service(plain())
    assert (found["deploymentMinimumHealthyPercent"], found["deploymentMaximumPercent"]) == (50, 200)
    assert found["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert found["waitForSteadyState"] is False
    assert "forceNewDeployment" not in found


def test_a_container_is_locked_down() -> None:
    found = container(plain())
    assert found["readonlyRootFilesystem"] is True
    assert found["linuxParameters"] == {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}
    assert "privileged" not in found
    assert "user" not in found  # the image's own
    assert container(full())["user"] == "1000:1000"
    mounts = [(one["containerPath"], one["readOnly"]) for one in container(full())["mountPoints"]]
    assert mounts == [("/tmp", False), ("/var/cache/app", False)]
    names = [one["name"] for one in full().one("green-2-task").inputs["volumes"]]
    assert names == [one["sourceVolume"] for one in container(full())["mountPoints"]]
    loose = on_fargate({**DEV, "bluegreen:fargate": {"readOnly": False}})
    assert (container(loose)["readonlyRootFilesystem"], container(loose)["mountPoints"]) == (False, [])
    assert "volumes" not in loose.one("green-2-task").inputs


def test_a_container_is_checked_from_inside_and_given_time() -> None:
    url = "http://127.0.0.1:8080/health/deep"
    assert container(plain())["healthCheck"] == {
        "command": ["CMD-SHELL", f"curl -fsS -o /dev/null {url} || wget -q -O /dev/null {url} || exit 1"],
        "interval": 30,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 60,
    }
    assert container(full())["healthCheck"]["command"] == ["CMD-SHELL", "/app/check --fast"]
    assert container(full())["stopTimeout"] == 90
    unchecked = on_fargate({**DEV, "bluegreen:fargate": {"healthCheck": {"enabled": False}}})
    assert "healthCheck" not in container(unchecked)


def test_no_health_path_runs_a_command_of_its_own() -> None:
    world = on_fargate({**DEV, "bluegreen:healthCheck": {"path": "/h?a=1&touch=(b);c"}})
    assert "'http://127.0.0.1:8080/h?a=1&touch=(b);c'" in container(world)["healthCheck"]["command"][1]


def test_the_log_goes_to_the_colors_group_and_never_stops_the_app() -> None:
    logs = container(plain())["logConfiguration"]
    assert logs["logDriver"] == "awslogs"
    assert logs["options"]["awslogs-group"] == "/bluegreen/shop/dev/green"
    assert (logs["options"]["awslogs-region"], logs["options"]["mode"]) == (REGION, "non-blocking")
    assert "logs-green" in plain().one("green-2-service").needs


def test_settings_reach_the_definition_as_they_reach_an_instance() -> None:
    told = {one["name"]: one["value"] for one in container(full())["environment"]}
    assert (
        told.items()
        >= {
            "MODE": "live",
            "PORT": "8080",
            "BLUEGREEN_COLOR": "green",
            "BLUEGREEN_FILL": "2",
            "BLUEGREEN_STACK": "dev",
        }.items()
    )
    assert container(full())["secrets"] == [
        {"name": "API_KEY", "valueFrom": secret_arn("shop/api")},
        {"name": "DB_PASSWORD", "valueFrom": f"{secret_arn('shop/database')}:password::"},
    ]
    assert container(full())["image"] == IMAGE.replace(":1.1.0", "")
    definition = full().one("green-2-task").inputs
    assert (definition["cpu"], definition["memory"], definition["networkMode"]) == ("1024", "4096", "awsvpc")
    assert definition["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    assert definition["ephemeralStorage"] == {"sizeInGib": 40}
    assert definition["skipDestroy"] is True
    assert definition["family"] == "shop-dev-green-2"


def test_nobody_but_ecs_for_this_account_takes_the_roles() -> None:
    for kind in ("execution", "task"):
        (statement,) = json.loads(plain().one(f"green-2-{kind}-role").inputs["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    definition = plain().one("green-2-task").inputs
    assert definition["executionRoleArn"].endswith(":green-2-execution-role")
    assert definition["taskRoleArn"].endswith(":green-2-task-role")


def test_the_execution_role_may_pull_log_and_fetch_and_nothing_else() -> None:
    assert {sid: one["Action"] for sid, one in policy(plain(), "green-2-execution-policy").items()} == {
        "Log": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "RegistryLogin": "ecr:GetAuthorizationToken",
        "Pull": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    found = policy(full(), "green-2-execution-policy")
    assert found["Secrets"]["Resource"] == [secret_arn("shop/database"), secret_arn("shop/api")]
    assert found["SecretKeys"]["Resource"] == KEY
    assert found["Pull"]["Resource"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop"
    assert plain().one("green-2-execution-policy").inputs["role"] == "green-2-execution-role-0a1b2c3"
    assert "green-2-execution-policy" in plain().one("green-2-service").needs


def test_a_task_itself_may_do_nothing_but_open_a_shell_where_that_is_set() -> None:
    assert plain().named("green-2-task-policy") == []
    assert service(plain())["enableExecuteCommand"] is False
    shell = on_fargate({**DEV, "bluegreen:fargate": {"exec": True, "readOnly": False}})
    (statement,) = policy(shell, "green-2-task-policy").values()
    assert {action.partition(":")[0] for action in statement["Action"]} == {"ssmmessages"}
    assert service(shell)["enableExecuteCommand"] is True
    assert "green-2-task-policy" in shell.one("green-2-service").dependencies
    assert container(shell)["linuxParameters"] == {"initProcessEnabled": True}


# (Sid, resource as far as its star) -> why it can't be narrower.
REASONS = {
    ("Log", "log-group:/bluegreen/shop/dev/green:*"): "the streams of one log group, its own",
    ("RegistryLogin", "*"): "GetAuthorizationToken knows no resources; what it opens is under Pull",
    ("Session", "*"): "Session Manager's calls know no resources (service authorization reference)",
}


def test_every_star_has_a_reason() -> None:
    config = {**FULL, "bluegreen:fargate": {"exec": True, "readOnly": False}}
    world = on_fargate(config, World(secrets=dict(SECRETS), secret_keys={"shop/api": KEY}))
    found = set()
    for name in ("green-2-execution-policy", "green-2-task-policy"):
        for sid, statement in policy(world, name).items():
            assert "*" not in json.dumps(statement["Action"])
            resources = statement["Resource"]
            for one in [resources] if isinstance(resources, str) else resources:
                if "*" in one:
                    found.add((sid, one.partition(f"{ACCOUNT}:")[2] or "*"))
    assert found == set(REASONS)


def test_the_floor_is_the_lower_bound_and_the_count_is_the_scalers_after_creation() -> None:
    bounds = plain().one("green-2-bounds").inputs
    assert bounds["resourceId"] == "service/cluster-0a1b2c3/green-2-service-0a1b2c3"
    assert (bounds["minCapacity"], bounds["maxCapacity"]) == (2, 10)
    assert service(plain())["desiredCount"] == 2
    assert plain().one("green-2-service").ignored == ("desiredCount",)
    grown = on_fargate(FULL, World(secrets=dict(SECRETS)), floor=12).one("green-2-bounds").inputs
    assert (grown["minCapacity"], grown["maxCapacity"]) == (12, 12)


def test_capacity_follows_processor_and_requests_per_target() -> None:
    found = {
        key: full().one(f"green-2-{key}").inputs["targetTrackingScalingPolicyConfiguration"]
        for key in ("cpu", "requests")
    }
    assert found["cpu"]["predefinedMetricSpecification"] == {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}
    assert found["requests"]["predefinedMetricSpecification"] == {
        "predefinedMetricType": "ALBRequestCountPerTarget",
        "resourceLabel": "app/balancer/1/targetgroup/green-fargate-targets/1",
    }
    assert (found["cpu"]["targetValue"], found["requests"]["targetValue"]) == (60, 1000)
    assert plain().named("green-2-cpu") == []
    quarter = on_fargate({**FULL, "bluegreen:compose": {"carries": 4}}, World(secrets=dict(SECRETS)))
    config = quarter.one("green-2-requests").inputs["targetTrackingScalingPolicyConfiguration"]
    assert config["targetValue"] == 250


def test_a_share_on_spot_keeps_one_task_off_it() -> None:
    assert (service(plain())["launchType"], "capacityProviderStrategies" in service(plain())) == ("FARGATE", False)
    assert "launchType" not in service(full())
    assert service(full())["capacityProviderStrategies"] == [
        {"base": 1, "capacityProvider": "FARGATE", "weight": 30},
        {"capacityProvider": "FARGATE_SPOT", "weight": 70},
    ]
    assert "cluster-providers" in full().one("green-2-service").dependencies


def test_every_input_is_one_that_pulumi_aws_has() -> None:
    for world in (plain(), full()):
        found = [
            fault
            for one in world.resources
            if one.type.startswith("aws:")
            for fault in faults(one.inputs, arguments_of(one.type), f"{one.type} {one.name}")
        ]
        assert found == []


def _later(kind: str) -> World:
    """The next update after a deploy, with other settings."""
    world = World()
    world.parameters["record"] = plain().parameters["record"]
    was = world.deployed
    transition = Transition("shift", 10, 1, stamp(NOW), stamp(NOW))
    wishes = {
        "rest": was.record,
        "shift": shifted(was, NOW, transition),
        "flip": flipped(was, NOW),
        "floors": floored(was, NOW, {"green": 4}),
        "retire": floored(was, NOW, {"green": 0}),
    }
    changed = {
        **DEV,
        "bluegreen:port": 3000,
        "bluegreen:environment": {"MODE": "other"},
        "bluegreen:fargate": {"cpu": 1024, "memory": 8192, "grace": 7, "spot": 50, "max": 8},
        **to_data(wishes[kind]),
        "basedOn": was.basis,
    }
    return world.up(changed)


@pytest.mark.parametrize("kind", ["rest", "shift", "flip", "floors", "retire"])
def test_no_update_but_its_own_changes_what_runs(kind: str) -> None:
    world = _later(kind)
    for name in ("task", "service", "execution-role", "execution-policy", "task-role"):
        one = world.one(f"green-2-{name}")
        assert set(one.ignored) == set(every_input(arguments_of(one.type))), name
    ground = world.one("green-fargate-targets")
    assert set(ground.ignored) == set(every_input(arguments_of(ground.type)))


def test_in_place_the_service_keeps_its_definition_until_the_end() -> None:
    world = _later("flip")
    was = world.deployed
    assert was.record.active == "green"
    old, config = was.record.active_slot.digest, {**DEV, "bluegreen:environment": {"MODE": "other"}}

    def wishing(wish: Record) -> World:
        return world.up({**config, **to_data(wish), "basedOn": world.deployed.basis})

    before = world.one("green-2-service").inputs
    wishing(replaced(was, Release("fargate", IMAGE.replace("b2", "c3"), "r1"), NOW, {}, stamp(NOW)))
    new = world.deployed.record.active_slot.digest
    tasks = {digest: world.one(f"green-2-{digest}-task") for digest in (old, new)}
    assert tasks[new].ignored == () and set(tasks[old].ignored) == set(every_input(arguments_of(tasks[old].type)))
    assert "c3c3" in tasks[new].inputs["containerDefinitions"]
    service = world.one("green-2-service")
    assert service.inputs["taskDefinition"] == before["taskDefinition"]
    assert set(service.ignored) == set(every_input(arguments_of(service.type)))
    assert set(world.deployed.templates["green"]) == {old, new}
    assert world.deployed.templates["green"][new].endswith(f"green-2-{new}-task")

    wishing(settled(world.deployed, NOW))
    service = world.one("green-2-service")
    assert service.inputs["taskDefinition"].endswith(f"green-2-{new}-task")
    assert set(service.ignored) == set(every_input(arguments_of(service.type))) - {"taskDefinition", "tags"}
    assert [one.name for one in world.resources if old in one.name] == []


def test_floors_move_the_bounds_and_retiring_takes_both_to_nothing() -> None:
    for kind, bounds in (("floors", (4, 8)), ("retire", (0, 0))):
        found = _later(kind).one("green-2-bounds")
        assert (found.inputs["minCapacity"], found.inputs["maxCapacity"]) == bounds
        assert set(found.ignored) == set(every_input(arguments_of(found.type))) - {"minCapacity", "maxCapacity"}


def test_the_color_that_a_rollback_would_go_to_keeps_its_maximum() -> None:
    world = _later("flip")
    held = {**copy_of(world.deployed), "heldUntil": "2026-11-20T13:00:00Z"}
    was = world.deployed
    back = replace(was.record, held_until="2026-11-20T13:00:00Z")
    assert held["heldUntil"] == back.held_until
    shifted_back = World()
    shifted_back.parameters["record"] = world.parameters["record"]
    transition = Transition("shift", 10, 1, stamp(NOW), stamp(NOW))
    moved = shifted_back.up({**DEV, **to_data(shifted(was, NOW, transition)), "basedOn": was.basis})
    # Green serves on Fargate and blue takes over by and by: a rollback goes to green.
    assert set(moved.one("green-2-bounds").ignored) == set(
        every_input(arguments_of("aws:appautoscaling/target:Target"))
    ) - {"minCapacity"}


def test_the_cluster_stays_while_a_release_stands_on_it() -> None:
    world = World()
    world.parameters["record"] = plain().parameters["record"]
    world.up(stack_file("dev"))
    assert world.named("cluster")
    assert world.named("green-2-service")
    assert world.named("green-fargate-targets")
    assert not world.named("blue-fargate-targets")


def digest(**settings: Any) -> str:
    config = {**DEV, **{f"bluegreen:{key}": value for key, value in settings.items()}}
    return release_digest(load(as_config(config), "shop", "dev"), "fargate", IMAGE)


def test_what_reaches_a_release_is_in_its_digest_and_what_does_not_is_not() -> None:
    same = digest()
    for changed in (
        {"port": 3000},
        {"environment": {"A": "b"}},
        {"secrets": {"A": {"secret": "a"}}},
        {"tags": {"team": "other"}},
        {"drain": 33},
        {"fargate": {"cpu": 1024, "memory": 2048}},
        {"fargate": {"memory": 2048}},
        {"fargate": {"architecture": "arm64"}},
        {"fargate": {"spot": 10}},
        {"fargate": {"user": "1000"}},
        {"fargate": {"writable": []}},
        {"fargate": {"healthCheck": {"retries": 5}}},
    ):
        assert digest(**changed) != same, changed
    for alike in (
        {"fargate": {"min": 1, "max": 20, "desired": 5, "carries": 0.5}},
        {"compose": {"instanceType": "t4g.medium"}},
        {"hold": "3h"},
    ):
        assert digest(**alike) == same, alike


def test_a_definition_that_ecs_would_not_take_is_refused_before_anything_is_made() -> None:
    config = {**DEV, "bluegreen:environment": {f"NAME_{number}": "x" * 8000 for number in range(8)}}
    refusal = refused(World(), config)
    assert "no release can be made" in refusal.refused.what
    assert "65536" in refusal.refused.why
    assert issubclass(RenderingError, Exception)


if __name__ == "__main__":
    for called, made in WORLDS.items():
        (GOLDEN / f"{called}.json").write_text(shown(made()))
