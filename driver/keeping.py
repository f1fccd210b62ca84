"""Holds on to the images that a record names, so that no rule of their repository expires them.

Never in a release's way: what fails here is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from driver.errors import Failure
from driver.images import short
from driver.ports import Ports
from driver.release import keep
from infra.images import parse_image


def hold(ports: Ports, *also: str) -> None:
    """Tags the record's images, and others that are about to be in it."""
    deployed = ports.cloud.stored().deployed
    recorded = keep.named(deployed.record) if deployed else ()
    for image in dict.fromkeys([*recorded, *(one for one in also if parse_image(one).registry)]):
        try:
            ports.cloud.registry().tag(image, keep.tag(ports.stack.project, ports.stack.name, image))
        except (Failure, LookupError) as error:
            ports.tell(f"{short(image)} could not be tagged as running, so its repository may expire it: {_why(error)}")
            return


def let_go(ports: Ports) -> None:
    """Takes the stack's tags from images that its record names no longer."""
    deployed = ports.cloud.stored().deployed
    if deployed is None:
        return
    recorded = keep.named(deployed.record)
    begin = keep.front(ports.stack.project, ports.stack.name)
    for image in _repositories(recorded):
        try:
            for tag in keep.stale(ports.cloud.registry().tagged(image, begin), begin, recorded):
                ports.cloud.registry().untag(image, tag)
        except (Failure, LookupError) as error:
            ports.tell(f"images that no longer run could not be untagged, so they stay: {_why(error)}")
            return


def _repositories(images: Iterable[str]) -> list[str]:
    """One image of each repository."""
    found = {(parse_image(image).host, parse_image(image).name): image for image in images}
    return list(found.values())


def _why(error: Exception) -> str:
    return (error.why or error.what) if isinstance(error, Failure) else "it isn't there any more"
