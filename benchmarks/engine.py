"""The embedded engine against a real CLI, where one is on PATH: the same program of a hundred resources on each.

Each has a stack of its own, and the same provider: in process for the one, as a plugin for the other. Measured is the
whole of `stack.up()`, with all the calls that the Automation API makes of it. Nothing is promised: the embedded engine
is there for machines without a CLI.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pulumi
from pulumi import automation as auto
from semver import VersionInfo

from benchmarks.pairs import SKIPPED, ended, in_turns, show
from benchmarks.things import Things
from sandbox.engine.command import VERSION, EmbeddedPulumi

RESOURCES = 100
CHAINS = 10
ROOT = Path(__file__).resolve().parents[1]


class Thing(pulumi.CustomResource):
    serial: pulumi.Output[int]

    def __init__(self, name: str, serial: int, after: Thing | None) -> None:
        inputs = {"serial": serial, "after": after.id if after else "none"}
        super().__init__("things:index:Thing", name, inputs, pulumi.ResourceOptions(version=Things.version))


class Side:
    """One engine with its own state; each first update makes a new stack of it."""

    def __init__(self, root: Path, command: auto.PulumiCommand) -> None:
        self._root = root
        self._command = command
        self._stacks = 0
        self._serial = 0
        self._stack: auto.Stack
        (root / "state").mkdir(parents=True)
        (root / "Pulumi.yaml").write_text("name: things\nruntime: python\n")
        self._environ = {
            "PULUMI_BACKEND_URL": f"file://{root / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "none",
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def first(self) -> float:
        self._stacks += 1
        self._stack = auto.create_stack(
            f"turn{self._stacks}",
            project_name="things",
            program=self._program,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(self._root), env_vars=self._environ, pulumi_command=self._command
            ),
        )
        return self._up({"create": RESOURCES + 1})

    def unchanged(self) -> float:
        return self._up({"same": RESOURCES + 1})

    def changed(self) -> float:
        self._serial += 1
        return self._up({"same": RESOURCES, "update": 1})

    def targeted(self) -> float:
        self._serial += 1
        return self._up({"same": RESOURCES, "update": 1}, ["**::thing-last"])

    def _program(self) -> None:
        """Chains of things, each waiting for the one before; the last of all changes."""
        for chain in range(CHAINS):
            before: Thing | None = None
            for link in range(RESOURCES // CHAINS):
                last = chain == CHAINS - 1 and link == RESOURCES // CHAINS - 1
                name = "thing-last" if last else f"thing-{chain}-{link}"
                before = Thing(name, self._serial if last else 0, before)

    def _up(self, expected: dict[str, int], targets: list[str] | None = None) -> float:
        begun = time.perf_counter()
        result = self._stack.up(target=targets)
        seconds = time.perf_counter() - begun
        changes = {str(key): count for key, count in (result.summary.resource_changes or {}).items()}
        if changes != expected:
            raise RuntimeError(f"{type(self._command).__name__} did {changes}, not {expected}")
        return seconds


def main() -> int:
    if shutil.which("pulumi") is None:
        print("skipped: no `pulumi` is on PATH, so there is nothing to measure the embedded engine against")
        return SKIPPED
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours = Side(root / "embedded", EmbeddedPulumi({"things": Things}))
        theirs = Side(root / "cli", real(root / "cli" / "home"))
        pairs = [
            in_turns(name, "a real CLI", getattr(ours, what), getattr(theirs, what))
            for name, what in (
                (f"first up of {RESOURCES}", "first"),
                ("up without a change", "unchanged"),
                ("up with one change", "changed"),
                ("the same, targeted", "targeted"),
            )
        ]
    return show("Engine", pairs)


def real(home: Path) -> auto.PulumiCommand:
    """The CLI on PATH, with the provider as a plugin in its home."""
    folder = home / "plugins" / f"resource-things-v{Things.version}"
    folder.mkdir(parents=True)
    script = folder / "pulumi-resource-things"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec {sys.executable} -m benchmarks.things\n')
    script.chmod(0o755)
    # A plugin is only found together with the marker that its installation left.
    (folder.parent / f"{folder.name}.lock").touch()
    command = auto.PulumiCommand(skip_version_check=True)
    # One that was built from source doesn't say its version; the API wants to know it.
    command.version = command.version or VersionInfo.parse(VERSION)
    return command


if __name__ == "__main__":
    ended(main)
