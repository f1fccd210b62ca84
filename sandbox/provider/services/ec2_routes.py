"""Route tables, their routes, and which subnet uses which."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

import zlib
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, text
from sandbox.provider.services import ec2
from sandbox.provider.tagging import TAGS

_DESTINATIONS = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
}
_TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
}


class RouteTable(Resource):
    """Without inline routes: they and `Route` resources undo each other."""

    token = "aws:ec2/routeTable:RouteTable"
    label = "EC2 Route Table"
    gone = frozenset({"InvalidRouteTableID.NotFound"})
    inputs: ClassVar[Fields] = {"vpcId": text(required=True, replaces=True), **TAGS}
    computed = ("arn", "ownerId", "tagsAll")

    def create(self, job: Job) -> str:
        answer = job.client("ec2").create_route_table(
            VpcId=job.news["vpcId"], **ec2.tagged("route-table", job.news.get("tags"))
        )
        return str(answer["RouteTable"]["RouteTableId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        table = _table(job, id_)
        if table is None:
            return None
        return {
            "arn": ec2.arn(job, table["OwnerId"], f"route-table/{id_}"),
            "ownerId": table["OwnerId"],
            "vpcId": table["VpcId"],
            **ec2.tags_of(table),
        }

    def update(self, job: Job, id_: str) -> None:
        ec2.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        table = _table(job, id_)
        for associated in (table or {}).get("Associations", []):
            if not associated.get("Main"):
                job.client("ec2").disassociate_route_table(AssociationId=associated["RouteTableAssociationId"])
        job.client("ec2").delete_route_table(RouteTableId=id_)


class Route(Resource):
    token = "aws:ec2/route:Route"
    label = "EC2 Route"
    gone = frozenset({"InvalidRouteTableID.NotFound", "InvalidRoute.NotFound"})
    inputs: ClassVar[Fields] = {
        "routeTableId": text(required=True, replaces=True),
        **{key: text(replaces=True) for key in _DESTINATIONS},
        **{key: text() for key in _TARGETS},
    }
    computed = ("instanceId", "instanceOwnerId", "origin", "state")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        if sum(key in news for key in _DESTINATIONS) != 1:
            found.append(("destinationCidrBlock", f"exactly one of {', '.join(_DESTINATIONS)} must be specified"))
        if sum(key in news for key in _TARGETS) != 1:
            found.append(("gatewayId", f"exactly one of {', '.join(_TARGETS)} must be specified"))
        return found

    def create(self, job: Job) -> str:
        table = job.news["routeTableId"]
        job.client("ec2").create_route(RouteTableId=table, **_asked(job.news, _DESTINATIONS | _TARGETS))
        destination = next(str(job.news[key]) for key in _DESTINATIONS if key in job.news)
        return f"r-{table}{zlib.crc32(destination.encode())}"

    def read(self, job: Job, id_: str) -> Properties | None:
        known = {**job.olds, **job.news}
        if "routeTableId" not in known:
            # Imports name a route by its table and destination.
            table_id, _, destination = id_.partition("_")
            kind = "destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"
            known = {"routeTableId": table_id, kind: destination}
        table = _table(job, known["routeTableId"])
        key, name = next((key, name) for key, name in _DESTINATIONS.items() if known.get(key))
        for route in (table or {}).get("Routes", []):
            if route.get(name) == known[key]:
                return {
                    "id": f"r-{known['routeTableId']}{zlib.crc32(known[key].encode())}",
                    "routeTableId": known["routeTableId"],
                    key: known[key],
                    "origin": route.get("Origin"),
                    "state": route.get("State"),
                    **{target: route.get(name) or None for target, name in _TARGETS.items()},
                }
        return None

    def update(self, job: Job, id_: str) -> None:
        client = job.client("ec2")
        client.replace_route(RouteTableId=job.news["routeTableId"], **_asked(job.news, _DESTINATIONS | _TARGETS))

    def delete(self, job: Job, id_: str) -> None:
        job.client("ec2").delete_route(RouteTableId=job.olds["routeTableId"], **_asked(job.olds, _DESTINATIONS))


class RouteTableAssociation(Resource):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    label = "EC2 Route Table Association"
    gone = frozenset({"InvalidAssociationID.NotFound", "InvalidRouteTableID.NotFound"})
    # A subnet has one route table at a time.
    one_at_a_time = True
    inputs: ClassVar[Fields] = {
        "routeTableId": text(required=True),
        "subnetId": text(replaces=True),
        "gatewayId": text(replaces=True),
    }

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        if ("subnetId" in news) == ("gatewayId" in news):
            return [("subnetId", "exactly one of subnetId, gatewayId must be specified")]
        return []

    def create(self, job: Job) -> str:
        answer = job.client("ec2").associate_route_table(
            RouteTableId=job.news["routeTableId"],
            **_asked(job.news, {"subnetId": "SubnetId", "gatewayId": "GatewayId"}),
        )
        return str(answer["AssociationId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        return self._find(job, id_)

    def update(self, job: Job, id_: str) -> None:
        now = self._find(job, id_)
        answer_to = now["id"] if now else id_
        job.client("ec2").replace_route_table_association(
            AssociationId=answer_to, RouteTableId=job.news["routeTableId"]
        )

    def delete(self, job: Job, id_: str) -> None:
        now = self._find(job, id_)
        if now:
            job.client("ec2").disassociate_route_table(AssociationId=now["id"])

    @staticmethod
    def _find(job: Job, id_: str) -> Properties | None:
        """By id, else by what it connects: AWS gives an association another id whenever its table is replaced."""
        subnet, gateway = job.given("subnetId"), job.given("gatewayId")
        by_id = [{"Name": "association.route-table-association-id", "Values": [id_]}]
        by_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}] if subnet else None
        by_gateway = [{"Name": "association.gateway-id", "Values": [gateway]}] if gateway else None
        for filters in (by_id, by_subnet, by_gateway):
            for table in job.client("ec2").describe_route_tables(Filters=filters)["RouteTables"] if filters else []:
                for associated in table["Associations"]:
                    same = associated["RouteTableAssociationId"] == id_ if filters is by_id else True
                    ends = associated.get("SubnetId"), associated.get("GatewayId")
                    if same and (filters is by_id or ends == (subnet, gateway)):
                        return {
                            "id": associated["RouteTableAssociationId"],
                            "routeTableId": table["RouteTableId"],
                            "subnetId": ends[0],
                            "gatewayId": ends[1],
                        }
        return None


def _table(job: Job, id_: str) -> Any | None:
    return ec2.only(job.client("ec2").describe_route_tables(RouteTableIds=[id_])["RouteTables"])


def _asked(given: Properties, names: dict[str, str]) -> dict[str, Any]:
    return {name: given[key] for key, name in names.items() if given.get(key)}


RESOURCES = (RouteTable(), Route(), RouteTableAssociation())
