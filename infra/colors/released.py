"""The releases that a color's capacity runs: one, or two while one takes over from the other in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import pulumi

from infra import immutable
from infra.colors.platform import Change
from infra.record import Color, Slot
from infra.settings import Settings


def release_tags(settings: Settings, color: Color, slot: Slot) -> dict[str, str]:
    """What everything of a release, and all that is launched from it, is tagged with."""
    return {
        **settings.own_tags,
        "bluegreen:color": color,
        "bluegreen:fill": str(slot.fill),
        "bluegreen:release": slot.digest,
    }


@dataclass(frozen=True)
class Standing:
    """How a release stands in this update: under the fill `parent`, and rendered by it or not (`anew`).

    `alone`: it may have stood there under its name of before, when that had no digest in it.
    """

    parent: pulumi.Resource
    anew: bool
    alone: bool


class Released(pulumi.ComponentResource):
    """What one release brings. Named after color, fill and release: while one takes over from another, both are there.

    Outside the update that renders it nothing of it changes.
    """

    launched_from: pulumi.Output[str]
    """What members of the color's capacity are launched from, as the record notes it."""

    def __init__(self, kind: str, color: Color, slot: Slot, settings: Settings, standing: Standing) -> None:
        self.name = f"{color}-{slot.fill}-{slot.digest}"
        opts = pulumi.ResourceOptions(parent=standing.parent)
        super().__init__(f"bluegreen:index:{kind}", f"{self.name}-release", opts=opts)
        self.color, self.slot, self.settings, self.standing = color, slot, settings, standing
        self.tags = release_tags(settings, color, slot)

    def _opts(self, arguments: type, part: str) -> pulumi.ResourceOptions:
        # What a stack has by the name of before is kept: else it would be deleted while targets are launched from it.
        before = f"{self.color}-{self.slot.fill}-{part}"
        return pulumi.ResourceOptions(
            parent=self,
            ignore_changes=None if self.standing.anew else immutable.inputs(arguments),
            aliases=[pulumi.Alias(name=before, parent=self.standing.parent)] if self.standing.alone else None,
        )


Kind = TypeVar("Kind", bound=Released)


@dataclass(frozen=True)
class Releases(Generic[Kind]):
    """`runs`: the one that the capacity launches from, of the slot `slot`. `templates`: of each, by digest."""

    runs: Kind
    slot: Slot
    templates: Mapping[str, pulumi.Output[str]]


def releases(
    slot: Slot, change: Change, parent: pulumi.Resource, make: Callable[[Slot, Standing], Kind]
) -> Releases[Kind]:
    """Makes those that a slot has in this update."""
    leaving = change.handover.slot(slot)
    rendered = change.anew or change.handover.begins
    made = [(slot, make(slot, Standing(parent, anew=rendered, alone=leaving is None)))]
    if leaving:
        made.append((leaving, make(leaving, Standing(parent, anew=False, alone=True))))
    of, runs = made[-1]
    return Releases(runs, of, {one.digest: release.launched_from for one, release in made})
