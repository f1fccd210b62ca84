"""What keeps a color from getting ready, asked only where something does: two calls that a look can spare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driver.errors import Failure
from driver.release.snapshot import Fleet, Snapshot

if TYPE_CHECKING:
    from driver.ports import Cloud
    from infra.record import Color


def explained(cloud: Cloud, seen: Snapshot) -> Snapshot:
    """The same, with the reasons of instances that never got ready in the fleets that lack some."""
    fleets = {
        color: replace(fleet, lost=lost(cloud, color, fleet)) if fleet.healthy < fleet.wanted else fleet
        for color, fleet in seen.fleets.items()
    }
    return replace(seen, fleets=fleets)


def lost(cloud: Cloud, color: Color, fleet: Fleet, template: str = "") -> tuple[str, ...]:
    """A line for each reason. What can't be asked is not worth failing for: the targets' own reasons stay.

    `template`: what is asked for was launched from that, where it is not what the capacity launches from now.
    """
    try:
        return cloud.launch_failures(fleet.group, color, template) if fleet.group else ()
    except (Failure, LookupError):
        return ()
