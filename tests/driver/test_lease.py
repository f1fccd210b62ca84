"""A lock is broken only where its owner is proven dead."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from driver.release.watcher import Process, Watcher
from driver.stack import lease


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    return tmp_path


def locked(home, pid, *, host=None, when=None, name="a"):
    """A lock file and what the CLI says of it."""
    file = home / f"{name}.json"
    file.write_text("{}")
    file.with_name(file.name + ".attrs").write_text("{}")
    stamp = (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        file,
        f"\n  file://{file}?no_tmp_dir=true: created by me@{host or socket.gethostname()} (pid {pid}) at {stamp}",
    )


def dead_driver():
    """The pid of a process that took a lease and was killed."""
    code = "import os, time\nfrom driver.stack.lease import leased\n"
    code += "with leased(os.getpid()): print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.kill()
    process.wait()
    return process.pid


def test_the_lock_of_a_killed_driver_goes_with_its_attributes_and_its_lease(home):
    pid = dead_driver()
    file, text = locked(home, pid)
    assert lease.break_dead_locks(f"the stack is currently locked by 1 lock(s).{text}")
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == []
    assert not file.exists()


def test_a_living_drivers_lock_stays(home):
    with lease.leased(os.getpid()):
        file, text = locked(home, os.getpid())
        assert lease.break_dead_locks(text) == []
        assert file.exists()


def test_a_lock_without_a_lease_stays(home):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    file, text = locked(home, process.pid)
    assert lease.break_dead_locks(text) == []
    assert file.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"host": "elsewhere"},
        {"boot": 1000.0},
        {"namespace": 1},
        {"started": time.time() + 3600},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_another_machine_boot_or_container_says_proves_nothing(home, change):
    pid = dead_driver()
    written = next((home / "bluegreen/leases").glob("*.json"))
    written.write_text(json.dumps({**json.loads(written.read_text()), **change}))
    file, text = locked(home, pid)
    assert lease.break_dead_locks(text) == []
    assert file.exists()


def test_a_lock_of_another_host_stays(home):
    file, text = locked(home, dead_driver(), host="elsewhere")
    assert lease.break_dead_locks(text) == []
    assert file.exists()


def test_a_lock_older_than_the_process_is_not_that_processes(home):
    file, text = locked(home, dead_driver(), when=datetime.now(UTC) - timedelta(hours=1))
    assert lease.break_dead_locks(text) == []
    assert file.exists()


def test_one_lock_that_may_be_alive_keeps_them_all(home):
    one, first = locked(home, dead_driver())
    two, second = locked(home, 1, name="b")
    assert lease.break_dead_locks(first + second) == []
    assert lease.break_dead_locks(f"{first}\n  s3://bucket/c.json: created by me@there (pid 3) at 2026-01-01") == []
    assert one.exists()
    assert two.exists()


def test_a_lease_goes_with_its_update_however_that_ends(home):
    with pytest.raises(ValueError, match="broken"), lease.leased(os.getpid()):
        raise ValueError("broken")
    assert list((home / "bluegreen/leases").iterdir()) == []


def witnessed(home, *, engine=None, **changes):
    """What lay in the parameter store of a driver that was killed, and whose lease is not on this machine's disk."""
    pid = dead_driver()
    written = next((home / "bluegreen/leases").glob("*.json"))
    here = json.loads(written.read_text())
    written.unlink()
    process = Process(here["host"], here["boot"], here["namespace"], pid, here["started"])
    return Watcher("anna", replace(process, **changes), "promote", "x", "x", engine(process) if engine else None)


def test_the_lease_in_the_parameter_store_proves_a_death_too(home):
    watcher = witnessed(home)
    file, text = locked(home, watcher.process.pid)
    assert lease.break_dead_locks(text) == []
    assert lease.break_dead_locks(text, watcher)
    assert not file.exists()


def test_the_lock_of_the_engine_that_a_dead_driver_ran_is_proven_dead_with_the_engine(home):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    watcher = witnessed(home, engine=lambda driver: replace(driver, pid=gone.pid))
    file, text = locked(home, gone.pid)
    assert lease.break_dead_locks(text, watcher)
    assert not file.exists()


def test_an_engine_that_outlives_its_driver_keeps_its_lock(home):
    watcher = witnessed(home, engine=lambda _: lease.this_process())
    file, text = locked(home, os.getpid())
    assert lease.break_dead_locks(text, watcher) == []
    assert file.exists()


@pytest.mark.parametrize(
    "change", [{"host": "elsewhere"}, {"boot": 1000.0}, {"namespace": 1}], ids=lambda change: next(iter(change))
)
def test_a_lease_of_another_machine_boot_or_container_in_the_parameter_store_proves_nothing(home, change):
    watcher = witnessed(home, **change)
    file, text = locked(home, watcher.process.pid)
    assert lease.break_dead_locks(text, watcher) == []
    assert file.exists()


def test_a_lock_of_someone_else_is_not_the_witnesss_matter(home):
    file, text = locked(home, 1)
    assert lease.break_dead_locks(text, witnessed(home)) == []
    assert file.exists()


def test_an_engine_is_known_while_it_runs():
    woken = threading.Event()
    lease.WAKES.add(woken)
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with lease.leased(running.pid):
            assert woken.is_set()
            assert lease.engine().pid == running.pid
        assert lease.engine() is None
        woken.clear()
        with lease.leased(os.getpid()):
            assert lease.engine() is None
        assert not woken.is_set()
    finally:
        lease.WAKES.discard(woken)
        running.kill()
        running.wait()
