"""`Pulumi.yaml`, and which stack is the selected one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sandbox.engine.failure import CommandFailed

NAMES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


@dataclass(frozen=True)
class Project:
    """What the engine needs of a project file."""

    name: str
    path: Path
    runtime: str
    config: Mapping[str, Any] = field(default_factory=dict)
    config_directory: str = ""
    main: str = ""

    @property
    def root(self) -> Path:
        return self.path.parent

    def stack_file(self, stack: str) -> Path:
        """`Pulumi.<stack>.yaml`, or whichever of its spellings is there."""
        folder = self.root / self.config_directory
        for suffix in (".yaml", ".yml", ".json"):
            if (folder / f"Pulumi.{stack}{suffix}").exists():
                return folder / f"Pulumi.{stack}{suffix}"
        return folder / f"Pulumi.{stack}.yaml"


def find(directory: Path) -> Project:
    """The project of this directory or the nearest above it. Raises CommandFailed."""
    for folder in (directory, *directory.parents):
        for name in NAMES:
            if (folder / name).is_file():
                return load(folder / name)
    raise CommandFailed(
        f"could not detect current project: no Pulumi.yaml project file found (searching upwards from {directory}). "
        "If you have not created a project yet, use `pulumi new` to do so: no project file found"
    )


def load(path: Path) -> Project:
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise CommandFailed(f"could not load project: invalid YAML file {path}: {error}") from error
    if not isinstance(document, dict) or not document.get("name"):
        raise CommandFailed(f"could not load project: {path} is missing a 'name' attribute")
    runtime = document.get("runtime") or ""
    return Project(
        name=str(document["name"]),
        path=path,
        runtime=str(runtime.get("name", "") if isinstance(runtime, dict) else runtime),
        config=dict(document.get("config") or {}),
        config_directory=str(document.get("stackConfigDir") or ""),
        main=str(document.get("main") or ""),
    )


@dataclass(frozen=True)
class Selection:
    """Remembers the selected stack of a project, as the real CLI does, under PULUMI_HOME."""

    home: Path
    project: Project
    backend_url: str

    @property
    def _file(self) -> Path:
        digest = hashlib.sha1(str(self.project.path).encode(), usedforsecurity=False).hexdigest()
        return self.home / "workspaces" / f"{self.project.name}-{digest}-workspace.json"

    def get(self) -> str:
        try:
            stacks = json.loads(self._file.read_text()).get("stacks") or {}
        except (OSError, ValueError):
            return ""
        return str(stacks.get(self.backend_url, "")).rpartition("/")[2]

    def set(self, stack: str) -> None:
        try:
            document = json.loads(self._file.read_text())
        except (OSError, ValueError):
            document = {}
        stacks = {**(document.get("stacks") or {})}
        stacks.pop(self.backend_url, None)
        if stack:
            stacks[self.backend_url] = f"organization/{self.project.name}/{stack}"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"stacks": stacks}, indent=4))
