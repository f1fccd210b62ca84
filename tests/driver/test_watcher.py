"""Who watches a transition, and since when nobody does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from driver.release.snapshot import Stored
from driver.release.watcher import Process, Watcher, parse, spoken, unwatched_since
from infra.record import Deployed, Intent, Transition
from tests.driver.fakes import serving

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUNNER = Process("runner-3", 1_772_000_000.0, 4026531836, 812, 1_772_100_000.5)
LEASE = Watcher("ci job 4711", RUNNER, "promote", "2026-03-01T12:00:00Z", "2026-03-01T12:04:00Z")
SHIFT = Transition("shift", 10, 1, "2026-03-01T11:50:00Z", "2026-03-01T12:01:00Z")


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def stored(text: str = LEASE.text()) -> Stored:
    return Stored(Deployed(serving(), 5), watcher=text)


def test_a_lease_is_read_as_it_was_written():
    assert parse(LEASE.text()) == LEASE
    assert json.loads(LEASE.text())["schema"] == 1


def test_the_engine_that_runs_for_it_is_read_too():
    engine = replace(RUNNER, pid=900, started=1_772_100_009.25)
    assert parse(replace(LEASE, engine=engine).text()) == replace(LEASE, engine=engine)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", LEASE.text().replace("12:04:00Z", "soon"), LEASE.text().replace("812", '"x"'), "null"],
)
def test_what_is_no_lease_is_none(text):
    assert parse(text) is None


def test_a_lease_of_a_later_version_is_read_as_far_as_it_goes():
    data = {**json.loads(LEASE.text()), "schema": 2, "mood": "calm"}
    assert parse(json.dumps(data)) == LEASE


def test_a_lease_lives_until_its_end():
    assert LEASE.alive(after(3.9))
    assert not LEASE.alive(after(4))
    assert LEASE.data(alive=False) == {
        "who": "ci job 4711",
        "host": "runner-3",
        "doing": "promote",
        "since": "2026-03-01T12:00:00Z",
        "until": "2026-03-01T12:04:00Z",
        "alive": False,
    }


def test_nothing_in_progress_is_unwatched_by_nobody():
    assert unwatched_since(stored(""), None, after(9)) is None
    assert spoken(stored(""), None, after(9)) == ""


def test_what_a_living_driver_watches_is_not_unwatched():
    assert unwatched_since(stored(), SHIFT, after(3)) is None
    assert spoken(stored(), SHIFT, after(3)) == "watched by ci job 4711 on host runner-3 since 12:00 UTC: promote"


def test_a_lease_that_ran_out_says_since_when():
    assert unwatched_since(stored(), SHIFT, after(30)) == after(4)
    told = spoken(stored(), SHIFT, after(30))
    assert told == "unwatched since 12:04 UTC, was ci job 4711 on host runner-3: promote"


def test_a_lease_of_a_process_that_is_gone_says_since_when_it_was_not_renewed():
    seen = replace(LEASE, seen="2026-03-01T12:03:30Z")
    assert parse(seen.text()) == seen
    left = replace(stored(seen.text()), died=True)
    assert unwatched_since(left, SHIFT, after(3.8)) == after(3.5)
    of_an_older_version = replace(stored(), died=True)
    assert unwatched_since(of_an_older_version, SHIFT, after(3)) == after(1)


def test_without_a_lease_the_last_step_is_the_last_sign_of_life():
    assert unwatched_since(stored(""), SHIFT, after(30)) == after(1)
    assert spoken(stored(""), SHIFT, after(30)) == "unwatched since 12:01 UTC"


def test_a_step_after_the_lease_ran_out_counts_as_a_sign_of_life():
    later = Transition("shift", 50, 2, SHIFT.since, "2026-03-01T12:20:00Z")
    assert unwatched_since(stored(), later, after(30)) == after(20)


def test_a_rollback_that_was_decided_and_is_not_done_is_in_progress_too():
    begun = Stored(Deployed(serving(), 5), Intent(5, serving(), "anna", "2026-03-01T12:10:00Z"))
    assert unwatched_since(begun, None, after(30)) == after(10)
    spent = Stored(Deployed(serving(), 6), Intent(5, serving(), "anna", "2026-03-01T12:10:00Z"))
    assert unwatched_since(spent, None, after(30)) is None


def test_another_days_time_has_its_date():
    told = spoken(stored(), SHIFT, after(60 * 24))
    assert told.startswith("unwatched since 2026-03-01 12:04 UTC")


def test_a_person_at_a_machine_is_not_named_with_it_twice():
    anna = Watcher("anna@runner-3", RUNNER, "promote", LEASE.since, LEASE.until)
    assert anna.named == "anna@runner-3"
