"""What is seen of a release while it goes on: one screen on a terminal, lines off one."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from driver import progress
from driver.await_health import await_health
from driver.gates import Verdict
from driver.invocation import Invocation
from driver.pending import bring_up
from driver.progress import Lines, Unseen, chosen
from driver.release.moves import Await
from driver.report.live import Screen
from tests.driver.fakes import FakeClock, serving, world


@pytest.fixture
def clock():
    return FakeClock()


def screen(clock):
    """A screen at a terminal of 100 columns, and what was written to that terminal."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100, height=20, color_system=None, legacy_windows=False)
    return Screen("promote", clock, console), written


def drawn(made):
    written = io.StringIO()
    console = Console(file=written, width=100, color_system=None)
    console.print(made.render())
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_the_screen_says_who_has_how_much_and_how_long_yet(clock):
    made, _ = screen(clock)
    made.plan("blue → green, canary 10 % → 100 %, 5m each", ["a", "b"])
    made.step(1, 2, "watch 10 %")
    made.weights({"blue": 90, "green": 10})
    made.health("green", 4, 4)
    made.served("blue", 212.4, 0, 0.038)
    made.served("green", 24, 1, 0.041)
    made.gates([Verdict("health", True, "4 of 4"), Verdict("alarms", False, "5xx fires", warned=True)])
    made.left(300)
    clock.seconds += 108
    made.close()
    lines = drawn(made)
    assert lines[0].startswith("promote  blue → green, canary 10 % → 100 %, 5m each")
    assert lines[0].endswith("step 1 of 2")
    assert lines[1].split() == ["blue", "█" * 27, "90", "%", "212", "req/s", "0", "errors", "p95", "38", "ms"]
    assert lines[2].split()[:6] == ["green", "███", "10", "%", "4/4", "healthy"]
    assert lines[2].endswith("24 req/s   1 error  p95 41 ms")
    assert lines[3].startswith("gates  health ✓   alarms ! 5xx fires")
    assert lines[3].endswith("3:12 left")


def test_before_any_gate_the_step_is_shown_and_nothing_that_is_not_known(clock):
    made, _ = screen(clock)
    made.plan("fills green", ["fill [v2]"])
    made.step(1, 1, "fill [v2]")
    made.close()
    assert drawn(made)[0].startswith("promote  fills green")
    assert drawn(made)[1:] == ["fill [v2]"]


def test_a_new_step_forgets_how_long_the_last_one_had(clock):
    made, _ = screen(clock)
    made.step(1, 2, "bake")
    made.left(60)
    made.step(2, 2, "shift")
    assert "left" not in "\n".join(drawn(made))


def test_what_a_step_waited_too_long_for_is_not_negative(clock):
    made, _ = screen(clock)
    made.left(5)
    clock.seconds += 60
    assert drawn(made)[-1].endswith("0:00 left")


def test_the_screen_stays_after_the_end_and_the_terminal_gets_its_cursor_back(clock):
    made, written = screen(clock)
    made.plan("blue → green", [])
    made.close()
    made.close()
    assert "blue → green" in written.getvalue()
    assert written.getvalue().rstrip().endswith("\x1b[?25h")


def test_off_a_terminal_each_step_is_a_line():
    said = []
    made = Lines(said.append)
    made.plan("blue → green", ["a", "b"])
    made.step(1, 2, "shift 10 %")
    made.gates([Verdict("health", True, "fine")])
    made.left(3)
    made.step(1, 1, "shift all")
    made.close()
    assert said == ["step 1 of 2: shift 10 %", "shift all"]


@pytest.mark.parametrize(
    ("terminal", "term", "verbose", "lines"),
    [
        (False, "xterm", False, True),
        (True, "dumb", False, True),
        (True, "xterm", True, True),
        (True, "xterm", False, False),
    ],
)
def test_a_screen_is_only_for_who_can_see_one(monkeypatch, clock, terminal, term, verbose, lines):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", term)
    assert isinstance(chosen(Invocation(verbose=verbose), clock), Lines) is lines


def test_a_verb_that_plans_nothing_draws_nothing():
    made = progress.Later(lambda: pytest.fail("a screen was made"))
    made.step(1, 1, "x")
    made.left(1)
    made.close()


def test_what_a_screen_is_told_reaches_it():
    heard = []

    class Heard(Unseen):
        def __getattribute__(self, name):
            return lambda *words: heard.append((name, *words))

    made = progress.Later(Heard)
    made.plan("p", [])
    made.step(1, 2, "s")
    made.weights({"blue": 1})
    made.health("blue", 1, 2)
    made.served("blue", 1.0, 2, 3.0)
    made.gates([])
    made.left(9)
    made.close()
    assert [one[0] for one in heard] == ["plan", "step", "weights", "health", "served", "gates", "left", "close"]
    assert heard[4] == ("served", "blue", 1.0, 2, 3.0)


def test_waiting_for_health_is_seen():
    made, seen = world(serving()), []

    class Eyes(Unseen):
        def health(self, color, healthy, wanted):
            seen.append((color, healthy, wanted))

    ports = made.ports
    object.__setattr__(ports, "progress", Eyes())
    await_health(ports, Await("green", 2), 60)
    assert seen == [("green", 2, 2)]


def test_an_update_of_the_stack_is_seen_step_by_step():
    made, heard = world(serving()), []

    class Heard(Unseen):
        def plan(self, what, titles):
            heard.append((what, *titles))

        def step(self, number, of, title):
            heard.append((number, of, title))

        def weights(self, shares):
            heard.append(dict(shares))

    ports = replace(made.ports, progress=Heard())
    bring_up(ports, timeout=60, wait=True)
    steps = ("update the stack", "wait until what serves is healthy")
    assert heard == [
        ("what the checkout holds", *steps),
        (1, 2, steps[0]),
        {"blue": 100, "green": 0},
        (2, 2, steps[1]),
    ]
