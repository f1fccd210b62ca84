"""Records, wishes and times for property tests."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from infra.record import COLORS, Deployed, Record, Release, Slot, Transition, precise, stamp
from tests.infra.world import NOW

HELD, OVER = stamp(NOW + timedelta(minutes=30)), stamp(NOW - timedelta(minutes=30))
IMAGES = tuple(f"registry.example/shop:1.{number}@sha256:{number:064x}" for number in range(3))

releases = st.builds(
    Release, st.sampled_from(("compose", "fargate")), st.sampled_from(IMAGES), st.sampled_from(("r1", "r2"))
)
transitions = st.builds(
    Transition,
    kind=st.sampled_from(("shift", "in-place")),
    weight=st.integers(0, 100),
    step=st.integers(0, 5),
    since=st.just(OVER),
    step_since=st.sampled_from((OVER, stamp(NOW), precise(NOW + timedelta(milliseconds=250)))),
    paused=st.booleans(),
    asked=st.fixed_dictionaries({}, optional={"weights": st.lists(st.integers(1, 99), max_size=3)}),
    source=st.none() | releases,
)


@st.composite
def slots(draw: st.DrawFn, least: int = 0) -> Slot:
    release = draw(releases)
    fill, floor = draw(st.integers(1, 4)), draw(st.integers(least, 3))
    return Slot(release.platform, release.image, release.digest, fill, floor)


@st.composite
def any_records(draw: st.DrawFn) -> Record:
    """Whatever a person may write: each part legal, together perhaps not."""
    active = draw(st.sampled_from(COLORS))
    colors = {color: draw(slots()) for color in COLORS if color == active or draw(st.booleans())}
    standby = draw(st.sampled_from(("candidate", "previous", "rejected", "empty")))
    held = draw(st.sampled_from((None, HELD, OVER)))
    return Record(active, standby, colors, draw(st.none() | transitions), held)


@st.composite
def deployments(draw: st.DrawFn) -> Deployed:
    """Records as steps leave them: the active color filled, a shift only towards a filled standby."""
    record = draw(any_records())
    colors = dict(record.colors)
    colors[record.active] = draw(slots(least=1))
    transition = record.transition
    if transition is not None and transition.kind == "shift":
        colors[record.idle] = draw(slots(least=1))
    if transition is not None and transition.kind == "in-place" and transition.source is None:
        transition = None
    standby = record.standby if record.idle in colors else "empty"
    if record.idle in colors and standby == "empty":
        standby = "candidate"
    whole = Record(record.active, standby, colors, transition, record.held_until)
    return Deployed(whole, draw(st.integers(4, 9)), account="111122223333", region="eu-central-1")


@st.composite
def wishes(draw: st.DrawFn, was: Record) -> Record:
    """One to three edits of a record, as a person or a driver makes them."""
    from dataclasses import replace

    record = was
    for _ in range(draw(st.integers(1, 3))):
        edit = draw(st.sampled_from(("active", "image", "floor", "transition", "drop", "anything")))
        color = draw(st.sampled_from(COLORS))
        slot = record.colors.get(color)
        if edit == "active" and record.idle in record.colors:
            record = replace(record, active=record.idle)
        elif edit == "image":
            changed = replace(slot, image=draw(st.sampled_from(IMAGES))) if slot else draw(slots())
            record = replace(record, colors={**record.colors, color: changed})
        elif edit == "floor" and slot:
            floored = replace(slot, floor=draw(st.integers(0, 3)))
            record = replace(record, colors={**record.colors, color: floored})
        elif edit == "transition":
            record = replace(record, transition=draw(transitions))
        elif edit == "drop":
            record = replace(record, transition=None)
        elif edit == "anything":
            record = draw(any_records())
    return record
