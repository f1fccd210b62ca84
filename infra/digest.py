"""The digest of a release: over the settings, the templates and the image it is rendered from, never over Outputs."""

from __future__ import annotations

import hashlib
import json

from infra import images
from infra.colors import platform as platforms
from infra.settings import Settings


def release_digest(settings: Settings, platform: str, image: str) -> str:
    """The same for both colors and every fill, so that a release can be known again.

    An `r` and eleven hex digits: YAML would read some digests that are all hex as numbers.
    """
    parts = platforms.named(platform).rendered_from(settings)
    whole = {"platform": platform, "image": images.exact(image), "project": settings.project, "stack": settings.stack}
    canonical = json.dumps({**whole, "parts": parts}, sort_keys=True, separators=(",", ":"))
    return "r" + hashlib.sha256(canonical.encode()).hexdigest()[:11]
