"""Who acts: what records and intents name."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping

_JOBS = (("GITHUB_RUN_ID", "GitHub run"), ("CI_JOB_ID", "ci job"), ("BUILD_ID", "build"))


def who(environ: Mapping[str, str] = os.environ) -> str:
    """BLUEGREEN_WHO, or the pipeline's job, or the user and the machine."""
    if named := environ.get("BLUEGREEN_WHO"):
        return named
    for variable, kind in _JOBS:
        if environ.get(variable):
            return f"{kind} {environ[variable]}"
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "someone"
    return f"{user}@{socket.gethostname()}"
