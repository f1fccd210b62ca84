"""What comes after the traffic has moved back, and what must be done before it can: updates of the stack."""

from __future__ import annotations

import random
from collections.abc import Sequence

from driver.await_health import await_health
from driver.errors import Busy, Failure, ReleaseFailed, Unfinished
from driver.images import short
from driver.journey import Journey, Taken
from driver.locks import JITTER, until
from driver.movers.stack import apply, attempt
from driver.observe import glance, observe
from driver.ports import Ports
from driver.refusal import refusal
from driver.release.back import back
from driver.release.in_place import put_back
from driver.release.moves import Await, Move, Plan, Refusal, Settle, Shift, Undo, Update
from driver.release.rolling import Roll
from driver.release.snapshot import Snapshot, spoken
from driver.replacing import replace
from driver.rollback import Haste, parted, urgent_of
from driver.stack.failures import Locked
from driver.urgent import Urgent, hasten
from driver.verify import drop_spent_intent, verify, written
from driver.watching import watched
from infra.record import Color, Deployed, Record, weights


def make_ready(ports: Ports, seen: Snapshot, moves: Sequence[Move], reason: str, haste: Haste) -> Journey:
    """Fills the old color again, or waits until it is healthy."""
    with watched(ports, "rollback"):
        return _ready(ports, seen, moves, reason, haste)


def _ready(ports: Ports, seen: Snapshot, moves: Sequence[Move], reason: str, haste: Haste) -> Journey:
    journey = Journey(reason, seen.deployed)
    waits = any(isinstance(move, Await) for move in moves)
    ports.tell(f"{reason}; this can take minutes (`rollback --now` shifts at once)" if waits else reason)
    for move in moves:
        ports.tell(str(move))
        if isinstance(move, Await):
            try:
                journey.steps.append(await_health(ports, move, ports.clock.elapsed() + haste.timeout))
            except ReleaseFailed as failure:
                failure.next = ("rollback --now", f"logs {move.color}", "status")
                raise
        elif isinstance(move, Update):
            assert journey.deployed is not None  # a way back leads from a record
            applied = apply(ports, move, journey.deployed, why=haste.why, patience=haste.lock)
            journey.deployed = applied.deployed
            journey.steps.append(Taken(move, applied.updates, applied.seconds))
    return journey


def going_back(ports: Ports) -> Plan | None:
    """What is left of a way back that is recorded already: members that still run what was taken back."""
    seen = observe(ports.cloud, ports.clock.now())
    return put_back(seen, seen.record) if seen.record is not None else None


def go_on_back(ports: Ports, seen: Snapshot, decision: Plan, haste: Haste) -> Journey:
    """The rest of such a way back: no traffic moves, and no record is written."""
    journey = Journey(decision.reason, seen.deployed)
    with watched(ports, "rollback"):
        _put_back(ports, decision.moves, journey, haste)
        _verified(ports, journey)
    journey.reason = now_runs(journey.deployed)
    return journey


def now_runs(deployed: Deployed | None) -> str:
    """What serves, in one sentence."""
    if deployed is None:
        return "the deployed record is gone"
    return f"{deployed.record.active} runs {short(deployed.record.active_slot.image)} again"


def make_lasting(ports: Ports, urgent: Urgent, journey: Journey, haste: Haste, after: Sequence[Move] = ()) -> None:
    """Updates the stack until the record says what the rule does, then removes the intent and verifies.

    While another update holds the lock the weights are set again whenever they have been changed. `after`: what is
    left to do when the record says it.
    """
    ports.progress.weights(weights(urgent.record))
    with watched(ports, "rollback"):
        _lasted(ports, urgent, journey, haste, after)


def _lasted(ports: Ports, urgent: Urgent, journey: Journey, haste: Haste, after: Sequence[Move]) -> None:
    deadline, said = until(ports.clock, haste.lock), ""
    while True:
        seen = glance(ports.cloud, ports.cloud.stored(), ports.clock.now())
        move = _left(seen, urgent.to)
        if move is None:
            break
        assert seen.deployed is not None
        _hold(ports, seen, move, urgent, haste.why)
        try:
            applied = attempt(ports, move, seen.deployed, why=haste.why)
        except Locked as locked:
            if ports.clock.now() >= deadline:
                raise _recorded_later(ports, urgent.to, locked, journey) from locked
            if locked.why != said:
                ports.tell(f"{locked.why}; the traffic stays on {urgent.to}")
                said = locked.why
            ports.clock.sleep(random.uniform(*JITTER))
            continue
        journey.steps.append(Taken(move, applied.updates, applied.seconds))
        journey.deployed = applied.deployed
        break
    drop_spent_intent(ports)
    _put_back(ports, after, journey, haste)
    _verified(ports, journey)


