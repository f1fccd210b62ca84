"""A driver at work is seen: its lease comes, is renewed, and goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from driver import watching
from driver.errors import Unforeseen
from driver.release.watcher import parse
from driver.rollback import Haste, roll_back
from driver.stack import lease
from driver.watching import accompanied, predecessor, watched
from infra.record import stamp
from tests.driver.fakes import START, FakeClock, serving, world


class Hurried(FakeClock):
    """A clock by which a renewal comes round in hundredths of a second."""

    def later(self, seconds):
        return self.now() + timedelta(seconds=seconds / 1000 if seconds == watching.RENEWED else seconds)


@pytest.fixture
def made(monkeypatch, tmp_path):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    found = world(serving())
    found.clock.__class__ = Hurried
    monkeypatch.setattr(watching, "_SHORTEST", timedelta(milliseconds=5))
    return found


def eventually(holds, what):
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.002)


def test_the_lease_says_who_and_what_and_goes_with_the_driver(made, monkeypatch):
    monkeypatch.setenv("BLUEGREEN_WHO", "anna")
    with watched(made.ports, "promote"):
        eventually(lambda: made.cloud.driver, "no lease was written")
        lease = parse(made.cloud.driver)
        assert (lease.who, lease.doing, lease.process.pid) == ("anna", "promote", os.getpid())
        assert lease.since == stamp(START)
    assert made.cloud.driver == ""


def test_the_lease_is_renewed(made):
    with watched(made.ports, "promote"):
        eventually(lambda: made.cloud.driver, "no lease was written")
        made.clock.seconds += 600
        eventually(lambda: parse(made.cloud.driver).alive(made.clock.now()), "it was not renewed")
        assert parse(made.cloud.driver).since == stamp(START)


def test_a_lease_goes_however_the_work_ends(made):
    with pytest.raises(ValueError, match="broken"), watched(made.ports, "promote"):
        eventually(lambda: made.cloud.driver, "no lease was written")
        raise ValueError("broken")
    assert made.cloud.driver == ""
    assert not [thread for thread in threading.enumerate() if thread.name == "watching"]


def test_within_a_watched_piece_of_work_only_what_is_done_changes(made):
    with watched(made.ports, "promote"):
        with watched(made.ports, "rollback"):
            eventually(lambda: '"rollback"' in made.cloud.driver, "the inner work was never told")
        eventually(lambda: '"promote"' in made.cloud.driver, "the outer work was never told again")
    assert made.cloud.driver == ""


def test_a_failure_to_be_seen_is_told_once_and_stops_nothing(made):
    made.cloud.failing["put_driver"] = Unforeseen("throttled")
    with watched(made.ports, "promote"):
        eventually(lambda: made.said, "it was not told")
        time.sleep(0.05)
    assert made.said == ["this driver can't be seen to watch: throttled"]


def other_driver(made, since, **changes):
    with watched(made.ports, "promote"):
        eventually(lambda: made.cloud.driver, "no lease was written")
        lease = parse(made.cloud.driver)
    process = replace(lease.process, host="elsewhere", pid=7)
    until = stamp(START + timedelta(seconds=60))
    return replace(lease, process=process, who="bob", since=stamp(since), until=until, **changes).text()


def test_a_living_driver_that_came_first_is_named_and_gives_way(made):
    theirs = other_driver(made, START - timedelta(seconds=60))
    made.cloud.driver = theirs
    with watched(made.ports, "rollback"):
        eventually(lambda: '"rollback"' in made.cloud.driver, "ours was not written")
    assert made.said == [
        "bob on host elsewhere is at this stack too (promote since 11:59 UTC); the stack's lock decides who goes first"
    ]


def test_the_lease_of_a_driver_that_came_later_stays(made):
    theirs = other_driver(made, START + timedelta(seconds=1))
    with watched(made.ports, "promote"):
        eventually(lambda: made.cloud.driver, "ours was not written")
        made.cloud.driver = theirs
        eventually(lambda: made.said, "it was not told")
        time.sleep(0.05)
        assert made.cloud.driver == theirs
    assert made.cloud.driver == theirs


def test_a_lease_that_ran_out_is_replaced_without_a_word(made):
    made.cloud.driver = other_driver(made, START + timedelta(seconds=1))
    made.clock.seconds = 61
    with watched(made.ports, "resume"):
        eventually(lambda: '"resume"' in made.cloud.driver, "ours was not written")
    assert made.said == []


def test_what_is_no_lease_is_replaced(made):
    made.cloud.driver = "nonsense"
    with watched(made.ports, "promote"):
        eventually(lambda: parse(made.cloud.driver), "ours was not written")


def test_an_engine_that_begins_to_run_is_noted_at_once(made, monkeypatch):
    monkeypatch.setattr(watching, "_SHORTEST", timedelta(seconds=60))
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with watched(made.ports, "promote"):
            eventually(lambda: made.cloud.driver, "no lease was written")
            with lease.leased(running.pid):
                eventually(lambda: parse(made.cloud.driver).engine, "the engine was not noted")
                assert parse(made.cloud.driver).engine.pid == running.pid
    finally:
        running.kill()
        running.wait()
    assert made.cloud.driver == ""


def test_what_lay_there_before_is_remembered(made):
    theirs = other_driver(made, START)
    made.cloud.driver = theirs
    assert predecessor(made.cloud) == parse(theirs)
    made.clock.seconds = 61
    with watched(made.ports, "resume"):
        eventually(lambda: '"resume"' in made.cloud.driver, "ours was not written")
        assert predecessor(made.cloud) == parse(theirs)
    assert predecessor(made.cloud) is None


@pytest.mark.parametrize(("until", "seen"), [(60, True), (1, False)], ids=["alive", "ran out"])
def test_another_driver_that_was_at_work_when_this_one_came_is_known(made, until, seen):
    there = parse(other_driver(made, START))
    made.cloud.driver = replace(there, until=stamp(START + timedelta(seconds=until))).text()
    made.clock.seconds = 2
    assert not accompanied(made.cloud)
    with watched(made.ports, "promote"):
        eventually(lambda: watching._KEEPERS[-1].found, "it was not met")
        assert accompanied(made.cloud) is seen


def test_one_that_is_proven_dead_is_no_company(made):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    process = replace(lease.this_process(), pid=dead.pid, started=1.0)
    made.cloud.driver = replace(parse(other_driver(made, START)), process=process).text()
    with watched(made.ports, "promote"):
        eventually(lambda: watching._KEEPERS[-1].found, "it was not met")
        assert not accompanied(made.cloud)
        eventually(lambda: parse(made.cloud.driver).process == lease.this_process(), "ours was not written")
    assert made.said == []


def test_a_rollback_is_seen_to_be_watched_once_its_traffic_has_moved(made):
    made.stack.before = lambda: eventually(lambda: '"rollback"' in made.cloud.driver, "no lease was written")
    made.cloud.deployed = replace(made.cloud.deployed, record=serving("previous"))
    roll_back(made.ports, Haste())
    assert made.record.active == "green"
    assert made.cloud.driver == ""
