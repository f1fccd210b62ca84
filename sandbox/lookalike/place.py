"""Where a command works: the sandbox's own copy of the project, unless the person stands in another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.engine.project import NAMES


@dataclass(frozen=True)
class Place:
    """`note`: what the person is told about it."""

    directory: Path
    note: str = ""


def place(standing: Path, environ: Mapping[str, str], *, named: bool) -> Place:
    """In the checkout that a sandbox was started for, its copy is meant: that is what `bluegreen` works on there.

    `named`: the person named the directory, and that is the one.
    """
    copy = environ.get("BLUEGREEN_PROJECT", "")
    if named or not copy or not (Path(copy) / NAMES[0]).is_file():
        return Place(standing)
    used = Path(copy)
    here = next((folder for folder in (standing, *standing.parents) if _project(folder)), None)
    if here is not None and here.resolve() not in (used.resolve(), _source(used)):
        return Place(standing)
    if here is not None and here.resolve() == used.resolve():
        return Place(standing)
    return Place(used, f"; it works on the sandbox's copy of the project, {used}")


def _source(copy: Path) -> Path | None:
    """The checkout that a sandbox in its usual place, `<checkout>/.bluegreen/sandbox/project`, was started for."""
    parents = copy.resolve().parents
    usual = len(parents) > 2 and parents[0].name == "sandbox" and parents[1].name == ".bluegreen"
    return parents[2] if usual else None


def _project(folder: Path) -> bool:
    return any((folder / name).is_file() for name in NAMES)
