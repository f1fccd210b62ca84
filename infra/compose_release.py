"""Everything that a Compose instance of one release is rendered from, as plain values. Pure; imports no Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.images import parse_image

INSTANCE_PORT = 8080
"""Where the balancer reaches an instance, whatever port the app has in its container."""
BUNDLE = "bundle"
"""The mirror that is the bundle's own bucket: the file lies there as `tools/v<version>/<file>`."""


@dataclass(frozen=True)
class Plugin:
    """The Compose plugin: one file per architecture, known by its checksum wherever it comes from."""

    version: str = "5.6.0"
    sums: Mapping[str, str] = field(
        default_factory=lambda: {
            "x86_64": "40343e21ca777173e69cff5dbafeb37c6f81f3b0d57d9e597f036e95eb63e76a",
            "aarch64": "733ec76717ceb59052a9609b9dadfb523b2df8eab57a54212872d10a58078ea2",
        }
    )
    """SHA-256 by `uname -m`."""
    mirror: str = ""
    """Empty for GitHub, `bundle`, or the address of a folder: https://… or s3://bucket/prefix."""


@dataclass(frozen=True)
class Secret:
    """A variable of the app whose value lies in Secrets Manager."""

    env: str
    secret: str
    """Name or ARN."""
    key: str = ""
    """The key in the secret's JSON object; empty for the whole string."""


@dataclass(frozen=True)
class Worker:
    """A service that runs in the active color alone."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class ComposeRelease:
    """One release of one color."""

    service: str
    stack: str
    color: str
    fill: int
    release: str
    """The release's digest."""
    image: str
    """As a machine pulls it: repository@sha256:…"""
    app_port: int
    health_path: str
    replicas: int = 4
    stop_grace: int = 30
    """Seconds that the app has to end its requests; nginx before it has as many."""
    idle_timeout: int = 60
    """The balancer's, in seconds."""
    matcher: str = "200"
    """What the health check takes for healthy: 200, 200,202 or 200-299."""
    ready_seconds: int = 300
    """How long the app may take to answer its health path once it is started. Less than the hook's time."""
    proxy_image: str = (
        # nginx 1.28.3 on Alpine, the index of both architectures.
        "docker.io/library/nginx@sha256:a8b39bd9cf0f83869a2162827a0caf6137ddf759d50a171451b335cecc87d236"
    )
    plugin: Plugin = Plugin()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    workers: tuple[Worker, ...] = ()

    @property
    def registries(self) -> tuple[str, ...]:
        """The hosts of ECR that its images lie in: these take a login."""
        images = (parse_image(name) for name in (self.image, self.proxy_image))
        return tuple(sorted({image.host for image in images if image.registry}))

    @property
    def metrics_namespace(self) -> str:
        """The only one that its role may put metrics into."""
        return f"bluegreen/{self.service}/{self.stack}"

    @property
    def record_parameter(self) -> str:
        """The parameter that says which color is active."""
        return f"/bluegreen/{self.service}/{self.stack}/record"
