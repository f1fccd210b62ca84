"""What can be set about the instances of the platform `compose`. Pure.

Limits: capacity bounds are ours; volumes from EBS gp3 (the AL2023 snapshot needs 8 GiB); the time to boot is that of a
lifecycle hook (PutLifecycleHook: 30-7200 s).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from infra import setting_types as kinds
from infra.images import ImageError, parse_image
from infra.setting_base import Frozen, Misfit, rule

# Graviton families carry a g behind the generation (t4g, m7gd, c7gn); a1 is the one before that rule.
_GRAVITON = re.compile(r"(a1|[a-z]+\d+[a-z]*g[a-z]*)\..+")


def architecture(instance_type: str) -> Literal["arm64", "x86_64"]:
    """The processor of an instance type."""
    return "arm64" if _GRAVITON.fullmatch(instance_type) else "x86_64"


def _pinned(value: str) -> str:
    try:
        if not parse_image(value).digest:
            raise ValueError("without a digest")
    except ImageError as error:
        raise ValueError(str(error)) from None
    return value


PinnedImage: TypeAlias = Annotated[
    str,
    AfterValidator(_pinned),
    Field(description="an image with its sha256 digest, as registry.example/nginx@sha256:…"),
]
Version: TypeAlias = Annotated[
    str, Field(pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$", description="a version such as 2.40.3")
]
Checksum: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="64 hex digits: the SHA-256 of the file for this processor")
]
Mirror: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^(bundle|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|https://[A-Za-z0-9.-]{1,253}(:\d{1,5})?)"
        r"(/[A-Za-z0-9._-]{1,100}){0,8}$",
        description="s3://bucket/folder or https://host/folder, where the Compose binary lies under its release's "
        "name, or bundle for the folder tools/v<version> of the bundles' own bucket",
    ),
]


class Compose(Frozen):
    """The instances of the platform `compose`, and what runs on each."""

    instance_type: kinds.InstanceType = "t3.medium"
    architecture: Annotated[
        Literal["x86_64", "arm64"] | None,
        Field(description="x86_64 or arm64, what the image and the AMI are built for"),
    ] = None
    """Says nothing new; a mismatch is told before it is an `exec format error` on an instance."""
    min: int = kinds.whole(2, 1, 500, "instances")
    desired: int | None = kinds.whole(None, 1, 500, "instances")
    max: int = kinds.whole(6, 1, 500, "instances")
    carries: float = kinds.number(1, 0.01, 1000, "against that of the other platforms")
    """What one instance carries, relative to one task of Fargate with its own `carries`."""
    ami: kinds.AmiId | None = None
    grace: int = kinds.whole(300, 0, 7200, "seconds")
    volume: int = kinds.whole(20, 8, 16384, "GiB")
    replicas: int = kinds.whole(4, 1, 32, "containers on each instance")
    stop_grace: int | None = kinds.whole(None, 1, 900, "seconds")
    """How long a container may take to end its requests; None: what the drain leaves, up to 30."""
    boot_timeout: int = kinds.whole(900, 30, 7200, "seconds")
    """How long an instance may take until it answers; then it is abandoned."""
    compose_version: Version | None = None
    compose_checksum: Checksum | None = None
    mirror: Mirror | None = None
    nginx: PinnedImage | None = None

    @rule("min", "max")
    def _bounds(self) -> Iterator[Misfit]:
        if self.min > self.max:
            yield Misfit("min", self.min, f"not more than max, which is {self.max}")

    @rule("desired", "min", "max")
    def _within_bounds(self) -> Iterator[Misfit]:
        if self.desired is not None and not self.min <= self.desired <= self.max:
            yield Misfit("desired", self.desired, f"from min ({self.min}) to max ({self.max})")

    @rule("instanceType", "architecture")
    def _one_processor(self) -> Iterator[Misfit]:
        found = architecture(self.instance_type)
        if self.architecture not in (None, found):
            yield Misfit("instanceType", self.instance_type, f"a type with {self.architecture}; this one has {found}")

    @rule("composeVersion", "composeChecksum")
    def _checked(self) -> Iterator[Misfit]:
        if (self.compose_version is None) != (self.compose_checksum is None):
            lacking = "composeVersion" if self.compose_version is None else "composeChecksum"
            yield Misfit(lacking, "nothing", "a value: version and checksum go together")
