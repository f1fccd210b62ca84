"""Which program a project runs, where, and by which Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sandbox.engine.failure import CommandFailed
from sandbox.engine.project import Project


@dataclass(frozen=True)
class Program:
    """`target` is what runs (a directory with `__main__.py`, or a file), seen from `directory`."""

    root: Path
    directory: Path
    target: str
    python: Path


def program_of(project: Project, warn: Callable[[str], None]) -> Program:
    """Raises CommandFailed for a project that is not written in Python, or whose `main` is not there."""
    if project.runtime != "python":
        raise CommandFailed(f"this engine runs programs in python, and {project.path} says runtime: {project.runtime}")
    main = (project.root / project.main).resolve()
    if not main.exists():
        raise CommandFailed(f"could not find the program: `main` of {project.path} is {main}, which does not exist")
    whole = main.is_dir()
    return Program(
        root=project.root,
        directory=main if whole else main.parent,
        target="." if whole else main.name,
        python=_python(project, warn),
    )


def _python(project: Project, warn: Callable[[str], None]) -> Path:
    own = Path(sys.executable)
    named = _virtualenv(project)
    if not named:
        return own
    folder = (project.root / named).expanduser()
    found = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if found.exists():
        return found
    warn(f"warning: there is no virtualenv {folder}; the program runs by {own}")
    return own


def _virtualenv(project: Project) -> str:
    document: Any = YAML(typ="safe", pure=True).load(project.path.read_text(encoding="utf-8"))
    runtime = document.get("runtime")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    return str((options or {}).get("virtualenv") or "")
