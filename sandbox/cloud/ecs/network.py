"""A task's network interface: an address in one of its subnets, and the security groups that guard it."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.ecs.refusals import invalid


@dataclass
class Interface:
    """As `firewall` looks at an instance."""

    region: str
    vpc_id: str
    private_ip: str
    group_ids: list[str]

    @property
    def ec2_backend(self) -> Any:
        return stores.ec2(self.region)

    @property
    def security_groups(self) -> list[Any]:
        held = self.ec2_backend.groups.get(self.vpc_id, {})
        return [held[id] for id in self.group_ids if id in held]


def check(region: str, network: dict[str, Any] | None) -> None:
    """That a request's network is there. Raises Refused."""
    given = (network or {}).get("awsvpcConfiguration")
    if not given:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    subnets = given.get("subnets") or []
    if not subnets:
        raise invalid("subnets can not be empty.")
    known = _subnets(region)
    for id in subnets:
        if id not in known:
            raise invalid(f"Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist")
    if len({known[id].vpc_id for id in subnets}) > 1:
        raise invalid("subnets must all be in the same VPC.")
    groups = stores.ec2(region).groups.get(known[subnets[0]].vpc_id, {})
    for id in given.get("securityGroups") or []:
        if id not in groups:
            raise invalid(
                f"Error retrieving security group information for [{id}]: The security group '{id}' does not exist"
            )
    if len(given.get("securityGroups") or []) > 5:
        raise invalid("securityGroups can have at most 5 items.")


def place(region: str, network: dict[str, Any], crowd: Iterable[Any]) -> tuple[Any, list[str]]:
    """The subnet for one more task, where its fellows (`crowd`: their subnets) are fewest, and its security groups."""
    given = network["awsvpcConfiguration"]
    known = _subnets(region)
    zones = Counter(subnet.availability_zone for subnet in crowd)
    there = [known[id] for id in given["subnets"] if id in known]
    if not there:
        raise LookupError("the subnets are gone")
    subnet = min(there, key=lambda each: zones[each.availability_zone])
    groups = given.get("securityGroups") or [
        group.id for group in stores.ec2(region).groups.get(subnet.vpc_id, {}).values() if group.name == "default"
    ]
    return subnet, list(groups)


def address(subnet: Any, taken: set[str]) -> str:
    """A free one. `taken`: those of all tasks, so that no two have the same, whatever networks they are in.

    Raises LookupError where the subnet is full.
    """
    hosts = ip_network(subnet.cidr_block).hosts()
    used = taken | set(subnet._subnet_ips)
    found = next((str(each) for each in itertools.islice(hosts, 3, None) if str(each) not in used), None)
    if found is None:
        raise LookupError(f"subnet {subnet.id} has no free addresses")
    return found


def mac() -> str:
    return "0a:" + ":".join(f"{random.randrange(256):02x}" for _ in range(5))


def _subnets(region: str) -> dict[str, Any]:
    return {id: subnet for held in stores.ec2(region).subnets.values() for id, subnet in held.items()}
