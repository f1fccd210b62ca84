"""What can be set, with defaults, and what must fit together. Pure; imports no Pulumi.

Limits are AWS's: target groups and health checks from ELBv2 CreateTargetGroup (interval 5-300 s, timeout 2-120 s,
thresholds 2-10, deregistration delay 0-3600 s), stickiness from TargetGroupStickinessConfig (1-604800 s), the idle
timeout from the load balancer attributes (1-4000 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from infra import setting_types as kinds
from infra.images import parse_image
from infra.setting_base import Frozen, Misfit, rule
from infra.setting_compose import Compose
from infra.setting_content import Environment, Secret, Secrets, Worker, clashes, oversized
from infra.setting_fargate import Fargate
from infra.setting_network import Network
from infra.setting_release import Gates, Notify, Promotion
from infra.setting_supplies import CACHE_NAMES, Cache, Registry, Scaling

_STOP_GRACE = 30
_SPARE = 5
"""Seconds that Compose itself takes to stop."""
PLATFORMS = ("compose", "fargate")
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
        tuple[Literal["compose", "fargate"], ...],
        BeforeValidator(_one_or_more),
        Field(min_length=1, description=f"a list of platforms, each once: {', '.join(PLATFORMS)}"),
    ] = ("compose",)
    port: int = kinds.whole(8080, 1, 65535)
    """What the app listens on in its container; it finds the number in PORT."""
    health_check: HealthCheck = HealthCheck()
    network: Network = Network()
    balancer: Balancer = Balancer()
    compose: Compose = Compose()
    fargate: Fargate = Fargate()
    environment: Environment = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)
    workers: Annotated[
        tuple[Worker, ...], Field(max_length=16, description="up to 16 of {name: …, command: …, count: …}")
    ] = ()
    """Services that run in the active color alone."""
    run: kinds.Words = ""
    """A command of each new release that has to succeed before the release is deployed."""
    cache: Cache | None = None
    registry: Registry = Registry()
    scaling: Scaling | None = None
    log_retention: kinds.Retention = 30
    drain: int = kinds.whole(60, 0, 3600, "seconds")
    hold: kinds.Duration = 3600
    promotion: Promotion = Promotion()
    gates: Gates = Gates()
    notify: Notify = Notify()
    protect: bool = Field(default=False, description="true or false: Pulumi refuses to destroy the stack")
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

    @property
    def stop_grace(self) -> int:
        """Seconds that a container may take to end its requests. nginx and then the app end within the drain."""
        return self.compose.stop_grace or max(1, min(_STOP_GRACE, self._half_the_drain))

    @property
    def _half_the_drain(self) -> int:
        return (self.drain - _SPARE) // 2

    @rule("compose.stopGrace", "drain")
    def _stops_within_the_drain(self) -> Iterator[Misfit]:
        if self.compose.stop_grace is not None and self.compose.stop_grace > self._half_the_drain:
            most = f"up to {self._half_the_drain}" if self._half_the_drain > 0 else "nothing"
            allowed = f"{most}: nginx and then the app end within the drain of {self.drain} seconds, {_SPARE} to spare"
            yield Misfit("compose.stopGrace", self.compose.stop_grace, allowed)

    def fleet(self, platform: str) -> Compose | Fargate:
        """What is set about the capacity of a platform."""
        return self.fargate if platform == "fargate" else self.compose

    @property
    def all_secrets(self) -> dict[str, Secret]:
        """Every variable that instances fill from Secrets Manager, the cache's token included."""
        return {**self.secrets, **({"CACHE_TOKEN": self.cache.token} if self.cache else {})}

    @rule("environment", "secrets", "cache")
    def _named_once(self) -> Iterator[Misfit]:
        return clashes(self.environment, self.secrets, CACHE_NAMES if self.cache else ())

    @rule("environment")
    def _fits_a_bundle(self) -> Iterator[Misfit]:
        return oversized(self.environment)

    @rule("workers")
    def _workers_differ(self) -> Iterator[Misfit]:
        names = [worker.name for worker in self.workers]
        if len(set(names)) != len(names):
            yield Misfit("workers", names, "workers of different names")

    @rule("secrets", "cache", "platforms")
    def _keys_that_ecs_can_name(self) -> Iterator[Misfit]:
        # In a task definition colons part the secret, its key, stage and version.
        for name, one in self.all_secrets.items() if "fargate" in self.platforms else ():
            if ":" in (one.key or ""):
                at = f"secrets.{name}.key" if name in self.secrets else "cache.token.key"
                yield Misfit(at, one.key, "a key without colons, for platform fargate")

    @rule("network", "compose.mirror", "compose.ami")
    def _compose_is_within_reach(self) -> Iterator[Misfit]:
        if (
            self.network.closed
            and not self.compose.ami
            and not (self.compose.mirror or "").startswith(("bundle", "s3://"))
        ):
            allowed = "s3://… or bundle: instances without a way out reach no other host for the Compose binary"
            yield Misfit("compose.mirror", self.compose.mirror or "nothing", allowed)

    @rule("network", "compose.nginx")
    def _nginx_is_within_reach(self) -> Iterator[Misfit]:
        nginx = parse_image(self.compose.nginx) if self.compose.nginx else None
        if self.network.closed and (nginx is None or nginx.registry is None):
            allowed = "an image in ECR, by digest: instances without a way out reach no other registry"
            yield Misfit("compose.nginx", self.compose.nginx or "nothing", allowed)
