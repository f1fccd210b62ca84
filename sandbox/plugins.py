"""The stand-in provider as plugins of a real Pulumi CLI: where there is one, the sandbox's stacks run on it too."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from pathlib import Path

_SDKS = {"aws": "pulumi_aws", "awsx": "pulumi_awsx"}


def install(pulumi_home: Path) -> None:
    """Writes a plugin for each package into a private PULUMI_HOME, of the version that the SDK here asks for."""
    for package, sdk in _SDKS.items():
        folder = pulumi_home / "plugins" / f"resource-{package}-v{version(sdk)}"
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / f"pulumi-resource-{package}"
        module = shlex.join([sys.executable, "-m", "sandbox.plugins", package])
        root = shlex.quote(str(Path(__file__).resolve().parents[1]))
        program.write_text(f'#!/bin/sh\nPYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} exec {module} "$@"\n')
        program.chmod(0o755)


def main(package: str) -> None:
    """Serves one package's provider until the CLI ends it."""
    from sandbox.engine.plugin import serve
    from sandbox.provider import PROVIDERS

    serve(PROVIDERS[package]())


if __name__ == "__main__":
    main(sys.argv[1])
