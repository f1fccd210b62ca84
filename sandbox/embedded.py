"""The embedded engine with the stand-in provider, as the driver's entry point `bluegreen.engine` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pulumi.automation import PulumiCommand


class NotASandbox(Exception):
    """The embedded engine was asked to work on something else than a sandbox. The text says why."""


def command(environ: Mapping[str, str]) -> PulumiCommand:
    """The engine for the environment of `bluegreen sandbox env`. Raises NotASandbox for any other.

    The stand-in provider makes resources well enough to rehearse with, not well enough for an account that matters.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL", "")
    if not endpoint:
        raise NotASandbox("no sandbox is in use here (AWS_ENDPOINT_URL is not set)")
    if not loopback(endpoint):
        raise NotASandbox(f"{endpoint} is not an address of this machine, so it is no sandbox")
    from sandbox.engine.command import EmbeddedPulumi
    from sandbox.provider import PROVIDERS

    return EmbeddedPulumi(PROVIDERS)


def loopback(endpoint: str) -> bool:
    """Whether a URL points to this machine's loopback range."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
