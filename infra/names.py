"""The fixed names that a stack's parts know each other by. Pure; the same for every release of a color."""

from __future__ import annotations

from infra.record import Color, Slot
from infra.settings import Settings

HOOK = "ready"
"""The lifecycle hook that holds an instance out until it answers."""
RELEASES = "releases"
"""The folder of the bundles in their bucket."""
TOOLS = "tools"
"""The folder in the same bucket where a mirrored Compose binary lies."""


def log_group(settings: Settings, color: Color) -> str:
    """Where a color's instances write. It outlives a fill: why one never got ready is read after it is gone."""
    return f"/bluegreen/{settings.project}/{settings.stack}/{color}"


def metrics_namespace(settings: Settings) -> str:
    """Where a stack's instances put their metrics."""
    return f"bluegreen/{settings.project}/{settings.stack}"


def bundle_key(color: Color, slot: Slot) -> str:
    """Where a release's bundle lies. Another release has another key, so no bundle is ever written over."""
    return f"{RELEASES}/{color}/{slot.fill}/{slot.digest}.tar.gz"


def group_pattern(color: Color, slot: Slot) -> str:
    """What the name of a fill's scaling group looks like; Pulumi adds some signs of its own."""
    return f"{color}-{slot.fill}-group-*"


def family(settings: Settings, color: Color, slot: Slot, worker: str = "") -> str:
    """Of a fill's task definition: ECS takes letters, digits, - and _ (RegisterTaskDefinition), Pulumi dots as well."""
    tail = f"-{worker}" if worker else ""
    return f"{settings.project}-{settings.stack}-{color}-{slot.fill}".replace(".", "-") + tail
