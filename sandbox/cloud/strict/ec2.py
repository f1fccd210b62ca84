"""EC2: what can't be deleted while something depends on it, and user data that is too long."""

import base64
from collections.abc import Iterator
from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.internet_gateways import InternetGateways
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.subnets import Subnets
from moto.ec2.responses.vpcs import VPCs

from sandbox.cloud import stores
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

USER_DATA_BYTES = 16384  # before base64


def install(seam: Seam) -> None:
    _network(seam)

    @seam.around(SecurityGroups, "delete_security_group")
    def delete_security_group(original: Any, response: Any) -> Any:
        id = response._get_param("GroupId")
        group = response.ec2_backend.get_security_group_from_id(id) if id else None
        if group is not None:
            if group.name == "default":
                raise Refused(
                    "CannotDelete", f'the specified group: "{id}" name: "default" cannot be deleted by a user'
                )
            if any(_users_of(response, id)):
                raise Refused("DependencyViolation", f"resource {id} has a dependent object")
        return original(response)

    @seam.around(LaunchTemplate, "create_version")
    def create_version(original: Any, template: Any, data: dict[str, Any], description: str) -> Any:
        user_data = data.get("UserData")
        if user_data is not None and len(base64.b64decode(str(user_data))) > USER_DATA_BYTES:
            raise Refused("InvalidUserData.Malformed", f"User data is limited to {USER_DATA_BYTES} bytes")
        return original(template, data, description)


def _network(seam: Seam) -> None:
    @seam.around(Subnets, "delete_subnet")
    def delete_subnet(original: Any, response: Any) -> Any:
        id = response._get_param("SubnetId")
        if any(_tenants_of(response, id)):
            raise Refused("DependencyViolation", f"The subnet '{id}' has dependencies and cannot be deleted.")
        return original(response)

    @seam.around(InternetGateways, "detach_internet_gateway")
    def detach(original: Any, response: Any) -> Any:
        vpc = response._get_param("VpcId")
        public = any(
            balancer.vpc_id == vpc and balancer.scheme == "internet-facing" for balancer in _balancers(response)
        ) or any(gateway.vpc_id == vpc and gateway.state != "deleted" for gateway in _nat_gateways(response))
        if public:
            raise Refused(
                "DependencyViolation",
                f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway.",
            )
        return original(response)

    @seam.around(VPCs, "delete_vpc")
    def delete_vpc(original: Any, response: Any) -> Any:
        id = response._get_param("VpcId")
        backend = response.ec2_backend
        gateways = [gateway for gateway in backend.internet_gateways.values() if gateway.vpc and gateway.vpc.id == id]
        groups = [group for group in backend.groups.get(id, {}).values() if group.name != "default"]
        if gateways or groups:
            raise Refused("DependencyViolation", f"The vpc '{id}' has dependencies and cannot be deleted.")
        return original(response)


def _balancers(response: Any) -> list[Any]:
    return list(stores.elbv2(response.region).load_balancers.values())


def _nat_gateways(response: Any) -> list[Any]:
    return list(response.ec2_backend.nat_gateways.values())


def _instances(response: Any) -> list[Any]:
    return [instance for instance in response.ec2_backend.all_instances() if instance.state != "terminated"]


def _users_of(response: Any, id: str) -> Iterator[Any]:
    """What uses a security group: instances, load balancers, rules of other groups."""
    yield from (each for each in _instances(response) if any(group.id == id for group in each.security_groups))
    yield from (balancer for balancer in _balancers(response) if id in (balancer.security_groups or []))
    for held in response.ec2_backend.groups.values():
        for other in held.values():
            rules = [*other.ingress_rules, *other.egress_rules] if other.id != id else []
            yield from (rule for rule in rules if (rule.source_group or {}).get("GroupId") == id)


def _tenants_of(response: Any, id: str) -> Iterator[Any]:
    """What lives in a subnet: instances, load balancers, NAT gateways."""
    yield from (each for each in _instances(response) if each.subnet_id == id)
    yield from (balancer for balancer in _balancers(response) if any(subnet.id == id for subnet in balancer.subnets))
    yield from (each for each in _nat_gateways(response) if each.subnet_id == id and each.state != "deleted")
