"""Random commands, faults, other drivers and hands: I1 to I6 hold through all of it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from driver.release.requests import InPlace
from tests.driver.chaos import Chaos, Fault, Serial, serially
from tests.driver.fakes import image, serving
from tests.driver.promises import Watch, advises, after, recovers, settled, settles

SOAK = bool(os.environ.get("BLUEGREEN_SOAK"))

COURSES = st.sampled_from(
    [
        {},
        {"strategy": "all-at-once"},
        {"strategy": "linear"},
        {"weights": (5, 50), "bake": 10},
        {"weights": (10, 40), "bake": 10, "pause_after": 10},
        {"weights": (10, 40), "bake": 10, "pause_after": 40},
    ]
)
TAGS = st.sampled_from(["2", "3", "4", "ill"])
WAYS = st.sampled_from([InPlace(), InPlace(bake=20, pause=True)])
COMMANDS: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    st.builds(lambda tag, end: ("deploy", {"tag": tag, "end_hold": end}), TAGS, st.booleans()),
    st.builds(lambda tag, way: ("deploy", {"tag": tag, "end_hold": True, "in_place": way}), TAGS, WAYS),
    st.builds(lambda course, again: ("promote", {**course, "again": again}), COURSES, st.booleans()),
    st.sampled_from([("resume", {}), ("resume", {"pause_after": 50}), ("retire", {}), ("retire", {"due": True})]),
    st.sampled_from([("rollback", {}), ("rollback", {"at_once": True}), ("up", {}), ("sync", {})]),
)
HANDS = st.one_of(
    st.tuples(st.just("weights"), st.sampled_from([0, 30, 90, 100])),
    st.tuples(st.just("desired"), st.integers(0, 6)),
    st.tuples(st.just("least"), st.integers(0, 2)),
    st.just(("rule gone",)),
)
PLACES = st.one_of(st.tuples(st.just(True), st.integers(1, 16)), st.tuples(st.just(False), st.integers(1, 120)))


def _fault(kind: str, place: tuple[bool, int], other: tuple[Any, ...] = ()) -> Fault:
    return Fault(kind, place[1], place[0], other)


FAULTS = st.one_of(
    st.none(),
    st.builds(_fault, st.sampled_from(["die", "fail", "backend"]), PLACES),
    st.builds(_fault, st.just("die"), PLACES),
    st.builds(_fault, st.just("driver"), PLACES, COMMANDS),
    st.builds(_fault, st.just("hand"), PLACES, HANDS),
)


class Stack(RuleBasedStateMachine):
    """What people, pipelines and the world may do to one stack."""

    @initialize(
        standby=st.sampled_from(["empty", "candidate", "candidate", "previous", "rejected"]),
        grown=st.sampled_from([2, 2, 4]),
        down=st.sampled_from([False, False, True]),
        backwards=st.booleans(),
    )
    def begins(self, standby: str, grown: int, down: bool, backwards: bool) -> None:
        Serial.backwards = backwards
        self.chaos = Chaos(serving(standby))
        self.chaos.cloud.sick.add(image("ill"))
        self.chaos.by_hand("desired", grown)
        self.chaos.cloud.pass_by()
        if down:
            self.chaos.observed("dies", "green")
        self.chaos.watch = Watch(self.chaos)
        self.older = self.chaos.cloud.deployed

    @rule(command=COMMANDS, fault=FAULTS)
    def command(self, command: tuple[str, dict[str, Any]], fault: Fault | None) -> None:
        chaos, (verb, options) = self.chaos, command
        started, astray = chaos.facts(), not settled(chaos)
        outcome = chaos.command(verb, options, fault)
        after(chaos, outcome, started, astray)
        if outcome.process.happened or outcome.code:
            recovers(chaos)
            advises(chaos, outcome)
            settles(chaos, verb, options)

    @rule(how=HANDS)
    def hand(self, how: tuple[Any, ...]) -> None:
        self.chaos.by_hand(*how)
        recovers(self.chaos)

    @rule()
    def another_checkout(self) -> None:
        self.chaos.stack.adopted, self.older = self.older, self.chaos.cloud.deployed

    @rule(
        what=st.sampled_from(["ails", "dies", "recovers", "recovers", "alarm", "alarm missing", "no traffic"]),
        color=st.sampled_from(["blue", "green"]),
    )
    def world(self, what: str, color: Any) -> None:
        self.chaos.observed(what, color)

    @rule(seconds=st.sampled_from([1, 15, 90]))
    def time(self, seconds: int) -> None:
        self.chaos.clock.sleep(seconds)

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "chaos"):
            assert not self.chaos.broken, "\n".join(self.chaos.broken)


def _run(examples: int, steps: int) -> None:
    with serially():
        run_state_machine_as_test(
            Stack,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
                # What takes tens of thousands of examples to find is for the soak to find, and not for a run in which
                # someone waits for another change.
                derandomize=not SOAK,
            ),
        )


def test_a_rule_that_goes_at_the_last_look_of_a_bake_is_no_success():
    """Found at random once: one look does not tell a rollback from drift, and there came no second one."""
    for moment in range(60, 76):
        with serially():
            chaos = Chaos(serving("candidate"))
            started, astray = chaos.facts(), not settled(chaos)
            course = {"weights": (10, 40), "bake": 10, "pause_after": 10, "again": False}
            outcome = chaos.command("promote", course, Fault("hand", moment, False, ("rule gone",)))
            assert outcome.process.happened
            after(chaos, outcome, started, astray)
            assert not chaos.broken, (moment, chaos.broken)


@pytest.mark.parametrize("in_place", [None, InPlace()])
def test_a_fill_that_fails_advises_the_same_deploy_with_what_it_was_allowed(in_place):
    with serially():
        chaos = Chaos(serving("candidate"))
        chaos.command("promote", {"again": False}, None)
        asked = {"tag": "3", "end_hold": True, "in_place": in_place}
        outcome = chaos.command("deploy", asked, Fault("fail", 1, True, ()))
        assert outcome.code == 4
        assert outcome.next[-1].endswith("--end-hold")
        advises(chaos, outcome)
        assert not chaos.broken


@pytest.mark.slow
def test_the_promises_hold_whatever_happens():
    _run(50_000 if SOAK else 2_000, 8)
