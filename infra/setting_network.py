"""What can be set about the network. Pure. Two zones at least, because an ALB needs subnets in two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule

Nat: TypeAlias = Literal["single", "per-zone", "none"]


class Network(Frozen):
    """A VPC of the stack's own, or one that is there already."""

    cidr: kinds.VpcCidr = "10.0.0.0/16"
    zones: int = kinds.whole(2, 2, 6)
    nat: Annotated[Nat, Field(description="single, per-zone or none")] = "single"
    endpoints: bool = Field(
        default=False, description="true or false: VPC endpoints for what instances call, in place of a NAT gateway"
    )
    vpc: kinds.VpcId | None = None
    public_subnets: tuple[kinds.SubnetId, ...] = Field(default=(), description="subnet ids, in two zones at least")
    private_subnets: tuple[kinds.SubnetId, ...] = Field(default=(), description="subnet ids, in two zones at least")

    @rule("vpc")
    def _own_or_given(self) -> Iterator[Misfit]:
        for key in ("cidr", "zones", "nat") if self.vpc else ():
            if key in self.model_fields_set:
                yield Misfit(key, getattr(self, key), "nothing beside vpc, which names an existing VPC")

    @rule("vpc", "publicSubnets")
    def _public(self) -> Iterator[Misfit]:
        return self._subnets("publicSubnets", self.public_subnets)

    @rule("vpc", "privateSubnets")
    def _private(self) -> Iterator[Misfit]:
        return self._subnets("privateSubnets", self.private_subnets)

    @rule("vpc", "nat", "endpoints")
    def _some_way_out(self) -> Iterator[Misfit]:
        if self.vpc is None and self.nat == "none" and not self.endpoints:
            yield Misfit(
                "nat", "none", "single or per-zone, or endpoints: true; else instances can't fetch their image"
            )

    @property
    def gateways(self) -> Nat:
        """The NAT gateways of an own VPC: none beside endpoints, unless they are asked for."""
        return "none" if self.endpoints and "nat" not in self.model_fields_set else self.nat

    @property
    def closed(self) -> bool:
        """Whether instances reach AWS's own services alone, as far as this program knows."""
        return self.endpoints and (self.vpc is not None or self.gateways == "none")

    def _subnets(self, key: str, ids: tuple[str, ...]) -> Iterator[Misfit]:
        if self.vpc is None and ids:
            yield Misfit(key, len(ids), "nothing, unless vpc names an existing VPC")
        elif self.vpc is not None and len(set(ids)) < 2:
            yield Misfit(key, len(set(ids)), "two subnets or more, each in a zone of its own")
