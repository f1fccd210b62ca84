"""The children of awsx's `Vpc`: for each zone its subnets with their route tables, and the ways out."""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.engine.construct import Child, Component
from sandbox.engine.protocol import Properties, ProviderError, ResourceRef
from sandbox.provider.awsx_layout import ISOLATED, PRIVATE, PUBLIC, Place, lay_out, read_specs
from sandbox.provider.values import bare, is_unknown

_ORDER = (PUBLIC, PRIVATE, ISOLATED)
_VPC_INPUTS = (
    "enableDnsHostnames",
    "enableDnsSupport",
    "enableNetworkAddressUsageMetrics",
    "instanceTenancy",
)
_ARGUMENTS = frozenset(
    (
        *_VPC_INPUTS,
        "availabilityZoneCidrMask",
        "availabilityZoneNames",
        "cidrBlock",
        "natGateways",
        "numberOfAvailabilityZones",
        "region",
        "subnetSpecs",
        "subnetStrategy",
        "tags",
    )
)
_NAT_STRATEGIES = ("None", "Single", "OnePerAz")
EVERYWHERE = "0.0.0.0/0"


class Network:
    """One construction: its arguments, and what it has registered so far."""

    def __init__(self, request: provider_pb2.ConstructRequest, *, aws_version: str, awsx_version: str) -> None:
        self._component = Component(request, version=awsx_version)
        self._name = request.name
        self._version = aws_version
        self._args: Properties = bare(self._component.inputs)
        # awsx registers the component itself without inputs.
        self._component.inputs = {}
        self._made: dict[str, list[Child]] = {}

    def build(self) -> provider_pb2.ConstructResponse:
        """Raises ProviderError for arguments that make no network, before any child is registered."""
        self._refuse_unknown_arguments()
        strategy = self._nat_strategy()
        with self._component:
            zones = self._zones()
            allocations = (self._args.get("natGateways") or {}).get("elasticIpAllocationIds") or []
            _check_allocations(strategy, allocations, len(zones))
            block = self._args.get("cidrBlock") or "10.0.0.0/16"
            places = lay_out(
                block,
                zones,
                read_specs(self._args.get("subnetSpecs")),
                self._args.get("subnetStrategy") or "Legacy",
                self._args.get("availabilityZoneCidrMask"),
            )
            _check_nat(strategy, places)
            vpc = self._register("aws:ec2/vpc:Vpc", self._name, self._vpc_inputs(block))
            gateway = self._register(
                "aws:ec2/internetGateway:InternetGateway",
                self._name,
                {"vpcId": vpc.id, "tags": self._tags()},
                parent=vpc,
                after=[vpc],
                of={"vpcId": [vpc]},
            )
            for index, zone in enumerate(zones):
                here = sorted((p for p in places if p.zone == zone), key=lambda p: _ORDER.index(p.spec.kind))
                for place in here:
                    self._subnet(place, index, vpc, gateway, strategy, allocations)
            return self._finish(vpc, gateway, places)

    def _subnet(
        self, place: Place, index: int, vpc: Child, gateway: Child, strategy: str, allocations: list[str]
    ) -> None:
        name, kind = place.name(self._name), place.spec.kind
        tags = {"Name": name, "SubnetType": kind}
        subnet = self._register(
            "aws:ec2/subnet:Subnet",
            name,
            {
                "vpcId": vpc.id,
                "availabilityZone": place.zone,
                "cidrBlock": str(place.network),
                "mapPublicIpOnLaunch": kind == PUBLIC,
                "assignIpv6AddressOnCreation": place.spec.assign_ipv6,
                "tags": {**self._tags(), **place.spec.tags, **tags},
            },
            parent=vpc,
            after=[vpc],
            of={"vpcId": [vpc]},
        )
        self._made.setdefault(kind, []).append(subnet)
        table = self._register(
            "aws:ec2/routeTable:RouteTable",
            name,
            {"vpcId": vpc.id, "tags": {**self._tags(), **tags}},
            parent=subnet,
            after=[subnet],
            of={"vpcId": [vpc]},
        )
        self._register(
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            name,
            {"routeTableId": table.id, "subnetId": subnet.id},
            parent=table,
            after=[table],
            of={"routeTableId": [table], "subnetId": [subnet]},
        )
        nats = self._of("natGateway")
        if kind == PUBLIC:
            if (strategy == "Single" and not nats) or (strategy == "OnePerAz" and len(nats) < index + 1):
                self._nat(subnet, index, allocations)
            self._route(name, table, "gatewayId", gateway)
        elif kind == PRIVATE and strategy != "None":
            self._route(name, table, "natGatewayId", nats[0] if strategy == "Single" else nats[index])

    def _nat(self, subnet: Child, index: int, allocations: list[str]) -> None:
        name = f"{self._name}-{index + 1}"
        tags = {**(self._args.get("tags") or {}), "Name": name}
        inputs: Properties = {"subnetId": subnet.id, "tags": tags}
        of = {"subnetId": [subnet]}
        if allocations:
            inputs["allocationId"] = allocations[index]
        else:
            eip = self._register("aws:ec2/eip:Eip", name, {"tags": tags}, parent=subnet, after=[subnet])
            inputs["allocationId"] = eip.outputs.get("allocationId")
            of["allocationId"] = [eip]
        self._register("aws:ec2/natGateway:NatGateway", name, inputs, parent=subnet, after=[subnet], of=of)

    def _route(self, name: str, table: Child, key: str, target: Child) -> None:
        self._register(
            "aws:ec2/route:Route",
            name,
            {"routeTableId": table.id, key: target.id, "destinationCidrBlock": EVERYWHERE},
            parent=table,
            after=[table],
            of={"routeTableId": [table], key: [target]},
        )

    def _register(
        self,
        type_: str,
        name: str,
        inputs: Properties,
        *,
        parent: Child | None = None,
        after: list[Child] | None = None,
        of: dict[str, list[Child]] | None = None,
    ) -> Child:
        region = {"region": self._args["region"]} if "region" in self._args else {}
        child = self._component.child(
            type_,
            name,
            {**inputs, **region},
            parent=parent.urn if parent else "",
            depends_on=[held.urn for held in after or ()],
            property_dependencies={key: [held.urn for held in found] for key, found in (of or {}).items()},
            version=self._version,
        )
        self._made.setdefault(type_.split("/")[1].split(":", maxsplit=1)[0], []).append(child)
        return child

    def _finish(self, vpc: Child, gateway: Child, places: list[Place]) -> provider_pb2.ConstructResponse:
        several = {
            "subnets": self._of("subnet"),
            "publicSubnets": self._of(PUBLIC),
            "privateSubnets": self._of(PRIVATE),
            "isolatedSubnets": self._of(ISOLATED),
            "routeTables": self._of("routeTable"),
            "routeTableAssociations": self._of("routeTableAssociation"),
            "routes": self._of("route"),
            "natGateways": self._of("natGateway"),
            "eips": self._of("eip"),
            "vpcEndpoints": [],
        }
        ids = {"publicSubnetIds": PUBLIC, "privateSubnetIds": PRIVATE, "isolatedSubnetIds": ISOLATED}
        first = [place for place in places if place.number == 1]
        outputs: Properties = {
            "vpc": _reference(vpc),
            "vpcId": vpc.id,
            "internetGateway": _reference(gateway),
            **{key: [_reference(child) for child in made] for key, made in several.items()},
            **{key: [child.id for child in self._of(kind)] for key, kind in ids.items()},
            "subnetLayout": [{"type": place.spec.kind, "cidrMask": place.network.prefixlen} for place in first],
        }
        dependencies = {
            "vpc": [vpc.urn],
            "vpcId": [vpc.urn],
            "internetGateway": [gateway.urn],
            **{key: [child.urn for child in made] for key, made in several.items()},
            **{key: [child.urn for child in self._of(kind)] for key, kind in ids.items()},
        }
        return self._component.finish(outputs, dependencies)

    def _zones(self) -> list[str]:
        names, count = self._args.get("availabilityZoneNames"), self._args.get("numberOfAvailabilityZones")
        if names and count:
            raise ProviderError("Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified")
        if names:
            return list(names)
        wanted = int(count or 3)
        region = {"region": self._args["region"]} if "region" in self._args else {}
        answer = self._component.invoke(
            "aws:index/getAvailabilityZones:getAvailabilityZones", region, version=self._version
        )
        if len(answer["names"]) < wanted:
            raise ProviderError(
                f"The configured region for this provider does not have at least {wanted} Availability Zones. Either "
                f"specify an explicit list of zones in availabilityZoneNames or choose a region with at least {wanted}."
            )
        return list(answer["names"][:wanted])

    def _nat_strategy(self) -> str:
        given = (self._args.get("natGateways") or {}).get("strategy") or "OnePerAz"
        for known in _NAT_STRATEGIES:
            if str(given).lower() == known.lower():
                return known
        raise ProviderError(f"Unknown NatGatewayStrategy '{given}'")

    def _vpc_inputs(self, block: str) -> Properties:
        passed = {key: self._args[key] for key in _VPC_INPUTS if self._args.get(key) is not None}
        return {**passed, "cidrBlock": block, "tags": self._tags()}

    def _tags(self) -> dict[str, str]:
        return {"Name": self._name, **(self._args.get("tags") or {})}

    def _of(self, kind: str) -> list[Child]:
        return self._made.get(kind, [])

    def _refuse_unknown_arguments(self) -> None:
        strange = sorted(key for key in self._args.keys() - _ARGUMENTS if self._args[key] not in (None, [], {}))
        if strange:
            known = ", ".join(sorted(_ARGUMENTS))
            raise ProviderError(f"the sandbox's awsx:ec2:Vpc has no argument {', '.join(strange)}; it has {known}")
        unknown = sorted(key for key, value in self._args.items() if is_unknown(value))
        if unknown:
            raise ProviderError(f"awsx:ec2:Vpc needs to know {', '.join(unknown)} before it is applied")


def _reference(child: Child) -> Any:
    return ResourceRef(child.urn, child.id)


def _check_allocations(strategy: str, allocations: list[str], zones: int) -> None:
    allowed = {"None": {0}, "Single": {0, 1}, "OnePerAz": {0, zones}}[strategy]
    if len(allocations) not in allowed:
        raise ProviderError(
            f"{len(allocations)} Elastic IP allocation IDs don't fit the NAT Gateway strategy '{strategy}', which "
            f"takes {' or '.join(str(count) for count in sorted(allowed))}"
        )


def _check_nat(strategy: str, places: list[Place]) -> None:
    kinds = {place.spec.kind for place in places}
    if strategy != "None" and not {PUBLIC, PRIVATE} <= kinds:
        raise ProviderError(
            "If NAT Gateway strategy is 'OnePerAz' or 'Single', both private and public subnets must be declared: the "
            "private subnet creates the need for a NAT Gateway, and the public subnet hosts it"
        )
