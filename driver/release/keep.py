"""The tags by which a stack holds on to the images that its record names. Pure.

A repository's rules expire what is old. An image with a tag that begins with `live-` is out of their reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.images import parse_image
from infra.record import Record

_LONGEST = 110
"""Signs of a tag's front, of the 128 that it may have."""
_DIGEST = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Tagged:
    """What a tag stands for. `alone`: the image has no other."""

    digest: str
    alone: bool


def front(project: str, stack: str) -> str:
    """What a stack's own tags begin with."""
    return f"live-{project}-{stack}"[:_LONGEST] + "-"


def tag(project: str, stack: str, image: str) -> str:
    """A stack's tag for an image: never another one's, so it fits repositories whose tags can't be moved."""
    return front(project, stack) + parse_image(image).digest.removeprefix("sha256:")[:12]


def named(record: Record) -> tuple[str, ...]:
    """The images that a record names, each once; those outside of ECR left out."""
    transition = record.transition
    source = [transition.source.image] if transition and transition.source else []
    images = dict.fromkeys([*(slot.image for slot in record.colors.values()), *source])
    return tuple(image for image in images if parse_image(image).registry)


def stale(tags: Mapping[str, Tagged], begin: str, kept: Iterable[str]) -> tuple[str, ...]:
    """The stack's own tags that no image of its record needs. The last tag of an image stays: it would go with it."""
    needed = {parse_image(image).digest for image in kept}
    return tuple(
        name
        for name, held in sorted(tags.items())
        if _DIGEST.fullmatch(name.removeprefix(begin)) and held.digest not in needed and not held.alone
    )
