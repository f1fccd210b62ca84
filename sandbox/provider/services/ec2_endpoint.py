"""VPC endpoints: ways from a private network to AWS's services that need no way out."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Change, Properties
from sandbox.provider import tagging
from sandbox.provider.comparing import Changes
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, flag, json_text, text, texts
from sandbox.provider.tagging import TAGS

# The sets that a modification names by what comes and what goes: Add…Ids and Remove…Ids.
_SETS = {"routeTableIds": "RouteTableIds", "securityGroupIds": "SecurityGroupIds", "subnetIds": "SubnetIds"}


class VpcEndpoint(Resource):
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    label = "EC2 VPC Endpoint"
    gone = frozenset({"InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound"})
    inputs: ClassVar[Fields] = {
        "vpcId": text(required=True, replaces=True),
        "serviceName": text(replaces=True, kept=True),
        "vpcEndpointType": text("Gateway", "Interface", "GatewayLoadBalancer", default="Gateway", replaces=True),
        "policy": json_text(kept=True),
        "privateDnsEnabled": flag(kept=True, replaces=True),
        "routeTableIds": texts(kept=True),
        "securityGroupIds": texts(kept=True),
        "subnetIds": texts(kept=True),
        **TAGS,
    }
    computed = (
        "arn",
        "cidrBlocks",
        "prefixListId",
        "dnsEntries",
        "networkInterfaceIds",
        "ownerId",
        "requesterManaged",
        "state",
        "tagsAll",
    )
    moving: ClassVar = {"networkInterfaceIds": frozenset({"subnetIds"}), "dnsEntries": frozenset({"subnetIds"})}

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        """An interface's private DNS can be turned on and off where it is."""
        if news["vpcEndpointType"] != "Interface":
            return changes
        return {path: Change.UPDATE if path[0] == "privateDnsEnabled" else held for path, held in changes.items()}

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        kind, found = news["vpcEndpointType"], []
        if "serviceName" not in news:
            found.append(("serviceName", "a service must be named"))
        if kind == "Gateway":
            found += [
                (key, "only an endpoint of the type Interface takes it")
                for key in ("subnetIds", "securityGroupIds", "privateDnsEnabled")
                if news.get(key)
            ]
        elif news.get("routeTableIds"):
            found.append(("routeTableIds", "only an endpoint of the type Gateway takes it"))
        return found

    def create(self, job: Job) -> str:
        news = job.news
        asked: dict[str, Any] = {name: news[key] for key, name in _SETS.items() if news.get(key)}
        if news.get("policy"):
            asked["PolicyDocument"] = news["policy"]
        if "privateDnsEnabled" in news:
            asked["PrivateDnsEnabled"] = news["privateDnsEnabled"]
        if news.get("tags"):
            tags = tagging.as_list(news["tags"])
            asked["TagSpecifications"] = [{"ResourceType": "vpc-endpoint", "Tags": tags}]
        made = _ec2(job).create_vpc_endpoint(
            VpcId=news["vpcId"], ServiceName=news["serviceName"], VpcEndpointType=news["vpcEndpointType"], **asked
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def settle(self, job: Job, id_: str) -> None:
        def available() -> bool:
            found = _find(job, id_)
            return found is not None and found["State"].lower() == "available"

        job.wait(available, for_what=f"EC2 VPC Endpoint ({id_})", seconds=600)

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _find(job, id_)
        if found is None:
            return None
        return {
            "arn": f"arn:aws:ec2:{job.region}:{job.account()}:vpc-endpoint/{id_}",
            "vpcId": found["VpcId"],
            "serviceName": found["ServiceName"],
            "vpcEndpointType": found["VpcEndpointType"],
            "policy": found.get("PolicyDocument") or job.given("policy"),
            "privateDnsEnabled": bool(found.get("PrivateDnsEnabled")),
            "routeTableIds": ordered_like(found.get("RouteTableIds", []), job.given("routeTableIds")),
            "subnetIds": ordered_like(found.get("SubnetIds", []), job.given("subnetIds")),
            "securityGroupIds": ordered_like(
                [group["GroupId"] for group in found.get("Groups", [])], job.given("securityGroupIds")
            ),
            "networkInterfaceIds": sorted(found.get("NetworkInterfaceIds", [])),
            "dnsEntries": [
                {"dnsName": entry.get("DnsName"), "hostedZoneId": entry.get("HostedZoneId")}
                for entry in found.get("DnsEntries", [])
            ],
            "ownerId": found.get("OwnerId") or job.account(),
            "requesterManaged": bool(found.get("RequesterManaged")),
            "state": found["State"].lower(),
            "cidrBlocks": [],
            "prefixListId": "",
            **tagging.outputs(tagging.as_map(found.get("Tags"))),
        }

    def update(self, job: Job, id_: str) -> None:
        client, news, olds = _ec2(job), job.news, job.olds
        asked: dict[str, Any] = {}
        for key, name in _SETS.items():
            if job.changes(key):
                new, old = set(news.get(key) or []), set(olds.get(key) or [])
                asked |= {f"Add{name}": sorted(new - old)} if new - old else {}
                asked |= {f"Remove{name}": sorted(old - new)} if old - new else {}
        if job.changes("policy"):
            asked |= {"PolicyDocument": news["policy"]} if news.get("policy") else {"ResetPolicy": True}
        if job.changes("privateDnsEnabled"):
            asked["PrivateDnsEnabled"] = news["privateDnsEnabled"]
        if asked:
            client.modify_vpc_endpoint(VpcEndpointId=id_, **asked)
        put, drop = tagging.delta(job)
        if drop:
            client.delete_tags(Resources=[id_], Tags=[{"Key": key} for key in drop])
        if put:
            client.create_tags(Resources=[id_], Tags=tagging.as_list(put))

    def delete(self, job: Job, id_: str) -> None:
        _ec2(job).delete_vpc_endpoints(VpcEndpointIds=[id_])
        job.wait(lambda: _find(job, id_) is None, for_what=f"EC2 VPC Endpoint ({id_}) to be gone", seconds=600)


def _find(job: Job, id_: str) -> Any | None:
    from botocore.exceptions import ClientError

    try:
        found = _ec2(job).describe_vpc_endpoints(VpcEndpointIds=[id_])["VpcEndpoints"]
    except ClientError as error:
        if "NotFound" in error.response["Error"]["Code"]:
            return None
        raise
    return found[0] if found and found[0]["State"].lower() != "deleted" else None


def _ec2(job: Job) -> Any:
    return job.client("ec2")


RESOURCES = (VpcEndpoint(),)
