"""One workspace for each test, on the embedded engine and, where there is one, on a real CLI."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pulumi.automation as auto
import pytest
from semver import VersionInfo

from sandbox.engine import crypto
from sandbox.engine.command import VERSION, EmbeddedPulumi
from tests.sandbox.engine import fuzz

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROJECT = "fuzz"
FEW = 1000
"""Rounds of key derivation where no other engine reads the state: a million take a quarter of a second."""


class Workspace:
    """A project with its own state, world of things, and engine."""

    def __init__(self, root: Path, engine: str) -> None:
        self.root = root
        self.engine = engine
        self.source = ROOT
        self.project = root / "project"
        self.world = root / "world"
        self.state = root / "state"
        for folder in (self.project, self.world, self.state):
            folder.mkdir(parents=True)
        (self.project / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        self.env = {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
            "FUZZ_WORLD": str(self.world),
            "GRPC_VERBOSITY": "NONE",
        }
        if shutil.which("pulumi"):
            self._install_plugin()

    def _install_plugin(self) -> None:
        folder = self.root / "home" / "plugins" / "resource-fuzz-v1.0.0"
        folder.mkdir(parents=True)
        script = folder / "pulumi-resource-fuzz"
        program = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from tests.sandbox.engine.fuzz import main; main()"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        # A plugin is only found together with the marker that its installation left.
        (folder.parent / "resource-fuzz-v1.0.0.lock").touch()

    def command(self, engine: str = "") -> auto.PulumiCommand:
        if (engine or self.engine) == "embedded":
            return EmbeddedPulumi({"fuzz": lambda: fuzz.FuzzProvider(self.world)})
        command = auto.PulumiCommand(skip_version_check=True)
        # One that was built from source doesn't say its version; the API wants to know it.
        command.version = command.version or VersionInfo.parse(VERSION)
        return command

    def stack(
        self, program: Callable[[], None] | None = None, name: str = "dev", *, engine: str = "", **env: str
    ) -> auto.Stack:
        return auto.create_or_select_stack(
            name,
            project_name=PROJECT,
            program=program or (lambda: None),
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(self.project), env_vars={**self.env, **env}, pulumi_command=self.command(engine)
            ),
        )

    def calls(self, *wanted: str) -> list[str]:
        return fuzz.calls(self.world, *wanted)

    def things(self) -> dict[str, dict]:
        return fuzz.things(self.world)

    def state_file(self, name: str = "dev") -> Path:
        return self.state / ".pulumi" / "stacks" / PROJECT / f"{name}.json"


@pytest.fixture(params=["embedded", pytest.param("cli", marks=pytest.mark.cli)])
def workspace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    if request.param == "embedded":
        monkeypatch.setattr(crypto, "ITERATIONS", FEW)
    elif not shutil.which("pulumi"):
        pytest.skip("no pulumi on PATH: this half of the conformance tests did not run")
    return Workspace(tmp_path, request.param)


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(crypto, "ITERATIONS", FEW)
    return Workspace(tmp_path, "embedded")


@pytest.fixture
def both(tmp_path: Path) -> Workspace:
    """For tests in which the two engines take turns."""
    if not shutil.which("pulumi"):
        pytest.skip("no pulumi on PATH: the engines can't take turns")
    return Workspace(tmp_path, "embedded")


os.environ.setdefault("GRPC_VERBOSITY", "NONE")
