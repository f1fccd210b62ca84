"""A project's stack files, copied for the sandbox so that a rehearsal leaves no mark in the checkout."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sandbox.lookalike import shim
from sandbox.plugins import install

_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+")


def copy_project(source: Path, target: Path) -> Path:
    """Copies `Pulumi.yaml` and every stack file. `main` and the virtualenv keep pointing into the source."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("Pulumi.*.yaml"):
        shutil.copy2(file, target / file.name)
    yaml = YAML()
    data = yaml.load((source / "Pulumi.yaml").read_text())
    if data.get("main"):
        data["main"] = str((source / data["main"]).resolve())
    runtime = data.get("runtime")
    options = runtime.get("options") if isinstance(runtime, Mapping) else None
    if options and options.get("virtualenv"):
        options["virtualenv"] = str((source / options["virtualenv"]).resolve())
    with (target / "Pulumi.yaml").open("w") as out:
        yaml.dump(data, out)
    return target


def furnish(source: Path, home: Path) -> Path:
    """Puts a copy of the project, room for Pulumi's state, and its plugins into a sandbox's home; gives the copy.

    An earlier sandbox's are thrown away: they speak of resources that went with it.
    """
    clear(home)
    (home / "state").mkdir(parents=True)
    install(home / "pulumi")
    shim.install(home)
    return copy_project(source, home / "project")


def clear(home: Path) -> None:
    """Takes away what a sandbox's stacks left in its home."""
    for name in ("state", "project", "pulumi"):
        shutil.rmtree(home / name, ignore_errors=True)
    shim.remove(home)


def certificates(project: Path) -> list[str]:
    """ARNs of the certificates that settings name: a sandbox makes them up, or no such stack could come up in it."""
    text = "".join(file.read_text() for file in project.glob("Pulumi.*.yaml"))
    return sorted(set(_CERTIFICATE.findall(text)))


def project_name(project: Path) -> str:
    """The name in `Pulumi.yaml`."""
    return str(YAML(typ="safe").load((project / "Pulumi.yaml").read_text())["name"])


def stack_config(project: Path, stack: str) -> dict[str, Any]:
    """The `config` of a stack's file as it stands there; empty where there is no such file."""
    file = _file(project, stack)
    data = YAML(typ="safe").load(file.read_text()) if file.exists() else None
    return dict((data or {}).get("config") or {})


def set_config(project: Path, stack: str, key: str, value: Any) -> None:
    """Sets one key of a stack's file."""
    _edit(project, stack, lambda config: config.__setitem__(key, value))


def drop_config(project: Path, stack: str, key: str) -> None:
    """Takes one key out of a stack's file, if it is there."""
    _edit(project, stack, lambda config: config.pop(key, None))


def _edit(project: Path, stack: str, change: Any) -> None:
    file, yaml = _file(project, stack), YAML()
    data = yaml.load(file.read_text()) or {}
    change(data.setdefault("config", {}))
    with file.open("w") as out:
        yaml.dump(data, out)


def _file(project: Path, stack: str) -> Path:
    return project / f"Pulumi.{stack}.yaml"
