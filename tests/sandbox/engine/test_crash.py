"""Deaths and interrupts in the middle of an update, and a disk that is full."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time

import pulumi.automation as auto
import pytest

from sandbox.engine.backend import FileBackend
from tests.sandbox.engine.programs import Described, Thing

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many

RUN = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from tests.sandbox.engine.conftest import Workspace
from tests.sandbox.engine.programs import forty
from sandbox.engine import crypto
crypto.ITERATIONS = 1000
workspace = Workspace.__new__(Workspace)
workspace.__dict__.update({about!r})
for name in ("root", "project", "world", "state"):
    setattr(workspace, name, Path(getattr(workspace, name)))
print("ready", flush=True)
workspace.stack(lambda: forty({version})).up()
print("done", flush=True)
"""


def start(workspace, version: int) -> subprocess.Popen[str]:
    """An update of forty things in a process of its own."""
    about = {key: value if isinstance(value, dict) else str(value) for key, value in vars(workspace).items()}
    root = str(workspace.source)
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format(root=root, about=about, version=version)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def converge(workspace, version: int):
    """What a person does after a crash: break the lock, look at what is there, update."""
    from tests.sandbox.engine.programs import forty

    stack = workspace.stack(lambda: forty(version))
    stack.cancel()
    stack.up()
    return stack


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 200))])
@pytest.mark.slow
def test_a_killed_update_converges(embedded, seed):
    chance = random.Random(seed)
    from tests.sandbox.engine.programs import forty

    if seed % 2:
        embedded.stack(lambda: forty(1)).up()
    process = start(embedded, 2)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(chance.uniform(0.05, 0.6))
    process.kill()
    process.wait()
    json.loads(embedded.state_file().read_text())
    stack = converge(embedded, 2)
    known = {one["id"] for one in stack.export_stack().deployment["resources"] if one["type"] == "fuzz:index:Thing"}
    assert len(known) == 40
    left = set(embedded.things()) - known
    pending = [one["resource"]["urn"] for one in stack.export_stack().deployment.get("pending_operations", ())]
    # What was being created when the process died is known by its pending operation, and nothing else is lost.
    assert {id_.rpartition("-")[0] for id_ in left} <= {urn.rpartition("::")[2] for urn in pending}
    assert known <= set(embedded.things())
    assert set(stack.preview().change_summary) == {"same"}


def test_an_interrupt_lets_the_running_step_end(embedded):
    def program() -> None:
        first = Thing("first", {"slow": 0.6})
        Thing("second", {"keep": first.id})

    stack = embedded.stack(program)
    failures: list[auto.errors.CommandError] = []

    def up() -> None:
        try:
            stack.up()
        except auto.errors.CommandError as error:
            failures.append(error)

    update = threading.Thread(target=up)
    update.start()
    while "Thing::first" not in embedded.state_file().read_text():
        time.sleep(0.02)
    stack.workspace.pulumi_command.cancel()
    update.join()
    assert "update canceled" in str(failures[0])
    assert embedded.calls("create") == ["create first"]
    state = stack.export_stack().deployment
    assert not state.get("pending_operations")
    assert [one["urn"].rpartition("::")[2] for one in state["resources"]][-1] == "first"
    assert stack.up().summary.resource_changes == {"create": 1, "same": 2}


@pytest.mark.slow
def test_sigint_in_the_main_thread(embedded):
    process = start(embedded, 1)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    while not embedded.calls("create"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) != 0
    locks = embedded.state / ".pulumi" / "locks"
    assert not list(locks.rglob("*.json"))
    converge(embedded, 1)
    assert len(embedded.things()) == 40
    assert len(embedded.calls("create")) == 40


def test_pending_operations_lie_in_the_state_while_they_run(embedded):
    program = Described(a={"slow": 0.4})
    stack = embedded.stack(program)
    update = threading.Thread(target=stack.up)
    update.start()
    seen = []
    wanted = ("creating", "urn:pulumi:dev::fuzz::fuzz:index:Thing::a")
    while update.is_alive() and wanted not in seen:
        state = json.loads(embedded.state_file().read_text())["checkpoint"]["latest"]
        seen = [(one["type"], one["resource"]["urn"]) for one in state.get("pending_operations", ())]
        time.sleep(0.01)
    update.join()
    assert wanted in seen


def test_pending_creations_stay_until_somebody_has_looked(workspace):
    program = Described(a={})
    stack = workspace.stack(program)
    stack.up()
    state = json.loads(workspace.state_file().read_text())
    deployment = state["checkpoint"]["latest"]
    (a,) = [one for one in deployment["resources"] if one["urn"].endswith("::a")]
    deployment["pending_operations"] = [
        {"resource": {**a, "urn": a["urn"] + "x", "id": ""}, "type": "creating"},
        {"resource": a, "type": "updating"},
    ]
    workspace.state_file().write_text(json.dumps(state))
    assert "Attempting to deploy or update resources with 2 pending operations" in stack.up().stdout
    (left,) = stack.export_stack().deployment["pending_operations"]
    assert left["type"] == "creating"
    stack.refresh(clear_pending_creates=True)
    assert not stack.export_stack().deployment.get("pending_operations")


def test_a_full_disk_ends_the_update_and_loses_nothing(embedded, monkeypatch):
    program = Described(a={"keep": 1}, b={"after": ["a"]}, c={"after": ["b"]})
    stack = embedded.stack(program)
    before = embedded.state_file().read_text()
    saves = []
    save = FileBackend.save_state

    def full(self, project, name, text):
        saves.append(1)
        if len(saves) > 6:
            raise OSError(28, "No space left on device")
        save(self, project, name, text)

    monkeypatch.setattr(FileBackend, "save_state", full)
    with pytest.raises(auto.errors.CommandError, match="No space left on device"):
        stack.up()
    monkeypatch.undo()
    assert embedded.state_file().read_text() != before
    json.loads(embedded.state_file().read_text())
    stack.refresh(clear_pending_creates=False)
    stack.up()
    assert set(stack.preview().change_summary) == {"same"}


def test_a_full_disk_at_the_very_start_begins_nothing(embedded, monkeypatch):
    stack = embedded.stack(Described(a={}))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileBackend, "save_state", full)
    with pytest.raises(auto.errors.CommandError, match="No space left on device"):
        stack.up()
    assert embedded.things() == {}


def test_two_updates_of_different_stacks_at_once(embedded):
    stacks = [embedded.stack(Described(a={"keep": name, "slow": 0.1}), name) for name in ("one", "two", "three")]
    results: dict[str, dict[str, int]] = {}

    def up(stack: auto.Stack) -> None:
        results[stack.name] = dict(stack.up().summary.resource_changes or {})

    threads = [threading.Thread(target=up, args=(stack,)) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: {"create": 2} for name in ("one", "two", "three")}


def test_of_two_updates_at_once_at_most_one_works(embedded):
    program = Described(a={"slow": 0.2})
    outcomes: list[str] = []
    stacks = [embedded.stack(program) for _ in range(4)]

    def up(stack: auto.Stack) -> None:
        try:
            stack.up()
            outcomes.append("done")
        except auto.errors.ConcurrentUpdateError:
            outcomes.append("locked")

    threads = [threading.Thread(target=up, args=(stack,)) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") <= 1
    assert len(embedded.calls("create")) == outcomes.count("done")
