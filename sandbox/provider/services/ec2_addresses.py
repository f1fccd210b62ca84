"""Elastic IP addresses and NAT gateways."""

from __future__ import annotations

from typing import ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, text
from sandbox.provider.services import ec2
from sandbox.provider.tagging import TAGS


class Eip(Resource):
    token = "aws:ec2/eip:Eip"
    label = "EC2 EIP"
    gone = frozenset({"InvalidAllocationID.NotFound"})
    inputs: ClassVar[Fields] = {
        "domain": text("vpc", "standard", kept=True, replaces=True),
        "publicIpv4Pool": text(kept=True, replaces=True),
        "networkBorderGroup": text(kept=True, replaces=True),
        **TAGS,
    }
    computed = (
        "allocationId",
        "arn",
        "associationId",
        "customerOwnedIp",
        "privateDns",
        "privateIp",
        "publicDns",
        "publicIp",
        "tagsAll",
    )

    def create(self, job: Job) -> str:
        asked = {"PublicIpv4Pool": "publicIpv4Pool", "NetworkBorderGroup": "networkBorderGroup"}
        answer = job.client("ec2").allocate_address(
            Domain=job.news.get("domain", "vpc"),
            **{name: job.news[key] for name, key in asked.items() if key in job.news},
            **ec2.tagged("elastic-ip", job.news.get("tags")),
        )
        return str(answer["AllocationId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        address = ec2.only(job.client("ec2").describe_addresses(AllocationIds=[id_])["Addresses"])
        if address is None:
            return None
        public, private = address["PublicIp"], address.get("PrivateIpAddress") or None
        return {
            "allocationId": id_,
            "arn": ec2.arn(job, job.account(), f"elastic-ip/{id_}"),
            "associationId": address.get("AssociationId") or None,
            "domain": address["Domain"],
            "publicIp": public,
            "publicDns": f"ec2-{public.replace('.', '-')}.{_zone(job.region, 'compute')}",
            "privateIp": private,
            "privateDns": f"ip-{private.replace('.', '-')}.{_internal(job.region)}" if private else None,
            "networkBorderGroup": address.get("NetworkBorderGroup") or job.region,
            "publicIpv4Pool": address.get("PublicIpv4Pool") or "amazon",
            **ec2.tags_of(address),
        }

    def update(self, job: Job, id_: str) -> None:
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        job.client("ec2").release_address(AllocationId=id_)


def _zone(region: str, kind: str) -> str:
    return f"{kind}-1.amazonaws.com" if region == "us-east-1" else f"{region}.{kind}.amazonaws.com"


def _internal(region: str) -> str:
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


class NatGateway(Resource):
    token = "aws:ec2/natGateway:NatGateway"
    label = "EC2 NAT Gateway"
    gone = frozenset({"NatGatewayNotFound", "InvalidNatGatewayID.NotFound"})
    inputs: ClassVar[Fields] = {
        "subnetId": text(replaces=True, required=True),
        "allocationId": text(replaces=True),
        "connectivityType": text("public", "private", default="public", replaces=True),
        "privateIp": text(kept=True, replaces=True),
        **TAGS,
    }
    computed = ("associationId", "networkInterfaceId", "publicIp", "tagsAll")

    def create(self, job: Job) -> str:
        asked = {"AllocationId": "allocationId", "PrivateIpAddress": "privateIp"}
        answer = job.client("ec2").create_nat_gateway(
            SubnetId=job.news["subnetId"],
            ConnectivityType=job.news["connectivityType"],
            **{name: job.news[key] for name, key in asked.items() if key in job.news},
            **ec2.tagged("natgateway", job.news.get("tags")),
        )
        return str(answer["NatGateway"]["NatGatewayId"])

    def settle(self, job: Job, id_: str) -> None:
        self._wait(job, id_, "available", seconds=600)

    def read(self, job: Job, id_: str) -> Properties | None:
        gateway = ec2.only(job.client("ec2").describe_nat_gateways(NatGatewayIds=[id_])["NatGateways"])
        if gateway is None or gateway["State"] in ("deleted", "deleting"):
            return None
        address = ec2.only(gateway.get("NatGatewayAddresses", [])) or {}
        return {
            "subnetId": gateway["SubnetId"],
            "connectivityType": gateway.get("ConnectivityType", "public"),
            "allocationId": address.get("AllocationId"),
            "associationId": address.get("AssociationId"),
            "networkInterfaceId": address.get("NetworkInterfaceId"),
            "privateIp": address.get("PrivateIp"),
            "publicIp": address.get("PublicIp"),
            **ec2.tags_of(gateway),
        }

    def update(self, job: Job, id_: str) -> None:
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        job.client("ec2").delete_nat_gateway(NatGatewayId=id_)
        self._wait(job, id_, "deleted", seconds=1800)

    @staticmethod
    def _wait(job: Job, id_: str, state: str, *, seconds: float) -> None:
        def reached() -> bool:
            gateway = ec2.only(job.client("ec2").describe_nat_gateways(NatGatewayIds=[id_])["NatGateways"])
            return state == "deleted" if gateway is None else bool(gateway["State"] == state)

        job.wait(reached, for_what=f"NAT Gateway {id_} to be {state}", seconds=seconds)


RESOURCES = (Eip(), NatGateway())
