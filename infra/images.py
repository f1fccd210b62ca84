"""Container images by name: what was asked for, and where it lies. Pure; the driver may use it too."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

# The grammar of Docker's reference package, without upper-case hosts.
_IMAGE = re.compile(
    r"(?:(?P<host>(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d+)?|localhost(?::\d+)?|[a-z0-9-]+:\d+)/)?"
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


class ImageError(ValueError):
    """Text that names no image, or one whose digest can't be found out."""


@dataclass(frozen=True)
class Image:
    """An image by name. `host` is empty for the ECR registry of the stack's own account and region."""

    host: str
    name: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return self._address + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def registry(self) -> tuple[str, str] | None:
        """Account and region of an ECR host, else None."""
        match = _ECR.fullmatch(self.host)
        return (match["account"], match["region"]) if match else None

    @property
    def exact(self) -> str:
        """What a machine pulls: without the tag, which is for people."""
        return f"{self._address}@{self.digest}"

    @property
    def _address(self) -> str:
        return f"{self.host}/{self.name}" if self.host else self.name

    def pinned(self, digest: str) -> str:
        """As the record writes it: the tag stays for people, the digest decides."""
        return str(replace(self, digest=digest))


def parse_image(text: str) -> Image:
    """The image that a text names. Raises ImageError."""
    match = _IMAGE.fullmatch(text)
    if match is None:
        raise ImageError(f"{text!r} names no image, as shop:1.8.0 or registry.example/shop@sha256:… do")
    image = Image(match["host"] or "", match["name"], match["tag"] or "", match["digest"] or "")
    if not image.tag and not image.digest:
        raise ImageError(f"{text!r} has neither tag nor digest")
    if image.host and image.registry is None and not image.digest:
        raise ImageError(f"{text!r} isn't in ECR, so its tag can't be resolved: name it by its sha256 digest")
    return image


def exact(image: str) -> str:
    """The image of a record as a machine pulls it. Raises ImageError."""
    return parse_image(image).exact
