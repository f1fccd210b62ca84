"""The story of a stack: nothing left out, nothing told twice, and every step in words."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error

from driver.errors import Invalid
from driver.release.history import Update, Version, changed, told
from driver.stack.updates import updates
from driver.verbs.history import result
from infra.record import Deployed, Record, Transition, deployed_data, stamp
from tests.driver.fakes import START, serving, slot


def at(seconds):
    return START + timedelta(seconds=seconds)


def deployed(record=None, generation=5, seconds=0.0):
    return Deployed(record or serving(), generation, who="me@here", when=stamp(at(seconds)), why="because")


def text(one):
    return json.dumps(deployed_data(one))


def version(number, seconds, one=None):
    return Version(number, at(seconds), text(one or deployed(generation=number, seconds=seconds)))


def update(start, end, kind="update", result="succeeded", changes=1):
    return Update(kind, at(start), None if end is None else at(end), result, changes=changes)


shift = Transition("shift", 10, 1, stamp(START), stamp(START))
two = serving()
first = Record("blue", "empty", {"blue": slot("1", 1)})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, first, "first deploy of shop:1 "),
        (first, two, "fill green with shop:2 "),
        (two, replace(two, active="green", standby="previous"), "blue → green"),
        (two, replace(two, transition=shift), "blue → green: 10 %"),
        (replace(two, transition=shift), replace(two, transition=replace(shift, weight=50)), "blue → green: 50 %"),
        (replace(two, transition=shift), replace(two, active="green", standby="previous"), "blue → green"),
        (
            replace(two, transition=shift),
            replace(two, standby="rejected"),
            "rolled back: all on blue again, green had 10 %",
        ),
        (serving("previous"), replace(two, active="green", standby="rejected"), "rolled back: blue → green"),
        (two, serving(floor=5), "floors: green 2 → 5"),
        (serving("previous"), serving("previous", floor=0), "retire green"),
        (two, two, "the same record, written again"),
        (two, first, "written anew: blue serves shop:1 "),
    ],
)
def test_each_step_in_words(before, after, words):
    was = None if before is None else deployed(before, 3)
    now = deployed(after, 1 if before is None else 4)
    assert changed(was, now).startswith(words)


moments = st.integers(0, 60).map(lambda number: number * 2.0)


@st.composite
def stories(draw):
    """Versions, and updates that don't overlap, each with whole seconds as Pulumi writes them."""
    spots = sorted(draw(st.lists(moments, max_size=12, unique=True)))
    written = [version(number + 1, seconds + 0.6) for number, seconds in enumerate(spots)]
    edges = sorted(draw(st.lists(st.integers(0, 130), max_size=16, unique=True)))
    made = [
        update(start, draw(st.sampled_from([end, end, None])), draw(st.sampled_from(["update", "update", "refresh"])))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    return draw(st.permutations(written)), draw(st.permutations(made))


@given(stories())
def test_every_version_and_every_update_is_told_once_newest_first(story):
    versions, made = story
    entries = told(versions, made).entries
    assert sorted(entry.version for entry in entries if entry.version) == sorted(one.number for one in versions)
    spoken = [id(entry.update) for entry in entries if entry.update]
    assert sorted(spoken) == sorted(id(one) for one in made)
    times = [entry.when for entry in entries]
    assert times == sorted(times, reverse=True)


@given(stories())
def test_a_version_goes_with_an_update_only_in_its_time(story):
    for entry in told(*story).entries:
        if entry.version and entry.update:
            assert entry.update.kind == "update"
            assert entry.update.ended is not None
            slack = timedelta(seconds=1.5)
            assert entry.update.started - slack <= entry.when <= entry.update.ended + slack


@given(stories())
def test_as_many_pairs_as_there_can_be(story):
    """Each version alone in the time of an update that contains no other finds that update."""
    versions, made = story
    found = {entry.version: entry.update for entry in told(versions, made).entries if entry.version}
    slack = timedelta(seconds=1.5)

    def fits(one, other):
        return other.kind == "update" and other.ended and other.started - slack <= one.when <= other.ended + slack

    for one in versions:
        fitting = [other for other in made if fits(one, other)]
        if len(fitting) == 1 and sum(bool(fits(other, fitting[0])) for other in versions) == 1:
            assert found[one.number] is fitting[0]


def test_what_changed_no_record_is_told_as_such():
    entries = told([version(1, 10)], [update(9, 11), update(20, 21, changes=0), update(30, None, "destroy")]).entries
    assert entries[0].what == "destroy, not over or cut off"
    assert entries[1].what == "update: no changes, none to the record"
    assert entries[2].generation == 1
    assert entries[2].update is not None
    assert entries[0].generation is entries[1].generation is None


def test_a_record_that_cannot_be_read_hides_none_of_the_others():
    broken = Version(2, at(20), '{"schema": 9}')
    entries = told([version(1, 10), broken, version(3, 30)], []).entries
    assert [entry.version for entry in entries] == [3, 2, 1]
    assert "can't be read" in entries[1].what
    assert entries[1].generation is None


@pytest.mark.parametrize(
    ("versions", "whole", "words"),
    [
        ([], True, "no record"),
        ([version(1, 0)], True, "begins with the first deploy"),
        ([version(7, 0), version(8, 1)], False, "AWS keeps 100"),
        ([version(1, 0, deployed(generation=9))], False, "made anew"),
    ],
)
def test_it_says_where_it_ends(versions, whole, words):
    story = told(versions, [])
    assert story.whole is whole
    assert words in story.ends


def test_it_works_without_pulumi_and_says_so():
    shown = result(told([version(1, 0), version(2, 9)], []), 1, "the backend can't be used: no such bucket")
    assert shown.exit_code == 0
    assert "no such bucket" in shown.reason
    assert "1 older ones are not shown" in shown.reason
    assert shown.facts["pulumi"] == {"read": False, "why": "the backend can't be used: no such bucket"}
    assert [entry["generation"] for entry in shown.facts["entries"]] == [2]


class Engine:
    def __init__(self, answer, code=0):
        self.answer, self.code, self.asked = answer, code, []

    def run(self, args, cwd, additional_env, on_output=None, on_error=None):
        self.asked = args
        ended = CommandResult(stdout=self.answer, stderr=f"error: {self.answer}", code=self.code)
        if self.code:
            raise create_command_error(ended)
        return ended


@pytest.fixture
def checkout(tmp_path):
    from driver.checkout import Checkout

    return Checkout(tmp_path, "dev")


def test_pulumi_s_own_history_is_read_as_it_is(checkout):
    entries = [
        {
            "kind": "update",
            "startTime": "2026-03-01T12:00:00.000Z",
            "endTime": "2026-03-01T12:00:05.000Z",
            "message": "by hand",
            "result": "succeeded",
            "resourceChanges": {"same": 50, "update": 3, "create": 1},
        },
        {"kind": "destroy", "startTime": "2026-03-01T12:00:00.000Z", "message": "", "result": "in-progress"},
    ]
    engine = Engine(json.dumps(entries))
    done, running = updates(checkout, engine)
    assert (done.seconds, done.changes, done.message, done.result) == (5.0, 4, "by hand", "succeeded")
    assert (running.kind, running.seconds) == ("destroy", None)
    # Asked as the Automation API asks, the call would get no real answer.
    assert engine.asked[:2] != ["stack", "history"]


@pytest.mark.parametrize("answer", ["no json", '{"a": 1}', '[{"kind": "update"}]', "[1]"])
def test_an_answer_that_makes_no_sense_is_a_failure_with_a_reason(checkout, answer):
    with pytest.raises(Invalid, match="history can't be read"):
        updates(checkout, Engine(answer))


def test_a_backend_that_is_not_there_is_a_failure_with_its_words(checkout):
    with pytest.raises(Invalid) as failed:
        updates(checkout, Engine("no stack named 'dev' found", code=6))
    assert failed.value.why == "no stack named 'dev' found"
