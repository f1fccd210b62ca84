"""What can be set about what a stack has besides its colors: cache, image repository, scaling. Pure.

Limits: ElastiCache CreateReplicationGroup (up to five replicas of a node group), ECR lifecycle policies, and the
scanner's severities (ECR ImageScanFindings).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule
from infra.setting_content import Secret

CACHE_NAMES = ("CACHE_HOST", "CACHE_PORT", "CACHE_URL", "CACHE_TOKEN")
"""The variables by which an app finds its cache; the last one comes from Secrets Manager."""
CACHE_PORT = 6379
# The first versions that take a token over TLS are older; these are the lines that are kept up to date.
_VERSIONS = {"valkey": "8.0", "redis": "7.1"}

Severity: TypeAlias = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"]


class Cache(Frozen):
    """Redis or Valkey in ElastiCache, reachable from the colors' instances only."""

    engine: Annotated[Literal["valkey", "redis"], Field(description="valkey or redis")] = "valkey"
    version: (
        Annotated[str, Field(pattern=r"^\d{1,2}\.\d{1,2}$", description="a version of the engine, such as 8.0")] | None
    ) = None
    node_type: Annotated[
        str, Field(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$", description="a node type such as cache.t4g.micro")
    ] = "cache.t4g.micro"
    replicas: int = kinds.whole(1, 0, 5, "replicas")
    snapshots: int = kinds.whole(1, 0, 35, "days that snapshots are kept")
    token: Secret = Field(examples=[{"secret": "shop/cache", "key": "token"}])
    """The token that clients log in with; it has to have a value before the cache is made."""

    @rule("token")
    def _token_exists(self) -> Iterator[Misfit]:
        if self.token.create:
            yield Misfit("token.create", True, "nothing: a cache can't be made with a secret that has no value yet")

    @property
    def line(self) -> str:
        """The engine's version, as ElastiCache takes it."""
        return self.version or _VERSIONS[self.engine]


class Registry(Frozen):
    """The images: whether the stack has a repository of its own for them, and which of them are refused."""

    create: bool = Field(default=False, description="true or false: the stack makes the ECR repository of its image")
    keep: int = kinds.whole(10, 1, 1000, "images")
    """How many images stay, the newest first; those that a stack runs always do."""
    untagged: int = kinds.whole(7, 1, 365, "days")
    forbid: Annotated[
        tuple[Severity, ...],
        Field(description="severities of ECR's scan: CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL, UNDEFINED"),
    ] = ()
    """`deploy` refuses an image with such a finding, and one that was not scanned."""


class Scaling(Frozen):
    """What each color's capacity follows, above its floor. Both may be set; the larger answer counts."""

    cpu: int | None = kinds.whole(None, 10, 95, "percent")
    requests: int | None = kinds.whole(None, 1, 1_000_000, "requests a minute for each instance")
    warmup: int = kinds.whole(180, 0, 3600, "seconds")
    """How long a new instance's load is left out of the average."""

    @rule("cpu", "requests")
    def _something(self) -> Iterator[Misfit]:
        if self.cpu is None and self.requests is None:
            yield Misfit("cpu", "nothing", "a percentage, or requests, or both")
