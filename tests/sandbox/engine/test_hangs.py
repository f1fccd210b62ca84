"""A provider that hangs: asked once, the engine waits for it; asked twice, it ends at once and says what was left."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time

import pulumi.automation as auto
import pytest

from tests.sandbox.engine import fuzz
from tests.sandbox.engine.conftest import ROOT
from tests.sandbox.engine.programs import Described

pytestmark = [
    pytest.mark.slow,  # each waits for an operation that hangs, and makes sure that it does
    # The SDK complains of the program that it breaks off.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CALLS = {"create": "up", "update": "up", "check": "up", "diff": "up", "delete": "destroy", "read": "refresh"}


class Hang:
    """Stands in a provider's method: says that it was called, and answers when it is let go."""

    def __init__(self, real):
        self.real = real
        self.reached = threading.Event()
        self.release = threading.Event()

    def __get__(self, provider, owner):
        def method(*args, **kwargs):
            self.reached.set()
            self.release.wait(60)
            return self.real(provider, *args, **kwargs)

        return method


def locks(workspace):
    return list((workspace.state / ".pulumi" / "locks").rglob("*.json"))


@pytest.mark.parametrize("call", [*CALLS, "configure", "configure before a refresh"])
def test_a_second_cancel_ends_what_a_hanging_provider_holds(embedded, monkeypatch, call):
    program = Described(a={"keep": 1}) if call in ("update", "diff", "delete", "read") or " " in call else Described()
    stack = embedded.stack(program)
    stack.up()
    if call != "delete":
        program.things["a"] = {"keep": 2}
    verb = CALLS.get(call, "refresh" if " " in call else "up")
    method = call.partition(" ")[0]
    hang = Hang(getattr(fuzz.FuzzProvider, method))
    monkeypatch.setattr(fuzz.FuzzProvider, method, hang)
    failures: list[auto.errors.CommandError] = []

    def operate() -> None:
        try:
            getattr(stack, verb)()
        except auto.errors.CommandError as error:
            failures.append(error)

    operation = threading.Thread(target=operate, daemon=True)
    operation.start()
    assert hang.reached.wait(10)
    command = stack.workspace.pulumi_command
    command.cancel()
    operation.join(0.3)
    assert operation.is_alive()
    assert locks(embedded)
    began = time.monotonic()
    command.cancel()
    operation.join(8)
    assert not operation.is_alive()
    assert time.monotonic() - began < 5
    assert "update canceled" in str(failures[0])
    assert not locks(embedded)
    text = embedded.state_file().read_text()
    pending = json.loads(text)["checkpoint"]["latest"].get("pending_operations", ())
    # To configure a provider is to create a resource, too.
    doing = {"create": "creating", "configure": "creating", "update": "updating", "delete": "deleting"}.get(call)
    assert [one["type"] for one in pending] == ([doing] if doing else [])
    for one in pending:
        assert f"{one['resource']['urn']}, interrupted while {doing}" in str(failures[0])
    # The call that ends late has lost the lock: what it comes to is not written over what others do since.
    hang.release.set()
    time.sleep(0.3)
    assert embedded.state_file().read_text() == text
    monkeypatch.undo()
    if doing == "creating":
        stack.refresh(clear_pending_creates=True)
    stack.refresh()
    program.things["a"] = {"keep": 2}
    stack.up()
    assert set(stack.preview().change_summary) == {"same"}


def test_a_provider_whose_cancel_hangs_does_not_hold_the_cancel(embedded, monkeypatch):
    hang, deaf = Hang(fuzz.FuzzProvider.create), Hang(fuzz.FuzzProvider.cancel)
    monkeypatch.setattr(fuzz.FuzzProvider, "create", hang)
    monkeypatch.setattr(fuzz.FuzzProvider, "cancel", deaf)
    stack = embedded.stack(Described(a={}))

    def operate() -> None:
        with contextlib.suppress(auto.errors.CommandError):
            stack.up()

    operation = threading.Thread(target=operate, daemon=True)
    operation.start()
    assert hang.reached.wait(10)
    stack.workspace.pulumi_command.cancel()
    assert deaf.reached.wait(5)
    hang.release.set()
    operation.join(10)
    assert not operation.is_alive()
    assert not locks(embedded)
    deaf.release.set()


RUN = """
import sys, time
from pathlib import Path
sys.path[:0] = [{root!r}]
from tests.sandbox.engine.conftest import Workspace
from tests.sandbox.engine.programs import Described
from tests.sandbox.engine import fuzz
from sandbox.engine import crypto
crypto.ITERATIONS = 1000
workspace = Workspace.__new__(Workspace)
workspace.__dict__.update({about!r})
for name in ("root", "project", "world", "state"):
    setattr(workspace, name, Path(getattr(workspace, name)))

def hang(*_, **__):
    print("hanging", flush=True)
    time.sleep(600)

setattr(fuzz.FuzzProvider, {call!r}, hang)
stack = workspace.stack(Described(a={{}}))
getattr(stack, {verb!r})()
"""


@pytest.mark.parametrize(("call", "verb"), [("create", "up"), ("delete", "destroy"), ("read", "refresh")])
def test_a_second_sigint_ends_the_process(embedded, call, verb):
    if verb != "up":
        embedded.stack(Described(a={})).up()
    about = {key: value if isinstance(value, dict) else str(value) for key, value in vars(embedded).items()}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format(root=str(ROOT), about=about, call=call, verb=verb)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 1
        assert process.stderr is not None
        assert "canceled" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    assert not locks(embedded)
    pending = json.loads(embedded.state_file().read_text())["checkpoint"]["latest"].get("pending_operations", ())
    assert [one["type"] for one in pending] == {"create": ["creating"], "delete": ["deleting"]}.get(call, [])
