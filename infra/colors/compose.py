"""The platform `compose`: a color is an EC2 Auto Scaling group whose instances run containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infra import bundle
from infra.colors.composed import composed
from infra.colors.fleet import RENDERING, Fleet
from infra.colors.ground import Footing
from infra.colors.platform import Change, Filling, Ground, Site
from infra.compose_release import INSTANCE_PORT
from infra.record import Color, Slot
from infra.settings import Settings


class Compose:
    """Instances behind a target group of the type `instance`."""

    def rendered_from(self, settings: Settings) -> Mapping[str, Any]:
        return {
            "rendering": RENDERING,
            "sources": bundle.sources(),
            # With what the settings leave to this program, as the version of Compose.
            "bundle": asdict(composed(settings)),
            "compose": settings.compose.model_dump(include={"instance_type", "ami", "grace", "volume", "boot_timeout"}),
            "cache": settings.cache is not None,
            "healthCheck": settings.health_check.model_dump(),
            "drain": settings.drain,
            "tags": dict(settings.tags),
        }

    def check(self, settings: Settings) -> None:
        bundle.check(composed(settings, color="blue", image=f"{settings.project}@sha256:{'0' * 64}"))

    def ground(self, color: Color, site: Site, *, settled: bool) -> Ground:
        return Footing(color, "compose", "instance", INSTANCE_PORT, site, settled=settled).ground

    def fill(self, color: Color, slot: Slot, site: Site, ground: Ground, change: Change) -> Filling:
        # Its workers come with each instance, and ask for the record themselves.
        fleet = Fleet(color, slot, site, ground, change)
        return Filling(fleet.group_name, fleet.templates, fleet)
