"""The platform `compose`: a color is an EC2 Auto Scaling group whose instances run containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra import rendering
from infra.colors.fleet import INSTANCE_PORT, RENDERING, TEMPLATE, Fleet
from infra.colors.ground import Footing
from infra.colors.platform import Filling, Ground, Site
from infra.record import Color, Slot
from infra.settings import Settings


class Compose:
    """Instances behind a target group of the type `instance`."""

    def rendered_from(self, settings: Settings) -> Mapping[str, Any]:
        return {
            "rendering": RENDERING,
            "template": rendering.source(TEMPLATE),
            "compose": settings.compose.model_dump(include={"instance_type", "ami", "grace", "volume"}),
            "port": settings.port,
            "healthCheck": settings.health_check.model_dump(),
            "drain": settings.drain,
            "tags": dict(settings.tags),
        }

    def ground(self, color: Color, site: Site, *, settled: bool) -> Ground:
        return Footing(color, "compose", "instance", INSTANCE_PORT, site, settled=settled).ground

    def fill(
        self, color: Color, slot: Slot, site: Site, ground: Ground, *, anew: bool, steady: bool = False
    ) -> Filling:
        fleet = Fleet(color, slot, site, ground, anew=anew, steady=steady)
        return Filling(fleet.group_name, fleet)
