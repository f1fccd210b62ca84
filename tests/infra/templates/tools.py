"""The real tools, where this machine has them: on PATH, or in `.tools` (`make tools` puts there what it can get)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[3] / ".tools"


@cache
def nginx() -> str | None:
    # Our own first: it is of the version that instances run. Where Debian puts one is on no user's PATH.
    return (
        shutil.which(str(_TOOLS / "nginx/usr/sbin/nginx")) or shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    )


@cache
def nginx_is(*version: int) -> bool:
    """Whether nginx is that version or a later one."""
    said = subprocess.run([str(nginx()), "-v"], capture_output=True, text=True, check=False).stderr if nginx() else ""
    found = re.search(r"nginx/([\d.]+)", said)
    return found is not None and tuple(int(part) for part in found[1].split(".")) >= version


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
