"""Load balancers: names, subnets and attributes that AWS refuses, and deletion protection."""

import re
from typing import Any

from moto.elbv2.responses import ELBV2Response

from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_BOOLEAN = re.compile(r"\.(enabled|deny_all_igw_traffic)$")
_SECONDS = {"idle_timeout.timeout_seconds": (1, 4000), "client_keep_alive.seconds": (60, 604800)}


def install(seam: Seam) -> None:
    @seam.around(ELBV2Response, "create_load_balancer")
    def create(original: Any, response: Any) -> Any:
        params = response._get_params()
        _check_name(response, params.get("Name") or "")
        if params.get("Type") in (None, "application"):
            _check_subnets(response, params)
            _check_security_groups(response, params.get("SecurityGroups") or [])
        return original(response)

    @seam.around(ELBV2Response, "delete_load_balancer")
    def delete(original: Any, response: Any) -> Any:
        arn = response._get_params()["LoadBalancerArn"]
        balancer = response.elbv2_backend.load_balancers.get(arn)
        if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise Refused(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        return original(response)

    @seam.around(ELBV2Response, "modify_load_balancer_attributes")
    def modify_attributes(original: Any, response: Any) -> Any:
        for attribute in response._get_params().get("Attributes") or []:
            _check_attribute(attribute["Key"], str(attribute.get("Value", "")))
        return original(response)


def _check_name(response: Any, name: str) -> None:
    if not _NAME.fullmatch(name) or name.startswith("internal-"):
        raise Refused(
            "ValidationError",
            f"Load balancer name '{name}' can only contain characters that are alphanumeric characters and hyphens(-), "
            "32 at most, and must not begin with 'internal-' or begin or end with '-'",
        )
    if any(balancer.name == name for balancer in response.elbv2_backend.load_balancers.values()):
        raise Refused(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{name}' exists, but with different settings",
        )


def _check_subnets(response: Any, params: dict[str, Any]) -> None:
    ids = list(params.get("Subnets") or []) + [each["SubnetId"] for each in params.get("SubnetMappings") or []]
    ec2 = response.elbv2_backend.ec2_backend
    known = {subnet.id: subnet for held in ec2.subnets.values() for subnet in held.values()}
    if missing := [id for id in ids if id not in known]:
        raise Refused("SubnetNotFound", f"The subnet ID '{missing[0]}' is not valid")
    zones = [known[id].availability_zone for id in ids]
    if len(set(zones)) < 2:
        raise Refused("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len(set(zones)) < len(zones):
        raise Refused(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    vpc = known[ids[0]].vpc_id
    attached = any(gateway.vpc and gateway.vpc.id == vpc for gateway in ec2.internet_gateways.values())
    if (params.get("Scheme") or "internet-facing") == "internet-facing" and not attached:
        raise Refused("InvalidSubnet", f"VPC {vpc} has no internet gateway")


def _check_security_groups(response: Any, ids: list[str]) -> None:
    ec2 = response.elbv2_backend.ec2_backend
    for id in ids:
        if ec2.get_security_group_from_id(id) is None:
            raise Refused("InvalidSecurityGroup", f"One or more security groups are invalid: '{id}'")


def _check_attribute(key: str, value: str) -> None:
    if _BOOLEAN.search(key) and value not in ("true", "false"):
        raise Refused(
            "InvalidConfigurationRequest", f"Load balancer attribute '{key}' must be 'true' or 'false', not '{value}'"
        )
    if key in _SECONDS:
        low, high = _SECONDS[key]
        if not value.isdigit() or not low <= int(value) <= high:
            raise Refused(
                "InvalidConfigurationRequest",
                f"Load balancer attribute '{key}' must be between {low} and {high}, inclusive, not '{value}'",
            )
