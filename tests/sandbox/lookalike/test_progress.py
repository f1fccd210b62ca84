"""The line that says what goes on right now."""

import time

from sandbox.lookalike.progress import Progress, shown


def event(kind, name, op="create", **state):
    urn = f"urn:pulumi:dev::p::a:b:C::{name}"
    return {kind: {"metadata": {"op": op, "urn": urn, "new": {"custom": True, **state}, "old": None}}}


def test_what_runs_is_named_oldest_first_with_its_seconds_and_what_is_over_counted():
    clock = [100.0]
    progress = Progress(lambda: clock[0])
    for name in ("vpc", "role", "bucket", "alarm", "key"):
        progress.see(event("resourcePreEvent", name))
        clock[0] += 1
    assert progress.text == "… 5 s · 0 done · vpc 5 s, role 4 s, bucket 3 s, 2 more"
    progress.see(event("resOutputsEvent", "vpc"))
    progress.see(event("resOpFailedEvent", "role"))
    assert progress.text == "… 5 s · 2 done · bucket 3 s, alarm 2 s, key 1 s"


def test_components_and_what_stays_the_same_are_no_news():
    progress = Progress(lambda: 0.0)
    progress.see(event("resourcePreEvent", "fleet", custom=False))
    progress.see(event("resourcePreEvent", "vpc", op="same"))
    progress.see(event("resOutputsEvent", "vpc", op="same"))
    assert progress.text == "… 0 s · 0 done"


def test_the_line_is_taken_away_at_the_end():
    lines: list[str] = []
    with shown(Progress(), lines.append):
        until = time.monotonic() + 5
        while not lines:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert lines[0].startswith("… ")
    assert lines[-1] == ""
