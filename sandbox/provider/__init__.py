"""Resources of pulumi-aws and awsx, made by real AWS API calls against the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.engine.protocol import Provider


def _aws() -> Provider:
    from sandbox.provider.aws import AwsProvider

    return AwsProvider()


def _awsx() -> Provider:
    from sandbox.provider.awsx import AwsxProvider

    return AwsxProvider()


PROVIDERS: Mapping[str, Callable[[], Provider]] = {"aws": _aws, "awsx": _awsx}
"""What the engine is given: a maker for each package."""
