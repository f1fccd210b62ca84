"""Back, at once and for good: the traffic first, by one call; then the update that makes it the record.

Imports no Pulumi before the traffic has moved. Whatever dies in between, the intent tells any later run what was
decided.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from driver.errors import Failure, Invalid, Refused, Unfinished
from driver.interrupts import INTERRUPTS, Interrupted
from driver.observe import glance
from driver.release.back import back
from driver.release.moves import Move, Plan, Refusal, Settle, Shift, Undo
from driver.release.snapshot import NOTHING
from driver.urgent import Urgent, hasten

if TYPE_CHECKING:
    from driver.journey import Journey
    from driver.ports import Ports
    from driver.release.snapshot import Snapshot
    from infra.record import Deployed


@dataclass(frozen=True)
class Haste:
    """How a rollback goes: whether it waits for the old color's health, and how long (seconds) for what."""

    at_once: bool = False
    why: str = "rollback"
    timeout: float = 900.0
    lock: float = 300.0


def roll_back(ports: Ports, haste: Haste) -> Journey:
    """All traffic on the color that served before. Raises Refused where there is none."""
    seen, decision = decided(ports, at_once=haste.at_once)
    before, last, after = parted(decision)
    if last is None:
        from driver.lasting import go_on_back  # nothing is left to hurry for

        return go_on_back(ports, seen, decision, haste)
    if before:
        from driver.lasting import make_ready

        ready = make_ready(ports, seen, before, decision.reason, haste)
        seen, decision = decided(ports, at_once=True)
        _, last, after = parted(decision)
        assert last is not None  # it was filled to have the traffic
    else:
        ready = None
    with INTERRUPTS.deferred(check=False):
        urgent = _first_the_traffic(ports, seen, last, haste.why)
    moved_at = time.monotonic()
    from driver.journey import Journey
    from driver.lasting import halfway, make_lasting, still_serves

    journey = ready or Journey(decision.reason, seen.deployed)
    journey.moved_at = moved_at
    try:
        INTERRUPTS.check()
        make_lasting(ports, urgent, journey, haste, after)
    except Interrupted as stop:
        why = "the intent is written, and any later update makes it the record"
        what = f"interrupted by {stop.name}: {urgent.to} has the traffic, the record may not say so yet"
        raise Unfinished(what, why, ("rollback", "status"), journey.facts()) from None
    except Unfinished:
        raise
    except Failure as failure:
        raise halfway(ports, urgent.to, failure, journey) from failure
    still_serves(journey.deployed, urgent.to)
    journey.reason = f"{urgent.to} serves again"
    if urgent.restores:
        from driver.images import short

        journey.reason = f"{urgent.to} runs {short(urgent.record.active_slot.image)} again"
    return journey


def parted(decision: Plan) -> tuple[tuple[Move, ...], Shift | Undo | Settle | None, tuple[Move, ...]]:
    """What comes before the traffic moves, the move itself, and what comes after it."""
    for number, move in enumerate(decision.moves):
        if isinstance(move, Shift | Undo | Settle):
            return decision.moves[:number], move, decision.moves[number + 1 :]
    return (), None, decision.moves


def _of_one_account(deployed: Deployed) -> None:
    """Raises Invalid for a record that was carried over from another account.

    No call is made for it, since people wait: the rule's ARN names the account that the traffic would move in.
    """
    arn = deployed.rules.get("production", "").split(":")
    if deployed.account and len(arn) > 4 and arn[4] and arn[4] != deployed.account:
        why = f"it says account {deployed.account}, but its rule is of account {arn[4]}"
        raise Invalid("the deployed record is of another account", why, ("doctor", "status"))


def decided(ports: Ports, *, at_once: bool) -> tuple[Snapshot, Plan]:
    """What was seen and what is to do. Raises the refusal."""
    now = ports.clock.now()
    seen = glance(ports.cloud, ports.cloud.stored(), now)
    if seen.deployed is None:
        raise Refused("there is nothing to go back to", NOTHING, ("up", "sync --from-live"))
    _of_one_account(seen.deployed)
    decision = back(seen, seen.deployed, at_once=at_once)
    if isinstance(decision, Refusal):
        from driver.lasting import going_back
        from driver.refusal import refusal

        if left := going_back(ports):
            return seen, left
        raise refusal(decision)
    return seen, decision


def _first_the_traffic(ports: Ports, seen: Snapshot, last: Shift | Undo | Settle, why: str) -> Urgent:
    ports.tell(str(last))
    urgent = urgent_of(seen, last, ports.clock.now(), why)
    failure = hasten(ports.cloud, urgent)
    if failure:
        ports.tell(f"the traffic could not be moved at once ({failure}); the update will")
    elif urgent.restores:
        ports.tell(f"{last.to} gets back the targets that it had; making it the record")
    else:
        ports.tell(f"{last.to} has all the traffic; making it the record")
    return urgent


def urgent_of(seen: Snapshot, move: Shift | Undo | Settle, now: datetime, why: str) -> Urgent:
    """The direct calls that a way back begins with."""
    assert seen.deployed is not None
    return Urgent.of(seen.deployed, move.wish(seen.deployed, now), move.to, seen.rule, now, why)
