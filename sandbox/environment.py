"""A whole environment for a process that acts on a sandbox, and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.daemon import Running

_OTHERS = ("AWS_", "PULUMI_", "BLUEGREEN_")
_KEPT = ("BLUEGREEN_ENGINE",)


def exports(running: Running, environ: Mapping[str, str]) -> dict[str, str]:
    """The given environment with the sandbox's; what spoke of other accounts, backends and stacks is left out."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_OTHERS) or name in _KEPT}
    return {**kept, **running.environ()}
