"""Which subnets awsx lays into a VPC, and which addresses each gets.

Strategies: `Legacy` (the default) lays private subnets first, then public, then isolated ones, half of a zone's
addresses to the private one where nothing is said; `Auto` keeps the order of the specs; `Exact` allows no gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from sandbox.engine.protocol import ProviderError

PUBLIC, PRIVATE, ISOLATED, UNUSED = "Public", "Private", "Isolated", "Unused"
# What a spec of each kind gets in the `Legacy` layout at most, as a mask's length.
_LEGACY_LARGEST = {PRIVATE: 19, PUBLIC: 20, ISOLATED: 24}


@dataclass(frozen=True)
class Spec:
    """One subnet in every zone."""

    kind: str
    name: str = ""
    mask: int | None = None
    blocks: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    assign_ipv6: bool = False


@dataclass(frozen=True)
class Place:
    """One subnet in one zone."""

    spec: Spec
    zone: str
    number: int
    network: IPv4Network

    def name(self, vpc: str) -> str:
        return f"{vpc}-{self.spec.name or self.spec.kind.lower()}-{self.number}"


def read_specs(given: Sequence[dict[str, Any]] | None) -> tuple[Spec, ...] | None:
    if given is None:
        return None
    specs = []
    for one in given:
        mask = one.get("cidrMask")
        if mask is None and one.get("size"):
            mask = 32 - int(math.log2(one["size"]))
        if one.get("size") and mask is not None and 1 << (32 - mask) != one["size"]:
            raise ProviderError(f"Subnet size {one['size']} does not match a /{mask} subnet")
        kind = str(one["type"]).capitalize()
        blocks = tuple(one.get("cidrBlocks") or ())
        ipv6 = bool(one.get("assignIpv6AddressOnCreation", False))
        specs.append(Spec(kind, one.get("name") or "", mask, blocks, dict(one.get("tags") or {}), ipv6))
    return tuple(specs)


def lay_out(
    block: str, zones: Sequence[str], specs: tuple[Spec, ...] | None, strategy: str, zone_mask: int | None
) -> list[Place]:
    """Raises ProviderError where subnets don't fit or overlap."""
    vpc = IPv4Network(block)
    if specs is not None and any(spec.blocks for spec in specs):
        places = _explicit(zones, specs)
    elif strategy == "Legacy":
        places = _legacy(vpc, zones, specs)
    elif strategy in ("Auto", "Exact"):
        places = _auto(vpc, zones, specs, zone_mask)
    else:
        raise ProviderError(f"the sandbox has no subnetStrategy {strategy}; it has Legacy, Auto, Exact")
    for place in places:
        if not place.network.subnet_of(vpc):
            raise ProviderError(f"{place.network} is not within the VPC's {vpc}")
    for one, other in zip(sorted(places, key=_start), sorted(places, key=_start)[1:], strict=False):
        if one.network.overlaps(other.network):
            raise ProviderError(
                f"The following subnets overlap with at least one other subnet: {one.network}, {other.network}. Make "
                "the CIDR for the VPC larger, reduce the size of the subnets per AZ, or use less Availability Zones"
            )
    if strategy == "Exact" and sum(place.network.num_addresses for place in places) != vpc.num_addresses:
        raise ProviderError("There are gaps in the subnet ranges: declare them as subnets of type Unused")
    return [place for place in places if place.spec.kind != UNUSED]


def _start(place: Place) -> int:
    return int(place.network.network_address)


def _zone_networks(vpc: IPv4Network, count: int, mask: int | None = None) -> list[IPv4Network]:
    """The VPC in equal parts, a power of two of them."""
    new = mask if mask is not None else vpc.prefixlen + math.ceil(math.log2(max(count, 1)))
    if new > 32 or count > 1 << (new - vpc.prefixlen):
        raise ProviderError(f"{vpc} has no room for {count} Availability Zones of /{new} each")
    size = 1 << (32 - new)
    base = int(vpc.network_address)
    return [IPv4Network((base + index * size, new)) for index in range(count)]


def _explicit(zones: Sequence[str], specs: tuple[Spec, ...]) -> list[Place]:
    for index, spec in enumerate(specs):
        if len(spec.blocks) != len(zones):
            raise ProviderError(
                f"The number of CIDR blocks in subnetSpecs[{index}] must match the number of availability zones "
                f"({len(zones)})"
            )
    return [
        Place(spec, zone, number + 1, IPv4Network(spec.blocks[number]))
        for number, zone in enumerate(zones)
        for spec in specs
    ]


def _auto(vpc: IPv4Network, zones: Sequence[str], specs: tuple[Spec, ...] | None, zone_mask: int | None) -> list[Place]:
    networks = _zone_networks(vpc, len(zones), zone_mask)
    if not networks:
        return []
    if specs is None:
        largest = max(networks[0].prefixlen, 16)
        specs = (Spec(PRIVATE, mask=largest + 1), Spec(PUBLIC, mask=largest + 2))
    even = networks[0].prefixlen + math.ceil(math.log2(max(len(specs), 1)))
    places = []
    for number, (zone, network) in enumerate(zip(zones, networks, strict=True)):
        at = int(network.network_address)
        for spec in specs:
            laid = _from(at, spec.mask or even)
            at = int(laid.broadcast_address) + 1
            if at > int(network.broadcast_address) + 1:
                raise ProviderError(f"Subnets are too large for VPC: {spec.kind} does not fit in {network}")
            places.append(Place(spec, zone, number + 1, laid))
    return places


def _legacy(vpc: IPv4Network, zones: Sequence[str], specs: tuple[Spec, ...] | None) -> list[Place]:
    networks = _zone_networks(vpc, len(zones))
    places = []
    for number, (zone, network) in enumerate(zip(zones, networks, strict=True)):
        if specs is None:
            half = network.prefixlen + 1
            default = (Spec(PRIVATE, mask=half), Spec(PUBLIC, mask=half + 1))
            laid = _legacy_zone(network, default, 1)
        else:
            laid = _legacy_zone(network, specs, 0 if len(specs) == 1 else 1)
        places += [Place(spec, zone, number + 1, found) for spec, found in laid]
    return places


def _legacy_zone(network: IPv4Network, specs: tuple[Spec, ...], shared: int) -> list[tuple[Spec, IPv4Network]]:
    """Kind by kind; each kind starts behind the block in which the kind before it ended."""
    laid: list[tuple[Spec, IPv4Network]] = []
    at = int(network.network_address)
    for kind in (PRIVATE, PUBLIC, ISOLATED):
        for spec in (spec for spec in specs if spec.kind == kind):
            mask = spec.mask or max(network.prefixlen + shared, _LEGACY_LARGEST[kind])
            found = _from(at, mask)
            at = int(found.broadcast_address) + 1
            laid.append((spec, found))
    return laid


def _from(at: int, mask: int) -> IPv4Network:
    """The first block of that size that starts at an address or behind it."""
    size = 1 << (32 - mask)
    return IPv4Network((-(-at // size) * size, mask))