def _put_back(ports: Ports, moves: Sequence[Move], journey: Journey, haste: Haste) -> None:
    """Out of a release in place: until the members of before are there again."""
    for move in moves:
        if not isinstance(move, Roll):
            continue
        deployed = ports.cloud.stored().deployed
        if deployed is None or deployed.record.active_slot.release != move.release:
            raise Busy("another driver took over", written(deployed), ("status",))
        step = replace(ports, move, deployed, ports.clock.elapsed() + haste.timeout)
        journey.steps.append(step)
        journey.deployed = deployed
        if step.broken:
            what = f"{move.color} is not all back at {short(move.release.image)} yet"
            raise Unfinished(what, step.broken[0].why, ("resume", "status"), journey.facts())


def _verified(ports: Ports, journey: Journey) -> None:
    seen, verdicts = verify(ports)
    journey.deployed = seen.deployed
    if journey.steps:
        last = journey.steps[-1]
        journey.steps[-1] = Taken(last.move, last.updates, last.update_seconds, last.waited_seconds, verdicts)
    broken = [verdict for verdict in verdicts if not verdict.passed]
    if broken:
        to = seen.record.active if seen.record else "nobody"
        why = "; ".join(f"{verdict.gate}: {verdict.reason}" for verdict in broken)
        raise Unfinished(f"{to} has the traffic, but not all agrees", why, ("status",), journey.facts())


def still_serves(deployed: Deployed | None, to: Color) -> None:
    """Raises Busy where someone else has sent the traffic on since."""
    if deployed is None or not _serves(deployed.record, to):
        raise Busy(f"{to} served again, and another driver has moved on", written(deployed), ("status",))


def _left(seen: Snapshot, to: Color) -> Shift | Undo | Settle | None:
    """The update that is still missing; None when record and rule both say it."""
    if seen.deployed is None:
        return None
    if _serves(seen.deployed.record, to) and not seen.weights_drifted:
        return None
    if _serves(seen.deployed.record, to):
        return Settle(to)
    decision = back(seen, seen.deployed, at_once=True)
    if isinstance(decision, Refusal):
        raise refusal(decision)
    return parted(decision)[1]


def _hold(ports: Ports, seen: Snapshot, move: Shift | Undo | Settle, urgent: Urgent, why: str) -> None:
    """Traffic and intent again as decided, where another driver's update has changed them meanwhile."""
    now = ports.clock.now()
    spent = bool(urgent.intent) and seen.stored.pending is None
    if seen.live != weights(urgent.record) or spent:
        hasten(ports.cloud, urgent_of(seen, move, now, why))


def _serves(record: Record, color: Color) -> bool:
    return weights(record)[color] == 100 and record.transition is None


def _recorded_later(ports: Ports, to: Color, locked: Locked, journey: Journey) -> Unfinished:
    what, noted = standing(ports, to)
    # Where nobody is seen at work the lock stays until a person says that it is nobody's.
    first = tuple(hint for hint in locked.next[:1] if "--break-lock" in hint)
    return Unfinished(what, f"{locked.why}; {noted}", (*first, "rollback", "resume"), journey.facts())


def halfway(ports: Ports, to: Color, failure: Failure, journey: Journey) -> Unfinished:
    """A rollback that can't go on: as far as it has come, by what can be read."""
    what, noted = standing(ports, to)
    why = "; ".join(text for text in (f"{failure.what}: {failure.why}".strip(": "), noted) if text)
    hints = ("rollback", *failure.next) if noted else ("verify", "status")
    return Unfinished(what, why, hints, journey.facts())


def standing(ports: Ports, to: Color) -> tuple[str, str]:
    """Where the traffic is, and what tells any later run of it; empty where nothing is left to do.

    Where nothing can be read, what was done before is believed.
    """
    try:
        seen = glance(ports.cloud, ports.cloud.stored(), ports.clock.now())
    except Failure:
        return f"{to} has the traffic, as far as can be seen; the record may not say so yet", "AWS does not answer"
    if seen.record is not None and _serves(seen.record, to) and not seen.weights_drifted:
        return f"{to} serves again, but that could not be verified", ""
    noted = "the intent is written, and any later update makes it the record"
    if seen.stored.pending is None:
        noted = "no intent is written, so only another rollback goes on"
    if seen.live is not None and seen.live[to] == 100:
        return f"{to} has the traffic, the record does not say so yet", noted
    live = spoken(seen.live) if seen.live is not None else "not to be read"
    return f"the traffic is not on {to} yet: the live weights are {live}", noted
