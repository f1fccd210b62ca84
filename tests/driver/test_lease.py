"""A lock is broken only where its owner is proven dead."""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

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
