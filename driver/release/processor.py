"""Whether an image is for the processor that a platform runs on. Pure."""

from __future__ import annotations

from collections.abc import Collection

from driver.errors import Refused
from driver.images import short

NAMES = {"amd64": "x86_64", "arm64": "arm64"}
"""Of an image index (OCI, GOARCH) -> of the settings."""


def check_processor(image: str, built_for: Collection[str], platform: str, wanted: str) -> None:
    """Raises Refused where the registry tells processors, and the wanted one is not among them."""
    if not built_for or not wanted or wanted in built_for:
        return
    found = " and ".join(sorted(built_for))
    setting = "fargate.architecture" if platform == "fargate" else "compose.instanceType"
    raise Refused(
        f"{short(image)} can't run on {platform}",
        f"the image is for {found}, and {setting} means {wanted}",
        ("deploy IMAGE", "config validate"),
    )
