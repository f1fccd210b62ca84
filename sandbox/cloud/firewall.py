"""Security groups between a load balancer and an instance: whether the one gets through to the other's port."""

import ipaddress
from functools import lru_cache
from typing import Any

# Every target's groups are asked at every step, and reading addresses is what that costs.
ip_address = lru_cache(4096)(ipaddress.ip_address)
ip_network = lru_cache(4096)(ipaddress.ip_network)


def admits(balancer: Any, instance: Any, port: int) -> bool:
    """Whether the balancer's groups let it out and the instance's groups let it in.

    A balancer without groups of its own has its VPC's default one, as on AWS.
    """
    senders = _groups_of(balancer, instance.ec2_backend)
    receivers = instance.security_groups
    networks = [ip_network(subnet.cidr_block) for subnet in balancer.subnets]
    address = ip_address(instance.private_ip or "0.0.0.0")

    def from_the_balancer(rule: Any) -> bool:
        return _names(rule, senders) or any(all(each.subnet_of(cidr) for each in networks) for cidr in _cidr(rule))

    def to_the_instance(rule: Any) -> bool:
        return _names(rule, receivers) or any(address in cidr for cidr in _cidr(rule))

    leaves = any(_covers(rule, port) and to_the_instance(rule) for group in senders for rule in group.egress_rules)
    enters = any(_covers(rule, port) and from_the_balancer(rule) for group in receivers for rule in group.ingress_rules)
    return leaves and enters


def _groups_of(balancer: Any, ec2: Any) -> list[Any]:
    held = ec2.groups.get(balancer.vpc_id, {})
    if balancer.security_groups:
        return [held[id] for id in balancer.security_groups if id in held]
    return [group for group in held.values() if group.name == "default"]


def _covers(rule: Any, port: int) -> bool:
    if str(rule.ip_protocol) == "-1":
        return True
    return str(rule.ip_protocol) in ("tcp", "6") and int(rule.from_port) <= port <= int(rule.to_port)


def _names(rule: Any, groups: list[Any]) -> bool:
    return (rule.source_group or {}).get("GroupId") in {group.id for group in groups}


def _cidr(rule: Any) -> list[Any]:
    cidr = (rule.ip_range or {}).get("CidrIp")
    return [ip_network(cidr, strict=False)] if cidr else []
