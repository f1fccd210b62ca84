"""The network and who may pass where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.world import World, bundle_of, stack_file

DEV = stack_file("dev")
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
EXISTING = {
    "vpc": "vpc-0123456789abcdef0",
    "publicSubnets": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "privateSubnets": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
}


@pytest.mark.parametrize(("stack", "nat"), [("dev", "Single"), ("prod", "OnePerAz")])
def test_a_vpc_of_its_own_spans_two_zones_with_nat_as_set(world: World, stack: str, nat: str) -> None:
    vpc = world.up(stack_file(stack), stack).of_type("awsx:ec2:Vpc")[0].inputs
    assert vpc["numberOfAvailabilityZones"] == 2
    assert vpc["natGateways"] == {"strategy": nat}
    assert vpc["enableDnsHostnames"] is True


def test_an_existing_vpc_is_used_and_none_is_made(world: World) -> None:
    world.up({**DEV, "bluegreen:network": EXISTING})
    assert world.of_type("awsx:ec2:Vpc") == []
    assert world.one("balancer").inputs["subnets"] == EXISTING["publicSubnets"]
    assert world.one("blue-1-group").inputs["vpcZoneIdentifiers"] == EXISTING["privateSubnets"]
    assert world.one("blue-compose-targets").inputs["vpcId"] == EXISTING["vpc"]


def test_the_balancer_is_public_and_the_instances_are_not(first: World) -> None:
    assert first.one("balancer").inputs["subnets"] == ["subnet-a", "subnet-b"]
    assert first.one("blue-1-group").inputs["vpcZoneIdentifiers"] == ["subnet-c", "subnet-d"]
    (interface,) = first.one("blue-1-template").inputs["networkInterfaces"]
    assert interface["associatePublicIpAddress"] == "false"
    assert interface["securityGroups"] == ["blue-compose-instances-id"]


def test_the_port_of_an_app_is_its_containers_and_never_its_target_groups(world: World) -> None:
    """A group's port is part of its identity: it would be replaced, under the release that stands on it."""
    world.up({**DEV, "bluegreen:port": "9000"})
    assert world.one("blue-compose-targets").inputs["port"] == 8080
    files = bundle_of(world, "blue-1")
    assert "PORT: '9000'" in files["compose.yaml"].replace('"', "'")
    assert "BLUEGREEN_PORT=8080" in files["release.env"]


def _doors(world: World, group: str) -> list[tuple[Any, ...]]:
    return sorted(
        (rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs.get("cidrIpv4") or rule.inputs.get("cidrIpv6"))
        for rule in world.of_type(INGRESS)
        if rule.inputs["securityGroupId"] == f"{group}-id"
    )


@pytest.mark.parametrize("color", ["blue", "green"])
def test_instances_are_reachable_from_the_balancer_only_and_on_their_port_only(world: World, color: str) -> None:
    world.up({**DEV, "bluegreen:port": "9000"})
    group = f"{color}-compose-instances-id"
    (rule,) = [one.inputs for one in world.of_type(INGRESS) if one.inputs["securityGroupId"] == group]
    assert rule["referencedSecurityGroupId"] == "balancer-access-id"
    assert (rule["fromPort"], rule["toPort"], rule["ipProtocol"]) == (8080, 8080, "tcp")
    assert "cidrIpv4" not in rule
    assert "ingress" not in world.one(f"{color}-compose-instances").inputs


def test_the_balancer_itself_reaches_the_instances_only(first: World) -> None:
    out = [one.inputs for one in first.of_type(EGRESS) if one.inputs["securityGroupId"] == "balancer-access-id"]
    assert {rule["referencedSecurityGroupId"] for rule in out} == {
        "blue-compose-instances-id",
        "green-compose-instances-id",
    }
    assert all((rule["fromPort"], rule["toPort"]) == (8080, 8080) for rule in out)
    assert "egress" not in first.one("balancer-access").inputs


def test_the_test_listener_is_closed_but_for_the_networks_that_are_named(world: World) -> None:
    closed = {"bluegreen:balancer": {"allowedCidrs": ["198.51.100.0/24"]}}
    assert _doors(world.up({**DEV, **closed}), "balancer-access") == [(80, 80, "198.51.100.0/24")]
    opened = {"bluegreen:balancer": {"testCidrs": ["203.0.113.0/24", "2001:db8::/32"], "testPort": 9100}}
    assert _doors(World().up({**DEV, **opened}), "balancer-access") == [
        (80, 80, "0.0.0.0/0"),
        (9100, 9100, "2001:db8::/32"),
        (9100, 9100, "203.0.113.0/24"),
    ]
