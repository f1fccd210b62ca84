"""Which one change an update makes to the record, and the records that the verbs ask for. Pure.

`step` is the law: every update of every driver, and every `pulumi up` by hand, passes through it. The functions below
it build the record that a verb wants and pass through it too, so a driver cannot even ask for an illegal one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from infra.record import Color, Deployed, Record, Release, Slot, Standing, Transition, same_wish


class Kind(StrEnum):
    """The one change that an update makes."""

    FIRST = "first deploy"
    SAME = "nothing"
    FILL = "fill"
    START = "start of a shift"
    ADVANCE = "advance of a shift"
    UNDO = "undoing of a shift"
    FINISH = "finish of a shift"
    FLIP = "flip"
    EMPTY = "emptying"
    FLOORS = "floors"
    IN_PLACE_START = "start in place"
    IN_PLACE_CHECKPOINT = "checkpoint in place"
    IN_PLACE_FINISH = "finish in place"
    IN_PLACE_UNDO = "undoing in place"


@dataclass(frozen=True)
class Step:
    """A legal change: its kind, and the record as it will be written (standby, fill and hold settled)."""

    kind: Kind
    record: Record
    fills: Color | None = None
    """The color whose release this update renders anew: as new resources, or beside the one that it takes over from."""


class IllegalStep(ValueError):
    """The wanted record is not one legal change away. The text says which two things don't go together."""


def step(deployed: Deployed | None, wanted: Record, now: datetime) -> Step:
    """The one change from the deployed record to the wanted one. Raises IllegalStep.

    `now` decides whether a hold has ended. The standby's word and the number of a new fill are set here: what the wish
    says there is not read.
    """
    if deployed is None:
        return _first(wanted)
    was = deployed.record
    if same_wish(was, wanted):
        return Step(Kind.SAME, was)
    generation = deployed.generation + 1
    refilled = [color for color in wanted.colors if _refilled(was, wanted, color)]
    if set(was.colors) - set(wanted.colors):
        raise IllegalStep("a release can't be taken out of the record; retire the color instead")
    if _in_place(was) or _in_place(wanted):
        return _in_place_step(was, wanted, refilled)
    if refilled:
        return _fill(was, wanted, refilled, generation, now)
    if _floors(was) != _floors(wanted):
        return _resize(was, wanted, now)
    return _move(was, wanted)


def _first(wanted: Record) -> Step:
    alone = tuple(wanted.colors) == (wanted.active,)
    if wanted.transition is not None or not alone or not wanted.active_slot.filled:
        raise IllegalStep("a first deploy fills the active color, and nothing else")
    colors = {wanted.active: replace(wanted.active_slot, fill=1)}
    return Step(Kind.FIRST, Record(wanted.active, "empty", colors), fills=wanted.active)


def _fill(was: Record, wanted: Record, refilled: list[Color], generation: int, now: datetime) -> Step:
    if refilled != [was.idle]:
        raise IllegalStep(f"the release of {was.active}, which serves, can't be changed; deploy to {was.idle}")
    if was.transition or wanted.transition or wanted.active != was.active:
        raise IllegalStep("a fill and a shift can't be one update")
    if not wanted.colors[was.idle].filled:
        raise IllegalStep(f"a fill of {was.idle} needs a floor above 0")
    _check_floor(was, wanted, was.active, now)
    colors = {**wanted.colors, was.idle: replace(wanted.colors[was.idle], fill=generation)}
    return Step(Kind.FILL, Record(was.active, "candidate", colors), fills=was.idle)


def _resize(was: Record, wanted: Record, now: datetime) -> Step:
    if wanted.transition != was.transition or wanted.active != was.active:
        raise IllegalStep("a change of floors and a shift can't be one update")
    for color in wanted.colors:
        _check_floor(was, wanted, color, now)
    standby = wanted.standby_slot
    emptied = standby is not None and not standby.filled and was.colors[was.idle].filled
    return Step(Kind.EMPTY if emptied else Kind.FLOORS, replace(was, colors=wanted.colors))


def _check_floor(was: Record, wanted: Record, color: Color, now: datetime) -> None:
    before, after = was.colors[color].floor, wanted.colors[color].floor
    if color == was.active and after == 0:
        raise IllegalStep(f"{color} serves and can't be emptied")
    if after < before and was.transition is not None:
        raise IllegalStep(f"the floor of {color} can't go down during a transition")
    if after < before and was.held(now):
        raise IllegalStep(f"the floor of {color} can't go down before the hold ends at {was.held_until}")


def _move(was: Record, wanted: Record) -> Step:
    slot = was.standby_slot
    if slot is None or not slot.filled:
        raise IllegalStep(f"{was.idle} is empty: traffic can't go there")
    flipped = wanted.active != was.active
    if wanted.transition is not None:
        if flipped:
            raise IllegalStep("activeColor flips with the last step of a shift, not during it")
        return _shift(was, wanted.transition)
    if not flipped:
        return Step(Kind.UNDO, Record(was.active, "rejected", was.colors))
    standby: Standing = "rejected" if was.transition is None and was.standby == "previous" else "previous"
    held = wanted.held_until if standby == "previous" else None
    kind = Kind.FLIP if was.transition is None else Kind.FINISH
    return Step(kind, Record(wanted.active, standby, was.colors, None, held))


