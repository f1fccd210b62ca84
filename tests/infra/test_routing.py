"""The load balancer, its listeners, and the rules that carry the weights."""

from __future__ import annotations

from typing import Any

import pytest

from infra.record import Transition, to_data, weights
from infra.steps import flipped, shifted
from tests.infra.world import NOW, World, at_rest, both_filled, stack_file

DEV, PROD = stack_file("dev"), stack_file("prod")
NOTHING = {
    "type": "fixed-response",
    "fixedResponse": {"statusCode": "404", "contentType": "text/plain", "messageBody": "no such service"},
}


def shares(world: World) -> list[tuple[str, int]]:
    (action,) = world.one("production-rule").inputs["actions"]
    return [(group["arn"].rpartition(":")[2], group["weight"]) for group in action["forward"]["targetGroups"]]


def test_without_a_certificate_there_is_http_and_a_test_listener(first: World) -> None:
    listeners = {found.name: found.inputs for found in first.of_type("aws:lb/listener:Listener")}
    assert {name: (given["port"], given["protocol"]) for name, given in listeners.items()} == {
        "production-listener": (80, "HTTP"),
        "test-listener": (9001, "HTTP"),
    }
    assert all(given["defaultActions"] == [NOTHING] for given in listeners.values())


def test_with_a_certificate_https_ends_at_the_balancer_and_http_redirects(world: World) -> None:
    world.up(PROD, "prod")
    listeners = {found.name: found.inputs for found in world.of_type("aws:lb/listener:Listener")}
    assert {name: (given["port"], given["protocol"]) for name, given in listeners.items()} == {
        "production-listener": (443, "HTTPS"),
        "test-listener": (8443, "HTTPS"),
        "redirect-listener": (80, "HTTP"),
    }
    for name in ("production-listener", "test-listener"):
        assert listeners[name]["certificateArn"].startswith("arn:aws:acm:")
        assert "TLS13" in listeners[name]["sslPolicy"]
        assert listeners[name]["defaultActions"] == [NOTHING]
    (action,) = listeners["redirect-listener"]["defaultActions"]
    assert action["redirect"] == {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}


def test_the_balancer_drops_malformed_headers_and_waits_as_long_as_set(world: World) -> None:
    balancer = world.up({**DEV, "bluegreen:balancer": {"idleTimeout": 120}}).one("balancer").inputs
    assert balancer["dropInvalidHeaderFields"] is True
    assert balancer["idleTimeout"] == 120
    assert balancer["internal"] is False


def test_both_groups_are_in_the_rule_in_fixed_order_whatever_is_active(world: World) -> None:
    both_filled(world)
    world.up(DEV)
    assert shares(world) == [("blue-compose-targets", 100), ("green-compose-targets", 0)]
    was = world.deployed
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert shares(world) == [("blue-compose-targets", 0), ("green-compose-targets", 100)]


def test_a_shift_sets_the_weights_of_its_record(world: World) -> None:
    was = both_filled(world)
    shift = Transition("shift", 10, 1, "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z")
    world.up({**DEV, **to_data(shifted(was, NOW, shift)), "basedOn": was.basis})
    assert shares(world) == [("blue-compose-targets", 90), ("green-compose-targets", 10)]
    assert weights(world.deployed.record) == {"blue": 90, "green": 10}


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, {"enabled": False, "duration": 1}), (600, {"enabled": True, "duration": 600})]
)
def test_stickiness_is_said_in_every_write(world: World, seconds: int, expected: dict[str, Any]) -> None:
    world.up({**DEV, "bluegreen:balancer": {"stickiness": seconds}})
    (action,) = world.one("production-rule").inputs["actions"]
    assert action["forward"]["stickiness"] == expected


def test_the_test_rule_sends_to_the_standby(world: World) -> None:
    def group() -> str:
        (action,) = world.one("test-rule").inputs["actions"]
        return str(action["targetGroupArn"].rpartition(":")[2])

    both_filled(world)
    world.up(DEV)
    assert group() == "green-compose-targets"
    was = world.deployed
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    assert group() == "blue-compose-targets"


def test_rules_stand_on_their_listeners_and_match_what_is_set(world: World) -> None:
    world.up({**DEV, "bluegreen:balancer": {"path": "/shop/*", "host": "api.shop.example"}})
    for name in ("production", "test"):
        rule = world.one(f"{name}-rule").inputs
        assert rule["listenerArn"].endswith(f":{name}-listener")
        assert rule["conditions"] == [
            {"pathPattern": {"values": ["/shop/*"]}},
            {"hostHeader": {"values": ["api.shop.example"]}},
        ]
    assert world.deployed.url == "http://api.shop.example/shop"


def test_addresses_are_the_balancers_own_unless_a_host_is_named(world: World) -> None:
    world.up(PROD, "prod")
    assert world.deployed.url == "https://balancer-1.eu-central-1.elb.amazonaws.com"
    wild = World().up({**DEV, "bluegreen:balancer": {"host": "*.shop.example"}})
    assert wild.deployed.url == "http://balancer-1.eu-central-1.elb.amazonaws.com"


@pytest.mark.parametrize(
    ("protect", "held"),
    [
        (True, {"balancer", "production-rule", "test-rule", "record", "ground-guard", "blue-guard", "green-guard"}),
        (False, set()),
    ],
)
def test_where_settings_say_so_balancer_rules_record_and_guards_are_protected(
    world: World, protect: bool, held: set[str]
) -> None:
    world.up({**DEV, "bluegreen:protect": protect})
    assert {found.name for found in world.resources if found.protected} == held


def test_deletion_protection_is_awss_own_and_set_apart(world: World) -> None:
    assert world.up(DEV).one("balancer").inputs["enableDeletionProtection"] is False
    assert World().up(PROD, "prod").one("balancer").inputs["enableDeletionProtection"] is True


def test_a_stack_can_be_found_by_the_tags_of_its_balancer(first: World) -> None:
    tags = first.one("balancer").inputs["tags"]
    assert tags.items() >= {"bluegreen:project": "shop", "bluegreen:stack": "dev"}.items()


def test_the_health_check_is_the_settings(world: World) -> None:
    checks = {"path": "/up", "interval": 20, "timeout": 4, "healthy": 3, "unhealthy": 4, "matcher": "200-204"}
    world.up({**DEV, "bluegreen:healthCheck": checks, "bluegreen:drain": "45"})
    for color in ("blue", "green"):
        group = world.one(f"{color}-compose-targets").inputs
        assert group["targetType"] == "instance"
        assert group["deregistrationDelay"] == 45
        assert group["healthCheck"] == {
            "path": "/up",
            "protocol": "HTTP",
            "port": "traffic-port",
            "interval": 20,
            "timeout": 4,
            "healthyThreshold": 3,
            "unhealthyThreshold": 4,
            "matcher": "200-204",
        }
        assert "name" not in group


def test_only_rules_and_record_differ_between_two_records_of_a_shift(world: World) -> None:
    """What makes a targeted update enough: nothing else hangs on which color is active."""
    was = both_filled(world)
    before = {(found.type, found.name): found for found in at_rest().resources}
    world.up({**DEV, **to_data(flipped(was, NOW)), "basedOn": was.basis})
    differing = {found.name for found in world.resources if found.said != before[found.type, found.name].said}
    assert differing == {"production-rule", "test-rule", "record"}
