"""Images as people name them and as they read them; what a name means is `infra.images`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driver.errors import Invalid, Refused
from infra.images import Image, ImageError, parse_image
from infra.images import exact as exact_name

if TYPE_CHECKING:
    from infra.record import Record, Release


def named(text: str) -> Image:
    """What a person named. Raises Invalid for what is no image's name, or names no version."""
    try:
        return parse_image(text)
    except ImageError as error:
        raise Invalid(f"{text!r} can't be deployed", str(error), ("deploy shop:1.9.0",)) from None


def missing(text: str, image: Image, home: str = "", *, local: bool = False) -> Refused:
    """The refusal for an image that its registry, at `home`, does not have. `local`: AWS is one on this machine."""
    which = image.digest or f"the tag {image.tag}"
    why = f"the repository {image.name} has no image with {which}, or there is no such repository"
    if image.digest or not image.tag:
        return Refused(f"there is no image {text}", why, (f"$ aws ecr describe-images --repository-name {image.name}",))
    full = f"{home}/{image.name}:{image.tag}" if home else text
    hints = (f"$ docker push {full}", "deploy IMAGE")
    if local:
        hints = (f"sandbox push {image.name}:{image.tag}", *hints[1:])
    return Refused(f"there is no image {text}", why, hints)


def same(one: str, two: str) -> bool:
    """Whether two images of records are one: repository and digest count, the tag is only for people."""
    return exact_name(one) == exact_name(two)


def short(image: str) -> str:
    """For people: `shop:1.9.0 @77b1d0`."""
    name, _, digest = image.partition("@")
    return f"{name.rpartition('/')[2]} @{digest.removeprefix('sha256:')[:6]}"


def named_again(image: str) -> str:
    """An image of a record as a person would name it once more: by tag, where ECR can look that up."""
    found = parse_image(image)
    return f"{found.name}:{found.tag}" if found.tag and (found.registry or not found.host) else image


def asked_again(release: Release, record: Record) -> str:
    """What `deploy` is given for the same release: its image, and its platform where the settings' first may differ."""
    platforms = {slot.platform for slot in record.colors.values()} | {release.platform}
    return named_again(release.image) + ("" if platforms == {"compose"} else f" --platform {release.platform}")