def _shift(was: Record, to: Transition) -> Step:
    if not 0 < to.weight < 100:
        raise IllegalStep(f"a shift passes through 1 to 99 percent, not {to.weight}")
    if was.transition is not None and to.weight < was.transition.weight:
        raise IllegalStep(f"a shift can't go from {was.transition.weight} back to {to.weight}; roll it back")
    kind = Kind.START if was.transition is None else Kind.ADVANCE
    return Step(kind, replace(was, transition=to))


def _in_place_step(was: Record, wanted: Record, refilled: list[Color]) -> Step:
    if wanted.active != was.active or was.idle in refilled or _floors(was) != _floors(wanted):
        raise IllegalStep("an in-place transition changes the active color's release and nothing else")
    if wanted.active_slot.platform != was.active_slot.platform:
        raise IllegalStep("an in-place transition can't change the platform; deploy to the other color")
    if wanted.active_slot.fill != was.active_slot.fill:
        raise IllegalStep("in place the resources stay, and with them the number of the fill in their names")
    before, after, changed = was.transition, wanted.transition, was.active in refilled
    slot = wanted.active_slot
    then = replace(was, colors={**was.colors, was.active: slot}, transition=after)
    if before is None and after is not None and changed and after.source == was.active_slot.release:
        # What served before the release that leaves is no way back from the one that comes: it is two releases behind.
        standby: Standing = "rejected" if was.standby == "previous" else was.standby
        return Step(Kind.IN_PLACE_START, replace(then, standby=standby, held_until=None), fills=was.active)
    if before is not None and after is None and changed and slot.release == before.source:
        # Nothing is rendered: what the release before was made of has stood beside it all the time.
        return Step(Kind.IN_PLACE_UNDO, then)
    if before is not None and not changed and (after is None or _same_source(before, after)):
        return Step(Kind.IN_PLACE_FINISH if after is None else Kind.IN_PLACE_CHECKPOINT, then)
    raise IllegalStep("an in-place transition starts, passes a checkpoint, finishes or is undone, one at a time")


def _same_source(before: Transition, after: Transition) -> bool:
    return before.kind == after.kind == "in-place" and before.source == after.source


def _refilled(was: Record, wanted: Record, color: Color) -> bool:
    before, after = was.colors.get(color), wanted.colors[color]
    return before is None or before.release != after.release or before.fill != after.fill


def _floors(record: Record) -> dict[Color, int]:
    return {color: slot.floor for color, slot in record.colors.items()}


def _in_place(record: Record) -> bool:
    return record.transition is not None and record.transition.kind == "in-place"


# What the verbs want next. Each passes through `step`.


def first(release: Release, floor: int, *, color: Color = "blue") -> Record:
    """The record of a first deploy."""
    return _first(Record(color, "empty", {color: _slot(release, 1, floor)})).record


def filled(was: Deployed, release: Release, now: datetime, *, floor: int, active_floor: int | None = None) -> Record:
    """The standby filled with a release; the active color's floor raised along with it where it is lower."""
    record = was.record
    active = replace(record.active_slot, floor=max(active_floor or 0, record.active_slot.floor))
    colors = {record.active: active, record.idle: _slot(release, was.generation + 1, floor)}
    return step(was, replace(record, colors=colors), now).record


def flipped(was: Deployed, now: datetime, *, held_until: str | None = None) -> Record:
    """All traffic to the other color, in one step: a promotion, the last step of a shift, or a rollback after one."""
    return step(was, replace(was.record, active=was.record.idle, transition=None, held_until=held_until), now).record


def shifted(was: Deployed, now: datetime, transition: Transition) -> Record:
    """The start of a shift, or its next weight."""
    return step(was, replace(was.record, transition=transition), now).record


def replaced(was: Deployed, release: Release, now: datetime, asked: Mapping[str, Any], since: str) -> Record:
    """Another release in place of the active color's, both side by side as long as it takes."""
    record = was.record
    slot = record.active_slot
    colors = {**record.colors, record.active: _slot(release, slot.fill, slot.floor)}
    at = Transition("in-place", 0, 0, since, since, asked=asked, source=slot.release)
    return step(was, replace(record, colors=colors, transition=at), now).record


def checkpointed(was: Deployed, now: datetime, since: str, *, paused: bool = False) -> Record:
    """The in-place transition at its checkpoint, from `since` on; `paused`: until a person says how it goes on."""
    record = was.record
    if record.transition is None:
        raise IllegalStep("there is no transition to pass a checkpoint")
    at = replace(record.transition, step=record.transition.step + 1, step_since=since, paused=paused)
    return step(was, replace(record, transition=at), now).record


def settled(was: Deployed, now: datetime) -> Record:
    """The in-place transition at its end: only the release that has come is left."""
    return step(was, replace(was.record, transition=None), now).record


def undone(was: Deployed, now: datetime) -> Record:
    """The transition under way taken back: all traffic on the active color, the standby rejected."""
    record = was.record
    if record.transition is None:
        raise IllegalStep("there is no transition to take back")
    if record.transition.source is None:
        return step(was, replace(record, transition=None), now).record
    back = _slot(record.transition.source, record.active_slot.fill, record.active_slot.floor)
    return step(was, replace(record, transition=None, colors={**record.colors, record.active: back}), now).record


def floored(was: Deployed, now: datetime, floors: Mapping[Color, int]) -> Record:
    """The same releases with other floors: a refill, an emptying, or the end of a hold."""
    colors = {color: replace(slot, floor=floors.get(color, slot.floor)) for color, slot in was.record.colors.items()}
    return step(was, replace(was.record, colors=colors), now).record


def _slot(release: Release, fill: int, floor: int) -> Slot:
    return Slot(release.platform, release.image, release.digest, fill, floor)
