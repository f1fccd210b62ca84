"""A stop is passed on as often as it helps: once, or a second time where the engine would be killed or hangs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from driver.errors import Unfinished
from driver.interrupts import INTERRUPTS, Interrupted, Interrupts
from driver.relays import GITHUB, GITLAB, ONCE, TERMINAL, Relay, relay_for
from driver.release.requests import Deploy
from driver.transition import Limits, carry_out
from tests.driver.fakes import image, release, serving, world

CODE = """
import sys, time
from driver.interrupts import INTERRUPTS
INTERRUPTS.install()
count = 0
def stop():
    global count
    count += 1
    print("stop", count, INTERRUPTS.broken_off, flush=True)
with INTERRUPTS.relayed(stop):
    print("begun", flush=True)
    until = time.monotonic() + 30
    while time.monotonic() < until and count < int(sys.argv[1]):
        time.sleep(0.01)
    time.sleep(0.3)
print("end", count, INTERRUPTS.asked, flush=True)
"""


@pytest.mark.parametrize(
    ("environ", "terminal", "relay"),
    [
        ({"GITHUB_ACTIONS": "true"}, False, GITHUB),
        ({"GITLAB_CI": "true", "CI_DISPOSABLE_ENVIRONMENT": "true"}, False, GITLAB),
        ({"GITLAB_CI": "true"}, False, ONCE),
        ({}, True, TERMINAL),
        ({}, False, ONCE),
        ({"GITHUB_ACTIONS": ""}, False, ONCE),
    ],
)
def test_who_stops_the_driver_says_how_often_that_is_passed_on(environ, terminal, relay):
    assert relay_for(environ, terminal=terminal) == relay


class Handled:
    """Interrupts with signals that come when a test says so, and a clock of its own."""

    def __init__(self, relay, monkeypatch):
        self.now = 100.0
        self.stops = []
        self.made = Interrupts(relay)
        monkeypatch.setattr("driver.interrupts.time.monotonic", lambda: self.now)
        monkeypatch.setattr("driver.interrupts._say", lambda text: None)

    def signal(self, number, later=0.0):
        self.now += later
        self.made._handle(number, None)

    def stop(self):
        self.stops.append(self.now)


def test_githubs_second_signal_is_passed_on_because_a_kill_follows(monkeypatch):
    one = Handled(GITHUB, monkeypatch)
    with one.made.relayed(one.stop):
        one.signal(signal.SIGINT)
        one.signal(signal.SIGTERM, 7.5)
    assert one.stops == [100.0, 107.5]
    assert one.made.broken_off


def test_gitlabs_signal_reaches_the_engine_by_itself(monkeypatch):
    one = Handled(GITLAB, monkeypatch)
    with one.made.relayed(one.stop):
        one.signal(signal.SIGTERM)
        one.signal(signal.SIGTERM, 60)
    assert one.stops == []
    assert one.made.asked == "SIGTERM"


def test_an_engine_that_began_after_the_signal_is_told_wherever_that_came_from(monkeypatch):
    one = Handled(GITLAB, monkeypatch)
    with one.made.deferred(check=False):
        one.signal(signal.SIGTERM)
        with one.made.relayed(one.stop):
            pass
    assert one.stops == [100.0]


def test_a_nervous_hand_is_one_wish_and_a_patient_one_breaks_off(monkeypatch):
    one = Handled(TERMINAL, monkeypatch)
    with one.made.relayed(one.stop):
        one.signal(signal.SIGINT)
        one.signal(signal.SIGINT, 0.4)
        assert (one.stops, one.made.broken_off) == ([100.0], False)
        one.signal(signal.SIGINT, 2.0)
    assert one.stops == [100.0, 102.4]


def test_nobody_elses_second_signal_breaks_anything_off(monkeypatch):
    one = Handled(ONCE, monkeypatch)
    with one.made.relayed(one.stop):
        one.signal(signal.SIGTERM)
        one.signal(signal.SIGTERM, 600)
    assert one.stops == [100.0]
    assert not one.made.broken_off


def test_what_leads_to_a_legal_record_is_not_stopped_by_the_first_but_by_the_one_before_a_kill(monkeypatch):
    one = Handled(GITHUB, monkeypatch)
    with one.made.ignored(), one.made.relayed(one.stop):
        one.signal(signal.SIGINT)
        assert one.stops == []
        one.signal(signal.SIGTERM, 7.5)
    assert one.stops == [107.5]


def test_where_nothing_runs_a_signal_takes_effect_at_once(monkeypatch):
    one = Handled(Relay(), monkeypatch)
    with pytest.raises(Interrupted):
        one.signal(signal.SIGINT)


@pytest.mark.slow
def test_at_a_terminal_the_second_ctrl_c_breaks_off_after_a_word(tmp_path):
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GITLAB_", "CI"))}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "2"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "stop 1 False\n"
    process.send_signal(signal.SIGINT)
    time.sleep(2.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "stop 2 True\nend 2 SIGINT\n"
    said = os.read(ours, 4096).decode()
    os.close(ours)
    assert said.index("Once more breaks it off") < said.index("breaking it off: what it was at stays pending")


@pytest.mark.parametrize("waits", ["for its command", "for its health"])
def test_a_signal_whose_exception_was_lost_takes_effect_at_the_next_look(monkeypatch, waits):
    """It is, where the signal comes while the interpreter runs a weak reference's callback."""
    made = world(serving("empty"))
    made.cloud.commands.after = 10_000
    made.cloud.sick.add(image("3"))
    made.clock.ticks.append(lambda: monkeypatch.setattr(INTERRUPTS, "asked", "SIGTERM"))
    asked = Deploy(release("3"), run=("migrate",) if waits == "for its command" else ())
    with pytest.raises(Unfinished, match="interrupted by SIGTERM"):
        carry_out(made.ports, asked, Limits(timeout=600, lock=30))
    assert made.clock.seconds <= 2
