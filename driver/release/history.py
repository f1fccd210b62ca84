"""What happened to a stack: the record's versions and Pulumi's updates, told as one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from driver.images import short
from infra.record import COLORS, Deployed, Record, RecordError, instant, parse_deployed
from infra.steps import IllegalStep, Kind, step

KEPT = 100
"""How many versions of a parameter AWS keeps."""

# Pulumi writes its times in whole seconds, and AWS stamps a version when it has it.
_SLACK = timedelta(seconds=1.5)


@dataclass(frozen=True)
class Version:
    """One version of the parameter that holds the record, as it lay there."""

    number: int
    when: datetime
    text: str


@dataclass(frozen=True)
class Update:
    """One entry of Pulumi's history. `ended` is None for one that is still under way, or was cut off."""

    kind: str
    started: datetime
    ended: datetime | None
    result: str
    message: str = ""
    changes: int = 0

    @property
    def seconds(self) -> float | None:
        return (self.ended - self.started).total_seconds() if self.ended else None


@dataclass(frozen=True)
class Entry:
    """One line of the story: a generation of the record, the update that wrote it, or an update that wrote none."""

    when: datetime
    what: str
    generation: int | None = None
    version: int | None = None
    who: str = ""
    why: str = ""
    active: str = ""
    images: dict[str, str] = field(default_factory=dict)
    update: Update | None = None


@dataclass(frozen=True)
class Story:
    """Newest first. `ends` says where it ends, and why it does not go on."""

    entries: tuple[Entry, ...]
    ends: str
    whole: bool


def told(versions: Sequence[Version], updates: Sequence[Update]) -> Story:
    """Every version and every update exactly once; a version and the update that wrote it are one entry."""
    ordered = sorted(versions, key=lambda version: version.number)
    writers = _writers(ordered, updates)
    entries, before = list[Entry](), None
    for version in ordered:
        entry, before = _generation(version, before, writers.get(version.number))
        entries.append(entry)
    spoken_for = {id(update) for update in writers.values()}
    entries += [Entry(one.started, _silent(one), update=one) for one in updates if id(one) not in spoken_for]
    entries.sort(key=lambda entry: (entry.when, entry.version or 0), reverse=True)
    return Story(tuple(entries), *_end(ordered))


def _writers(versions: Sequence[Version], updates: Sequence[Update]) -> dict[int, Update]:
    """The update in whose time a version was written, by the version's number. Each update wrote one at the most."""
    free = sorted((one for one in updates if one.kind == "update" and one.ended), key=lambda one: one.started)
    found = dict[int, Update]()
    for version in versions:
        for one in free:
            assert one.ended is not None
            if one.started - _SLACK <= version.when <= one.ended + _SLACK:
                found[version.number] = one
                free.remove(one)
                break
    return found


def _generation(version: Version, before: Deployed | None, update: Update | None) -> tuple[Entry, Deployed | None]:
    try:
        deployed = parse_deployed(version.text)
    except RecordError as error:
        what = f"a record that can't be read: {'; '.join(error.problems)}"
        return Entry(version.when, what, version=version.number, update=update), before
    record = deployed.record
    entry = Entry(
        when=version.when,
        what=changed(before, deployed),
        generation=deployed.generation,
        version=version.number,
        who=deployed.who,
        why=deployed.why,
        active=record.active,
        images={color: record.colors[color].image for color in COLORS if color in record.colors},
        update=update,
    )
    return entry, deployed


def changed(before: Deployed | None, after: Deployed) -> str:
    """What the step from one record to the next did, in words."""
    now = after.record
    if before is None:
        serves = short(now.active_slot.image)
        return f"first deploy of {serves}" if after.generation == 1 else f"{now.active} serves {serves}"
    was = before.record
    try:
        kind = step(before, now, instant(after.when)).kind
    except (IllegalStep, ValueError, KeyError):
        return f"written anew: {now.active} serves {short(now.active_slot.image)}"
    return _words(kind, was, now)


def _words(kind: Kind, was: Record, now: Record) -> str:
    idle, active = was.idle, was.active
    if kind is Kind.FILL:
        return f"fill {idle} with {short(now.colors[idle].image)}"
    if kind in (Kind.FLIP, Kind.FINISH):
        return f"{'rolled back: ' if now.standby == 'rejected' else ''}{was.active} → {now.active}"
    if kind in (Kind.START, Kind.ADVANCE) and now.transition:
        return f"{active} → {idle}: {now.transition.weight} %"
    if kind is Kind.UNDO and was.transition:
        return f"rolled back: all on {active} again, {idle} had {was.transition.weight} %"
    if kind is Kind.EMPTY:
        return f"retire {idle}"
    if kind is Kind.FLOORS:
        changes = [
            f"{color} {was.colors[color].floor} → {now.colors[color].floor}"
            for color in COLORS
            if color in now.colors and was.colors[color].floor != now.colors[color].floor
        ]
        return f"floors: {', '.join(changes)}"
    if kind is Kind.IN_PLACE_START:
        return f"in place on {active}: {short(was.active_slot.image)} → {short(now.active_slot.image)}"
    if kind is Kind.IN_PLACE_CHECKPOINT:
        return f"in place on {active}: at the checkpoint"
    if kind is Kind.IN_PLACE_FINISH:
        return f"in place on {active}: {short(now.active_slot.image)} serves"
    if kind is Kind.IN_PLACE_UNDO:
        return f"rolled back in place: {active} gets {short(now.active_slot.image)} again"
    if kind is Kind.SAME:
        return "the same record, written again"
    return f"{kind} of {short(now.active_slot.image)}"


def _silent(update: Update) -> str:
    """An update that changed no record."""
    if update.ended is None:
        return f"{update.kind}, not over or cut off"
    changes = f"{update.changes} changes" if update.changes != 1 else "1 change"
    return f"{update.kind}: {changes if update.changes else 'no changes'}, none to the record"


def _end(versions: Sequence[Version]) -> tuple[str, bool]:
    if not versions:
        return "there is no record, and no earlier version of one", True
    first = versions[0]
    if first.number > 1:
        return f"it begins with version {first.number}: AWS keeps {KEPT} of a parameter, older ones are gone", False
    try:
        generation = parse_deployed(first.text).generation
    except RecordError:
        generation = 1
    if generation > 1:
        return f"it begins with generation {generation}: the parameter was made anew then, and forgot the others", False
    return "it begins with the first deploy", True
