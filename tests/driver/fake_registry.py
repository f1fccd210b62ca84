"""A registry of images in memory, as the driver asks one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driver.release.keep import Tagged
from driver.release.scan import Scan
from infra.images import parse_image


@dataclass
class FakeRegistry:
    """One repository. `failing` is raised by whatever it is asked."""

    tags: dict[str, str] = field(default_factory=dict)
    """Tag -> digest."""
    scans: dict[str, Scan] = field(default_factory=dict)
    built_for: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failing: Exception | None = None

    def scan(self, image: str) -> Scan:
        self._refuse()
        return self.scans.get(image, Scan(False, "not there"))

    def processors(self, image: str) -> tuple[str, ...]:
        self._refuse()
        return self.built_for.get(image, ())

    def tagged(self, image: str, prefix: str) -> Mapping[str, Tagged]:
        self._refuse()
        digests = list(self.tags.values())
        return {
            tag: Tagged(digest, digests.count(digest) == 1)
            for tag, digest in self.tags.items()
            if tag.startswith(prefix)
        }

    def tag(self, image: str, tag: str) -> None:
        self._refuse()
        self.tags[tag] = parse_image(image).digest

    def untag(self, image: str, tag: str) -> None:
        self._refuse()
        del self.tags[tag]

    def _refuse(self) -> None:
        if self.failing:
            raise self.failing
