"""Resources of pulumi-aws and awsx, made by real AWS API calls against the sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.engine.protocol import Provider


def providers(environ: Mapping[str, str]) -> Mapping[str, Callable[[], Provider]]:
    """What the engine is given: a maker for each package, for the sandbox that the environment names."""

    def aws() -> Provider:
        from sandbox.provider.aws import AwsProvider

        return AwsProvider(environ)

    def awsx() -> Provider:
        from sandbox.provider.awsx import AwsxProvider

        return AwsxProvider(environ)

    return {"aws": aws, "awsx": awsx}


PROVIDERS = providers(os.environ)
