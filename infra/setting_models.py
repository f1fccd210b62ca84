"""What can be set, with defaults, and what must fit together. Pure; imports no Pulumi.

Limits are AWS's: target groups and health checks from ELBv2 CreateTargetGroup (interval 5-300 s, timeout 2-120 s,
thresholds 2-10, deregistration delay 0-3600 s), stickiness from TargetGroupStickinessConfig (1-604800 s), the idle
timeout from the load balancer attributes (1-4000 s), volumes from EBS gp3 (the AL2023 snapshot needs 8 GiB), two zones
at least because an ALB needs subnets in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule
from infra.setting_release import Gates, Notify, Promotion

PLATFORMS = ("compose",)
"""The platforms that this version can fill a color with."""


class HealthCheck(Frozen):
    """When a target counts as healthy."""

    path: kinds.HealthPath = "/health/deep"
    interval: int = kinds.whole(30, 5, 300, "seconds")
    timeout: int = kinds.whole(5, 2, 120, "seconds")
    healthy: int = kinds.whole(2, 2, 10, "checks")
    unhealthy: int = kinds.whole(3, 2, 10, "checks")
    matcher: kinds.Matcher = "200"

    @rule("timeout", "interval")
    def _answers_in_time(self) -> Iterator[Misfit]:
        if self.timeout >= self.interval:
            yield Misfit("timeout", self.timeout, f"less than the interval of {self.interval} seconds")


class Network(Frozen):
    """A VPC of the stack's own, or one that is there already."""

    cidr: kinds.VpcCidr = "10.0.0.0/16"
    zones: int = kinds.whole(2, 2, 6)
    nat: Annotated[Literal["single", "per-zone", "none"], Field(description="single, per-zone or none")] = "single"
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

    def _subnets(self, key: str, ids: tuple[str, ...]) -> Iterator[Misfit]:
        if self.vpc is None and ids:
            yield Misfit(key, len(ids), "nothing, unless vpc names an existing VPC")
        elif self.vpc is not None and len(set(ids)) < 2:
            yield Misfit(key, len(set(ids)), "two subnets or more, each in a zone of its own")


class Balancer(Frozen):
    """The load balancer and the rule that traffic passes through."""

    certificate: kinds.Certificate | None = None
    test_port: int = kinds.whole(9001, 1, 65535)
    test_cidrs: tuple[kinds.Cidr, ...] = Field(default=(), description="a list of CIDR blocks such as 203.0.113.0/24")
    allowed_cidrs: tuple[kinds.Cidr, ...] = Field(
        default=("0.0.0.0/0",), min_length=1, description="a list of one CIDR block or more, such as 203.0.113.0/24"
    )
    idle_timeout: int = kinds.whole(60, 1, 4000, "seconds")
    stickiness: int = kinds.whole(0, 0, 604800, "seconds, 0 for none")
    path: kinds.PathPattern = "/*"
    host: kinds.HostPattern | None = None
    protect: bool = Field(default=False, description="true or false: AWS's deletion protection of the load balancer")

    @rule("testPort", "certificate")
    def _ports_differ(self) -> Iterator[Misfit]:
        if self.test_port in self.ports:
            taken = " and ".join(str(port) for port in self.ports)
            yield Misfit("testPort", self.test_port, f"a port other than {taken}, which serve production")

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that production is reached by."""
        return (80, 443) if self.certificate else (80,)


class Compose(Frozen):
    """The instances of the platform `compose`."""

    instance_type: kinds.InstanceType = "t3.medium"
    min: int = kinds.whole(2, 1, 500, "instances")
    desired: int | None = kinds.whole(None, 1, 500, "instances")
    max: int = kinds.whole(6, 1, 500, "instances")
    ami: kinds.AmiId | None = None
    grace: int = kinds.whole(300, 0, 7200, "seconds")
    volume: int = kinds.whole(20, 8, 16384, "GiB")

    @rule("min", "max")
    def _bounds(self) -> Iterator[Misfit]:
        if self.min > self.max:
            yield Misfit("min", self.min, f"not more than max, which is {self.max}")

    @rule("desired", "min", "max")
    def _within_bounds(self) -> Iterator[Misfit]:
        if self.desired is not None and not self.min <= self.desired <= self.max:
            yield Misfit("desired", self.desired, f"from min ({self.min}) to max ({self.max})")


def _one_or_more(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(set(map(str, value))) != len(value):
        raise ValueError("named twice")
    return value


class Settings(Frozen):
    """Everything that a stack can be told, besides its record."""

    project: str
    stack: str
    image: kinds.Image = Field(examples=["shop:1.0.0"])
    platforms: Annotated[
        tuple[Literal["compose"], ...],
        BeforeValidator(_one_or_more),
        Field(min_length=1, description=f"a list of platforms, each once: {', '.join(PLATFORMS)}"),
    ] = ("compose",)
    port: int = kinds.whole(8080, 1, 65535)
    """What the app listens on in its container; it finds the number in PORT."""
    health_check: HealthCheck = HealthCheck()
    network: Network = Network()
    balancer: Balancer = Balancer()
    compose: Compose = Compose()
    drain: int = kinds.whole(60, 0, 3600, "seconds")
    hold: kinds.Duration = 3600
    promotion: Promotion = Promotion()
    gates: Gates = Gates()
    notify: Notify = Notify()
    protect: bool = Field(
        default=False, description="true or false: Pulumi refuses to delete balancer, rules and record"
    )
    tags: kinds.Tags = Field(default_factory=dict)

    @rule("gates.requests.maxBake", "promotion.strategy", "promotion.bake")
    def _extends_the_bake(self) -> Iterator[Misfit]:
        most, bake = self.gates.requests.max_bake, self.promotion.seconds
        if most is not None and 0 < most < bake:
            allowed = f"0, or no less than the bake of strategy {self.promotion.strategy}, which is {bake} seconds"
            yield Misfit("gates.requests.maxBake", most, allowed)

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that say which stack a resource is of."""
        return {**self.tags, "bluegreen:project": self.project, "bluegreen:stack": self.stack}
