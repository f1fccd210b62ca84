"""Finding networks, zones and machine images that are there."""

from __future__ import annotations

import re
from typing import Any

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider import tagging
from sandbox.provider.resource import Job
from sandbox.provider.services import ec2
from sandbox.provider.services.ec2_vpc import Subnet, Vpc
from sandbox.provider.shapes import from_aws


def get_availability_zones(job: Job) -> Properties:
    wanted = job.news
    filters = _filters(wanted, {"state": "state"})
    answer = job.client("ec2").describe_availability_zones(
        AllAvailabilityZones=wanted.get("allAvailabilityZones", False), **filters
    )
    left_out = {*wanted.get("excludeNames", ()), *wanted.get("excludeZoneIds", ())}
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
        if not left_out & {zone["ZoneName"], zone.get("ZoneId")}
    ]
    return {
        **wanted,
        "groupNames": sorted({zone.get("GroupName") or job.region for zone in zones}),
        "id": job.region,
        "names": [zone["ZoneName"] for zone in zones],
        "region": job.region,
        "zoneIds": [zone.get("ZoneId", "") for zone in zones],
    }


def get_vpc(job: Job) -> Properties:
    """Exactly one; with no argument at all the default one."""
    wanted = job.news
    asked: dict[str, Any] = {"VpcIds": [wanted["id"]]} if "id" in wanted else {}
    names = {"cidrBlock": "cidr", "dhcpOptionsId": "dhcp-options-id", "state": "state", "default": "is-default"}
    vpc = _single(job.client("ec2").describe_vpcs(**asked, **_filters(wanted, names))["Vpcs"], "EC2 VPC")
    outputs = Vpc().read(job, vpc["VpcId"]) or {}
    shown = (
        "arn",
        "cidrBlock",
        "dhcpOptionsId",
        "enableDnsHostnames",
        "enableDnsSupport",
        "instanceTenancy",
        "ownerId",
    )
    return {
        **{key: outputs.get(key) for key in (*shown, "enableNetworkAddressUsageMetrics", "mainRouteTableId", "tags")},
        "cidrBlockAssociations": [
            {
                "associationId": held["AssociationId"],
                "cidrBlock": held["CidrBlock"],
                "state": held["CidrBlockState"]["State"],
            }
            for held in vpc.get("CidrBlockAssociationSet", [])
        ],
        "default": vpc.get("IsDefault", False),
        "id": vpc["VpcId"],
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociations": [],
        "region": job.region,
        "state": vpc.get("State", "available"),
        **({"filters": wanted["filters"]} if "filters" in wanted else {}),
    }


_SUBNET_FILTERS = {
    "availabilityZone": "availabilityZone",
    "availabilityZoneId": "availabilityZoneId",
    "cidrBlock": "cidrBlock",
    "defaultForAz": "defaultForAz",
    "state": "state",
    "vpcId": "vpc-id",
}


def get_subnet(job: Job) -> Properties:
    """Exactly one."""
    wanted = job.news
    asked: dict[str, Any] = {"SubnetIds": [wanted["id"]]} if "id" in wanted else {}
    answer = job.client("ec2").describe_subnets(**asked, **_filters(wanted, _SUBNET_FILTERS))
    subnet = _single(answer["Subnets"], "EC2 Subnet")
    outputs = Subnet().read(job, subnet["SubnetId"]) or {}
    outputs.pop("tagsAll", None)
    return {
        "enableDns64": False,
        "enableLniAtDeviceIndex": 0,
        "customerOwnedIpv4Pool": "",
        "mapCustomerOwnedIpOnLaunch": False,
        "outpostArn": "",
        **{key: held if held is not None else "" for key, held in outputs.items()},
        "availableIpAddressCount": subnet.get("AvailableIpAddressCount", 0),
        "defaultForAz": subnet.get("DefaultForAz", False),
        "id": subnet["SubnetId"],
        "region": job.region,
        "state": subnet["State"],
        **({"filters": wanted["filters"]} if "filters" in wanted else {}),
    }


def get_subnets(job: Job) -> Properties:
    """The ids of all that fit; an empty list where none does."""
    pages = job.client("ec2").get_paginator("describe_subnets").paginate(**_filters(job.news, {}))
    found = [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]]
    tags = {"tags": job.news["tags"]} if "tags" in job.news else {}
    return {"filters": job.news.get("filters", []), "id": job.region, "ids": found, "region": job.region, **tags}


def get_route_tables(job: Job) -> Properties:
    """The ids of all that fit; an empty list where none does."""
    pages = job.client("ec2").get_paginator("describe_route_tables").paginate(**_filters(job.news, {"vpcId": "vpc-id"}))
    found = [table["RouteTableId"] for page in pages for table in page["RouteTables"]]
    return {**job.news, "id": job.region, "ids": found, "region": job.region}


def get_ami(job: Job) -> Properties:
    """One, or of several the most recent where that is asked for."""
    wanted = job.news
    owners = {"Owners": wanted["owners"]} if wanted.get("owners") else {}
    images = job.client("ec2").describe_images(**owners, **_filters(wanted, {}))["Images"]
    if "nameRegex" in wanted:
        images = [image for image in images if re.search(wanted["nameRegex"], image.get("Name", ""))]
    if len(images) > 1 and not wanted.get("mostRecent"):
        raise ProviderError(
            "Your query returned more than one result. Please try a more specific search criteria, or set `mostRecent`."
        )
    if not images:
        raise ProviderError("Your query returned no results. Please change your search criteria and try again.")
    image = max(images, key=lambda image: str(image.get("CreationDate", "")))
    outputs = from_aws({name: held for name, held in image.items() if name not in ("Tags", "BlockDeviceMappings")})
    kept = ("architecture", "creationDate", "description", "enaSupport", "hypervisor", "imageId", "imageLocation")
    also = ("imageType", "name", "ownerId", "platform", "platformDetails", "public", "rootDeviceName", "rootDeviceType")
    return {
        **{key: outputs[key] for key in (*kept, *also, "state", "virtualizationType") if key in outputs},
        "arn": f"arn:aws:ec2:{job.region}::image/{image['ImageId']}",
        "id": image["ImageId"],
        "imageOwnerAlias": image.get("ImageOwnerAlias", ""),
        "mostRecent": bool(wanted.get("mostRecent", False)),
        "owners": wanted.get("owners", []),
        "region": job.region,
        "tags": tagging.as_map(image.get("Tags")),
        **{key: wanted[key] for key in ("filters", "nameRegex") if key in wanted},
    }


def _filters(wanted: Properties, names: dict[str, str]) -> dict[str, Any]:
    filters = [{"Name": name, "Values": [ec2_text(wanted[key])]} for key, name in names.items() if key in wanted]
    filters += [{"Name": held["name"], "Values": list(held["values"])} for held in wanted.get("filters", [])]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (wanted.get("tags") or {}).items()]
    return {"Filters": filters} if filters else {}


def ec2_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _single(found: list[Any], label: str) -> Any:
    if len(found) > 1:
        raise ProviderError(
            f"multiple {label}s matched; use additional constraints to reduce matches to a single {label}"
        )
    if not found:
        raise ProviderError(f"no matching {label} found")
    return ec2.only(found)


LOOKUPS = {
    "aws:ec2/getAmi:getAmi": get_ami,
    "aws:ec2/getRouteTables:getRouteTables": get_route_tables,
    "aws:ec2/getSubnet:getSubnet": get_subnet,
    "aws:ec2/getSubnets:getSubnets": get_subnets,
    "aws:ec2/getVpc:getVpc": get_vpc,
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
}
