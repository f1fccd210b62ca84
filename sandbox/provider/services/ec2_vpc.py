"""VPCs, subnets and internet gateways."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, flag, text
from sandbox.provider.services import ec2
from sandbox.provider.tagging import TAGS

_VPC_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}
_SUBNET_ATTRIBUTES = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "enableDns64": "EnableDns64",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
    "privateDnsHostnameTypeOnLaunch": "PrivateDnsHostnameTypeOnLaunch",
}


class Vpc(Resource):
    """Of IPv4: the sandbox has no other addresses."""

    token = "aws:ec2/vpc:Vpc"
    label = "EC2 VPC"
    gone = frozenset({"InvalidVpcID.NotFound"})
    inputs: ClassVar[Fields] = {
        "cidrBlock": text(kept=True, replaces=True),
        "instanceTenancy": text("default", "dedicated", default="default"),
        "enableDnsSupport": flag(True),
        "enableDnsHostnames": flag(kept=True),
        "enableNetworkAddressUsageMetrics": flag(kept=True),
        **TAGS,
    }
    computed = (
        "arn",
        "defaultNetworkAclId",
        "defaultRouteTableId",
        "defaultSecurityGroupId",
        "dhcpOptionsId",
        "mainRouteTableId",
        "ownerId",
        "tagsAll",
    )

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if "cidrBlock" not in news:
            return [("cidrBlock", "the sandbox has no IPAM: `cidrBlock` must be specified")]
        return []

    def adjust(self, changes: Any, olds: Properties, news: Properties) -> Any:
        if ("instanceTenancy",) in changes and news.get("instanceTenancy") == "dedicated":
            from sandbox.engine.protocol import Change

            # AWS only ever changes a VPC's tenancy to `default`.
            return {**changes, ("instanceTenancy",): Change.UPDATE_REPLACE}
        return changes

    def create(self, job: Job) -> str:
        answer = job.client("ec2").create_vpc(
            CidrBlock=job.news["cidrBlock"],
            InstanceTenancy=job.news["instanceTenancy"],
            **ec2.tagged("vpc", job.news.get("tags")),
        )
        return str(answer["Vpc"]["VpcId"])

    def settle(self, job: Job, id_: str) -> None:
        wanted = {"enableDnsSupport": True, "enableDnsHostnames": False, "enableNetworkAddressUsageMetrics": False}
        self._set_attributes(job, id_, [key for key, usual in wanted.items() if job.news.get(key, usual) != usual])

    def read(self, job: Job, id_: str) -> Properties | None:
        client = job.client("ec2")
        vpc = ec2.only(client.describe_vpcs(VpcIds=[id_])["Vpcs"])
        if vpc is None:
            return None
        mine = [{"Name": "vpc-id", "Values": [id_]}]
        main = client.describe_route_tables(Filters=[*mine, {"Name": "association.main", "Values": ["true"]}])
        acl = client.describe_network_acls(Filters=[*mine, {"Name": "default", "Values": ["true"]}])
        group = client.describe_security_groups(Filters=[*mine, {"Name": "group-name", "Values": ["default"]}])
        main_id = (ec2.only(main["RouteTables"]) or {}).get("RouteTableId")
        return {
            "arn": ec2.arn(job, vpc["OwnerId"], f"vpc/{id_}"),
            "cidrBlock": vpc["CidrBlock"],
            "instanceTenancy": vpc["InstanceTenancy"],
            "dhcpOptionsId": vpc.get("DhcpOptionsId"),
            "ownerId": vpc["OwnerId"],
            "mainRouteTableId": main_id,
            "defaultRouteTableId": main_id,
            "defaultNetworkAclId": (ec2.only(acl["NetworkAcls"]) or {}).get("NetworkAclId"),
            "defaultSecurityGroupId": (ec2.only(group["SecurityGroups"]) or {}).get("GroupId"),
            **{key: _vpc_attribute(client, id_, key, name) for key, name in _VPC_ATTRIBUTES.items()},
            **ec2.tags_of(vpc),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("instanceTenancy"):
            job.client("ec2").modify_vpc_tenancy(VpcId=id_, InstanceTenancy=job.news["instanceTenancy"])
        self._set_attributes(job, id_, [key for key in _VPC_ATTRIBUTES if job.changes(key)])
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        ec2.when_free(job, lambda: client.delete_vpc(VpcId=id_), what=f"VPC {id_}")

    @staticmethod
    def _set_attributes(job: Job, id_: str, keys: list[str]) -> None:
        # One attribute a call: AWS refuses more.
        for key in keys:
            value = {"Value": job.news.get(key, False)}
            job.client("ec2").modify_vpc_attribute(VpcId=id_, **{_VPC_ATTRIBUTES[key]: value})


def _vpc_attribute(client: Any, id_: str, key: str, name: str) -> bool:
    answer = client.describe_vpc_attribute(VpcId=id_, Attribute=key)
    return bool(answer.get(name, {}).get("Value", False))


class Subnet(Resource):
    """Of IPv4."""

    token = "aws:ec2/subnet:Subnet"
    label = "EC2 Subnet"
    gone = frozenset({"InvalidSubnetID.NotFound"})
    inputs: ClassVar[Fields] = {
        "vpcId": text(required=True, replaces=True),
        "cidrBlock": text(replaces=True),
        "availabilityZone": text(kept=True, replaces=True),
        "availabilityZoneId": text(kept=True, replaces=True),
        "mapPublicIpOnLaunch": flag(False),
        "assignIpv6AddressOnCreation": flag(False),
        "enableDns64": flag(False),
        "enableResourceNameDnsARecordOnLaunch": flag(False),
        "enableResourceNameDnsAaaaRecordOnLaunch": flag(False),
        "privateDnsHostnameTypeOnLaunch": text("ip-name", "resource-name", kept=True),
        **TAGS,
    }
    computed = ("arn", "ownerId", "tagsAll")

    def create(self, job: Job) -> str:
        asked = {
            "VpcId": job.news["vpcId"],
            "CidrBlock": job.news.get("cidrBlock"),
            "AvailabilityZone": job.news.get("availabilityZone"),
            "AvailabilityZoneId": job.news.get("availabilityZoneId"),
        }
        answer = job.client("ec2").create_subnet(
            **{key: value for key, value in asked.items() if value is not None},
            **ec2.tagged("subnet", job.news.get("tags")),
        )
        return str(answer["Subnet"]["SubnetId"])

    def settle(self, job: Job, id_: str) -> None:
        self._set_attributes(job, id_, [key for key in _SUBNET_ATTRIBUTES if job.news.get(key)])

    def read(self, job: Job, id_: str) -> Properties | None:
        subnet = ec2.only(job.client("ec2").describe_subnets(SubnetIds=[id_])["Subnets"])
        if subnet is None:
            return None
        options = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
        return {
            "arn": subnet.get("SubnetArn") or ec2.arn(job, subnet["OwnerId"], f"subnet/{id_}"),
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet.get("CidrBlock"),
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet.get("AvailabilityZoneId"),
            "ownerId": subnet["OwnerId"],
            "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
            "assignIpv6AddressOnCreation": subnet.get("AssignIpv6AddressOnCreation", False),
            "enableDns64": subnet.get("EnableDns64", job.given("enableDns64")),
            "enableResourceNameDnsARecordOnLaunch": options.get("EnableResourceNameDnsARecord"),
            "enableResourceNameDnsAaaaRecordOnLaunch": options.get("EnableResourceNameDnsAAAARecord"),
            "privateDnsHostnameTypeOnLaunch": options.get("HostnameType"),
            **ec2.tags_of(subnet),
        }

    def update(self, job: Job, id_: str) -> None:
        self._set_attributes(job, id_, [key for key in _SUBNET_ATTRIBUTES if job.changes(key)])
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        ec2.when_free(job, lambda: client.delete_subnet(SubnetId=id_), what=f"subnet {id_}")

    @staticmethod
    def _set_attributes(job: Job, id_: str, keys: list[str]) -> None:
        # One attribute a call: AWS refuses more.
        for key in keys:
            value = {"Value": job.news[key]} if isinstance(job.news[key], bool) else job.news[key]
            job.client("ec2").modify_subnet_attribute(SubnetId=id_, **{_SUBNET_ATTRIBUTES[key]: value})


class InternetGateway(Resource):
    token = "aws:ec2/internetGateway:InternetGateway"
    label = "EC2 Internet Gateway"
    gone = frozenset({"InvalidInternetGatewayID.NotFound"})
    inputs: ClassVar[Fields] = {"vpcId": text(kept=True), **TAGS}
    computed = ("arn", "ownerId", "tagsAll")

    def create(self, job: Job) -> str:
        answer = job.client("ec2").create_internet_gateway(**ec2.tagged("internet-gateway", job.news.get("tags")))
        return str(answer["InternetGateway"]["InternetGatewayId"])

    def settle(self, job: Job, id_: str) -> None:
        if "vpcId" in job.news:
            job.client("ec2").attach_internet_gateway(InternetGatewayId=id_, VpcId=job.news["vpcId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = job.client("ec2").describe_internet_gateways(InternetGatewayIds=[id_])
        gateway = ec2.only(answer["InternetGateways"])
        if gateway is None:
            return None
        return {
            "arn": ec2.arn(job, gateway["OwnerId"], f"internet-gateway/{id_}"),
            "ownerId": gateway["OwnerId"],
            "vpcId": (ec2.only(gateway["Attachments"]) or {}).get("VpcId"),
            **ec2.tags_of(gateway),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("vpcId"):
            self._detach(job, id_)
            self.settle(job, id_)
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        ec2.when_free(job, lambda: self._detach(job, id_), what=f"internet gateway {id_}")
        client.delete_internet_gateway(InternetGatewayId=id_)

    @staticmethod
    def _detach(job: Job, id_: str) -> None:
        answer = job.client("ec2").describe_internet_gateways(InternetGatewayIds=[id_])
        for gateway in answer["InternetGateways"]:
            for attached in gateway["Attachments"]:
                job.client("ec2").detach_internet_gateway(InternetGatewayId=id_, VpcId=attached["VpcId"])


RESOURCES = (Vpc(), Subnet(), InternetGateway())
