"""The real tools, where this machine has them: on PATH, or in `.tools` (`make tools` puts there what it can get)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[3] / ".tools"


@cache
def nginx() -> str | None:
    own = _TOOLS / "nginx/usr/sbin/nginx"
    # Where Debian puts it is on no user's PATH.
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx") or shutil.which(str(own))


@cache
def compose() -> tuple[str, ...] | None:
    """The command that is Compose 2 or later."""
    for command in (("docker", "compose"), (str(_TOOLS / "bin/docker-compose"),), ("docker-compose",)):
        if shutil.which(command[0]):
            said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if said.returncode == 0 and not said.stdout.lstrip("v").startswith("1."):
                return command
    return None


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="runs what an instance runs, with its tools: on Linux")
needs_nginx = pytest.mark.skipif(nginx() is None, reason="no nginx here: `make tools`, or install it")
needs_compose = pytest.mark.skipif(compose() is None, reason="no Docker Compose here: `make tools`, or install it")
