"""The executable `pulumi` in a sandbox's home, and the PATH that finds it where there is no other."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_FOLDER = "bin"
_MARK = "# Not Pulumi's CLI: the engine of bluegreen's sandbox."


def install(home: Path) -> None:
    """Writes it. It runs by this very Python, wherever it is called from."""
    folder = home / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    root = shlex.quote(str(Path(__file__).resolve().parents[2]))
    module = shlex.join([sys.executable, "-m", "sandbox.lookalike"])
    program.write_text(f'#!/bin/sh\n{_MARK}\nPYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} exec {module} "$@"\n')
    program.chmod(0o755)


def remove(home: Path) -> None:
    shutil.rmtree(home / _FOLDER, ignore_errors=True)


def exports(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment needs so that `pulumi` is the look-alike; where there is a real one, nothing.

    The driver has to be told that what then lies on PATH is no CLI: it would take it for one.
    """
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    others = [folder for folder in folders if not _ours(Path(folder))]
    if shutil.which("pulumi", path=os.pathsep.join(others)) is None:
        return {"PATH": os.pathsep.join([str(home / _FOLDER), *others]), "BLUEGREEN_ENGINE": "embedded"}
    # An earlier `env` may have put a look-alike before the real one.
    return {"PATH": os.pathsep.join(others), "BLUEGREEN_ENGINE": "auto"} if others != folders else {}


def _ours(folder: Path) -> bool:
    """Whether a look-alike lies there, of this sandbox or another."""
    try:
        with (folder / "pulumi").open(encoding="utf-8", errors="replace") as program:
            return _MARK in program.read(200)
    except OSError:
        return False
