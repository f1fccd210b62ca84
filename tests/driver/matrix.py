"""The table of docs/transitions.md: every combination of record, listener, intent and lock, and what each verb does.

Computed by carrying each verb out over the fakes. `python -m tests.driver.matrix` writes it into the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from driver.errors import Failure
from driver.observe import observe
from driver.release.watcher import Process as Where
from driver.release.watcher import Watcher
from driver.stack.failures import Locked
from driver.verbs.resume import _unless_watched
from driver.verbs.status import summary
from driver.verbs.wait import awaited
from infra.record import Intent, Record, Release, Transition, intent_text, precise, stamp, weights
from infra.steps import flipped, undone
from tests.driver.chaos import Chaos, Outcome, Process, serially
from tests.driver.fakes import START, image, serving
from tests.driver.promises import good

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "transitions.md"
BEGIN, END = "<!-- the table: begin -->", "<!-- the table: end -->"
VERBS = ("deploy", "promote", "rollback", "resume", "retire", "up", "wait", "status")
LISTENERS = ("as recorded", "next weight", "100 on standby", "by hand", "rule gone")
INTENTS = ("none", "pending", "spent")
LOCKS = ("free", "held", "left")
NOW = precise(START - timedelta(minutes=10))
ASKED = {"strategy": "weights", "weights": [10, 50], "bakes": [10, 10], "maxBake": 40}
OWNER = Watcher("ben", Where("elsewhere", 1.0, 1, 99, 1.0), "promote", stamp(START - timedelta(minutes=10)), "")


def _shift(paused: bool) -> Record:
    return replace(serving("candidate"), transition=Transition("shift", 10, 1, NOW, NOW, paused, ASKED))


RECORDS: dict[str, Record] = {
    "candidate": serving("candidate"),
    "previous": serving("previous"),
    "previous, held": serving("previous", held="2026-03-01T13:00:00Z"),
    "previous, retired": serving("previous", floor=0),
    "rejected": serving("rejected"),
    "empty": serving("empty"),
    "shift, left": _shift(False),
    "shift, paused": _shift(True),
    "in place": replace(
        serving("rejected"),
        transition=Transition("in-place", 0, 1, NOW, NOW, source=Release("compose", image("0"), "compose-000030")),
    ),
}


@dataclass(frozen=True)
class Place:
    """One combination."""

    record: str
    listener: str
    intent: str
    lock: str


def places() -> Iterator[Place]:
    """All that there can be: no intent where a rollback writes none, no next weight where no step leads to one."""
    for record in RECORDS:
        for listener in LISTENERS:
            for intent in INTENTS:
                for lock in LOCKS:
                    place = Place(record, listener, intent, lock)
                    if _can_be(place):
                        yield place


def _can_be(place: Place) -> bool:
    record = RECORDS[place.record]
    slot = record.standby_slot
    if place.listener == "next weight" and place.record not in {
        "candidate",
        "rejected",
        "shift, left",
        "shift, paused",
    }:
        return False
    if place.listener == "100 on standby" and (slot is None or not slot.filled):
        return False
    if place.intent == "pending":
        return record.transition is not None or (record.standby == "previous" and slot is not None and slot.filled)
    return True


def made(place: Place) -> Chaos:
    """The stack at that place."""
    chaos = Chaos(RECORDS[place.record])
    cloud, deployed = chaos.cloud, chaos.cloud.deployed
    assert deployed is not None
    if deployed.record.active_slot.image == image("1") and place.record == "in place":
        chaos.stack.adopted = deployed
    if place.intent != "none":
        record = deployed.record
        pending = place.intent == "pending"
        wish = undone(deployed, START) if record.transition else flipped(deployed, START) if pending else record
        generation = deployed.generation if pending else deployed.generation - 1
        cloud.put_intent(intent_text(Intent(generation, wish, "ben", NOW, "rollback")))
    _listening(chaos, place)
    if place.lock != "free":
        chaos.stack.busy = True
        chaos.stack.update = lambda wish=None: _locked(seen=place.lock == "held")  # type: ignore[method-assign]
    if place.lock == "held":
        _watched(chaos)
        chaos.clock.ticks.append(lambda: _watched(chaos))
    return chaos


def _listening(chaos: Chaos, place: Place) -> None:
    record = chaos.record
    to = {"next weight": 50 if record.transition else 10, "100 on standby": 100, "by hand": 37}.get(place.listener)
    if to is not None:
        chaos.cloud.move(100 - to)
    elif place.listener == "rule gone":
        chaos.cloud.forwarding.pop("arn:rule/production")
    chaos.stack.state = weights(record)


def _locked(*, seen: bool) -> Any:
    raise Locked.of(
        "\n  file:///locks/ID.json: created by ben@runner-3 (pid 12) at 2026-03-01T12:00:00Z", "VERB", seen=seen
    )


def _watched(chaos: Chaos) -> None:
    until = stamp(chaos.clock.now() + timedelta(seconds=30))
    chaos.cloud.driver = replace(OWNER, until=until).text()


def asked(chaos: Chaos, verb: str) -> Outcome:
    """One verb, as the command line carries it out with nothing but its name."""
    process = Process(chaos, verb)
    try:
        if verb == "resume":
            seen = observe(chaos.cloud, chaos.clock.now())
            if not seen.stored.pending:
                _unless_watched(process.ports, seen, dry_run=False)
        elif verb == "wait":
            return Outcome(process, 0, reason=awaited(process.ports, 60).reason)
        elif verb == "status":
            outcome, _, hints = summary(observe(chaos.cloud, chaos.clock.now()))
            return Outcome(process, 0, reason=f"{outcome} → {hints[0]}")
    except Failure as failure:
        return Outcome(process, failure.exit_code, failure)
    return chaos.command(verb, {"tag": "3"} if verb == "deploy" else {})


@dataclass(frozen=True)
class Cell:
    """What a verb does at one place. `well`: afterwards all agree, and nothing is in progress."""

    text: str
    code: int
    well: bool


@cache
def cell(place: Place, verb: str) -> Cell:
    """Played once, whoever asks: a place and a verb always come to the same."""
    chaos = made(place)
    before = chaos.facts()
    outcome = asked(chaos, verb)
    return Cell(_text(place, verb, chaos, before, outcome), outcome.code, good(chaos))


def _text(place: Place, verb: str, chaos: Chaos, before: tuple[Any, ...], outcome: Outcome) -> str:
    """What it comes to, or its exit code and the first command that it names."""
    if verb == "status":
        return outcome.reason
    if outcome.code == 0:
        same = chaos.facts()[:2] == before[:2] and chaos.facts()[3] == before[3] and place.intent != "pending"
        return "nothing to do" if same else _came_to(chaos, outcome)
    to = {"previous": 0}.get(chaos.record.standby, 100) if not chaos.record.transition else 100
    back = outcome.code == 6 and verb in {"rollback", "resume"} and chaos.cloud.live()["blue"] == to
    moved = " (traffic is back)" if back and chaos.cloud.live()["green"] == 100 - to else ""
    return f"{outcome.code}{moved} → {outcome.next[0]}"


def _came_to(chaos: Chaos, outcome: Outcome) -> str:
    record, verb = chaos.record, outcome.process.verb
    if outcome.paused:
        return "paused"
    if verb == "deploy":
        return "green filled"
    if verb == "retire":
        return "green retired"
    at = chaos.cloud.live()
    if verb == "up" and record.transition and record.transition.kind == "shift":
        return f"{at['blue']}/{at['green']} set"
    serves = f"{record.active} serves"
    return f"{serves}, in place" if record.transition else serves


def table() -> str:
    """The document's part: one table for each state of intent and lock, rows that are alike in one."""
    parts = []
    for intent, lock, title in (
        ("none", "free", "No intent, lock free"),
        ("pending", "free", "An intent on this generation, lock free"),
        ("none", "held", "Lock held by a driver at work, no intent"),
        ("pending", "held", "Lock held by a driver at work, an intent on this generation"),
        ("none", "left", "Lock left by a dead driver that nothing proves dead, no intent"),
        ("pending", "left", "Lock left by a dead driver that nothing proves dead, an intent on this generation"),
    ):
        parts += [f"### {title}", "", *_rows(intent, lock), ""]
    return "\n".join(parts).rstrip()


def _rows(intent: str, lock: str) -> Iterator[str]:
    yield "| record | listener | " + " | ".join(VERBS) + " |"
    yield "|" + "---|" * (len(VERBS) + 2)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for place in places():
        if (place.intent, place.lock) == (intent, lock):
            cells = tuple(cell(place, verb).text for verb in VERBS)
            alike.setdefault((place.record, cells), []).append(place.listener)
    records: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (record, cells), listeners in alike.items():
        records.setdefault((tuple(listeners), cells), []).append(record)
    for (listeners, cells), names in records.items():
        yield f"| {_joined(names)} | {_joined(listeners)} | {' | '.join(cells)} |"


def _joined(names: Sequence[str]) -> str:
    return "; ".join(names)


def written() -> str:
    """The table as the document has it."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


if __name__ == "__main__":
    with serially():
        now = table()
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{head}{BEGIN}\n\n{now}\n\n{END}{rest.partition(END)[2]}")
