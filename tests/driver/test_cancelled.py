"""Jobs that are cancelled, with real engines and real signals: no lock stays, or one that the next run proves dead."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from driver.stack.lease import break_dead_locks
from sandbox.engine import crypto
from tests.sandbox.engine.conftest import FEW, ROOT, Workspace
from tests.sandbox.engine.programs import Described

pytestmark = pytest.mark.slow  # the pipelines' own waits: 7.5 and 2.5 seconds

RUN = """
import os, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
os.environ["PULUMI_HOME"] = {home!r}
from driver.interrupts import INTERRUPTS
from driver.stack.engine import Answering, DetachedCli
from sandbox.engine import crypto
from tests.sandbox.engine.conftest import Workspace
from tests.sandbox.engine.programs import Described
crypto.ITERATIONS = {few}
workspace = Workspace.__new__(Workspace)
workspace.__dict__.update({about!r})
for name in ("root", "project", "world", "state"):
    setattr(workspace, name, Path(getattr(workspace, name)))
plain = workspace.command
def command(engine=""):
    return Answering(plain()) if workspace.engine == "embedded" else DetachedCli()
workspace.command = command
INTERRUPTS.install()
stack = workspace.stack(Described(first={{}}, thing={{"slow": {slow}, "after": "first"}}))
try:
    stack.up()
except BaseException as error:
    print("ended", type(error).__name__, flush=True)
"""


@pytest.fixture(params=["embedded", pytest.param("cli", marks=pytest.mark.cli)])
def workspace(request, tmp_path, monkeypatch):
    if request.param == "embedded":
        monkeypatch.setattr(crypto, "ITERATIONS", FEW)
    elif not shutil.which("pulumi"):
        pytest.skip("no pulumi on PATH: the embedded engine alone was cancelled")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK", "true")
    return Workspace(tmp_path, request.param)


def begun(workspace, slow, **environ):
    """A driver whose update is at an operation that takes so many seconds."""
    workspace.stack()  # the driver names the stack, and never selects it
    about = {key: value if isinstance(value, dict) else str(value) for key, value in vars(workspace).items()}
    home = str(workspace.root / "home")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GITLAB_", "CI"))}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format(root=str(ROOT), home=home, about=about, few=FEW, slow=slow)],
        env={**clean, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while "Thing::thing" not in workspace.state_file().read_text() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    return process


def tree(process):
    """The job's processes, the youngest first."""
    root = psutil.Process(process.pid)
    return sorted([root, *root.children(recursive=True)], key=lambda one: -one.pid)


def kill(processes):
    for one in processes:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue


def locks(workspace):
    return list((workspace.state / ".pulumi" / "locks").rglob("*.json"))


def goes_on(workspace):
    """The next run: with nothing in the way, or nothing that it can't prove dead."""
    left = locks(workspace)
    stack = workspace.stack(Described(first={}))
    if left:
        with pytest.raises(Exception, match="currently locked") as caught:
            stack.up()
        assert len(break_dead_locks(str(caught.value))) == len(left)
    stack.refresh(clear_pending_creates=True)
    stack.up()
    assert not locks(workspace)


@pytest.mark.parametrize("slow", [3, 60], ids=["an operation that ends in time", "an operation that does not"])
def test_a_job_that_github_cancels_leaves_no_lock(workspace, slow):
    process = begun(workspace, slow, GITHUB_ACTIONS="true")
    everyone = tree(process)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(7.5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2.5)
        except subprocess.TimeoutExpired:
            kill(everyone)
    out = process.communicate()[0]
    assert "ended" in out
    assert locks(workspace) == []
    goes_on(workspace)


def test_a_job_that_gitlab_cancels_leaves_no_lock(workspace):
    process = begun(workspace, 3, GITLAB_CI="true", CI_DISPOSABLE_ENVIRONMENT="true")
    everyone = tree(process)
    for one in everyone:
        one.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        kill(everyone)
    process.communicate()
    assert locks(workspace) == []
    goes_on(workspace)


def test_a_job_that_is_killed_with_all_its_processes_leaves_a_lock_that_is_proven_dead(workspace):
    process = begun(workspace, 60)
    kill(tree(process))
    process.communicate()
    assert len(locks(workspace)) == 1
    goes_on(workspace)
