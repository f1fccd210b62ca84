"""The platform `fargate`: a color is an ECS service whose tasks run on Fargate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.colors import service, task
from infra.colors.ground import Footing
from infra.colors.platform import Change, Filling, Ground, Site
from infra.compose_release import INSTANCE_PORT
from infra.record import Color, Slot
from infra.settings import Settings

_BESIDES = {"min", "desired", "max", "carries"}
"""What of its settings is no part of a release."""


class Fargate:
    """Tasks behind a target group of the type `ip`."""

    def rendered_from(self, settings: Settings) -> Mapping[str, Any]:
        return {
            "rendering": service.RENDERING,
            "containers": task.containers(settings),
            # Without any a release is the same as before there could be some.
            **({"workers": _workers(settings)} if settings.workers else {}),
            "fargate": settings.fargate.model_dump(mode="json", exclude=_BESIDES),
            "cache": settings.cache is not None,
            "healthCheck": settings.health_check.model_dump(),
            "drain": settings.drain,
            "tags": dict(settings.tags),
        }

    def check(self, settings: Settings) -> None:
        task.check(settings)

    def ground(self, color: Color, site: Site, *, settled: bool) -> Ground:
        # Each task registers with the port of its own container; the group's is for no one, and can't be changed.
        footing = Footing(color, "fargate", "ip", INSTANCE_PORT, site, settled=settled, reached=site.settings.port)
        return footing.ground

    def fill(self, color: Color, slot: Slot, site: Site, ground: Ground, change: Change) -> Filling:
        assert site.cluster is not None  # the program makes it where a color is on this platform
        made = service.Service(color, slot, site, site.cluster, ground, change)
        return Filling(made.capacity, made.templates, made)


def _workers(settings: Settings) -> Mapping[str, Any]:
    return {one.name: [one.count, task.containers(settings, worker=one)] for one in settings.workers}
