"""Moves a stack by updates of it: each brings about the next record, on the basis of the one that was planned from."""

from __future__ import annotations

from dataclasses import dataclass

from driver.errors import Busy, Failure, Unforeseen
from driver.interrupts import INTERRUPTS
from driver.locks import patiently
from driver.observe import glance
from driver.ports import Ports, Wish
from driver.release.moves import Settle, Update
from driver.release.snapshot import Snapshot
from driver.release.targets import RULES
from driver.room import Unwritable
from driver.stack.failures import Behind, Stopped, Unsaved, UpdateFailed
from driver.urgent import Urgent, hasten
from infra.decision import fulfilled
from infra.record import Deployed, Record, weights


@dataclass(frozen=True)
class Applied:
    """An update as it went: the record that lies there now, the stack's seconds, and how many updates it took."""

    deployed: Deployed
    seconds: float
    updates: int


def apply(ports: Ports, move: Update, planned: Deployed, *, why: str, patience: float) -> Applied:
    """Makes the move, and reads the record back. Waits up to `patience` seconds for the stack's lock.

    Raises Busy where another driver was faster or still holds the lock.
    """
    return patiently(ports, patience, lambda: attempt(ports, move, planned, why=why))


def attempt(ports: Ports, move: Update, planned: Deployed, *, why: str) -> Applied:
    """One try of a move. Raises Locked where the stack's lock is held."""
    now = ports.clock.now()
    wish = move.wish(planned, now)
    seen = glance(ports.cloud, ports.cloud.stored(), now)
    deployed = _same_basis(seen, planned, wish)
    if deployed.basis != planned.basis:
        return Applied(deployed, 0.0, 0)
    if isinstance(move, Settle) or (seen.weights_drifted and seen.live != weights(wish)) or _half_flipped(seen, wish):
        # Pulumi believes its state: a rule that was moved behind its back would stay where it is.
        ports.stack.refresh(RULES[:2])
    asked = Wish(wish, planned.basis, move.targets(planned), why)
    try:
        changes = ports.stack.update(asked)
    except Stopped:
        return _stopped(ports, asked)
    except (UpdateFailed, Unwritable, Behind) as failure:
        return _failed(ports, asked, failure)
    for warning in changes.warnings:
        ports.tell(warning)
    return Applied(_written(ports, wish), changes.seconds, 1)


def _half_flipped(seen: Snapshot, wish: Record) -> bool:
    """Whether the test rule sends to what serves and goes on to: an update that died in the middle had moved it on, and
    its state may not say so.
    """
    return seen.record is not None and seen.tested == seen.record.active == wish.active


def _same_basis(seen: Snapshot, planned: Deployed, wish: Record) -> Deployed:
    deployed = seen.deployed
    if deployed is None:
        raise Unforeseen("the deployed record is gone", "it was there a moment ago", ("sync --from-live", "status"))
    if deployed.basis == planned.basis or fulfilled(wish, deployed.record):
        return deployed
    raise Busy(
        "another driver was faster",
        f"record {deployed.generation} was written by {deployed.who or 'someone'} at {deployed.when}: "
        f"{deployed.why or 'no reason given'}; this plan was made from record {planned.generation}",
        ("status",),
    )


def _written(ports: Ports, wish: Record) -> Deployed:
    deployed = ports.cloud.stored().deployed
    if deployed is None or not fulfilled(wish, deployed.record):
        found = f"record {deployed.generation}" if deployed else "no record"
        raise Unforeseen("the record was not written as wished", f"found {found} after the update", ("status", "up"))
    adopted(ports, deployed)
    return deployed


def adopted(ports: Ports, deployed: Deployed) -> None:
    """Copies the record that an update has written into the checkout. It is deployed also where that can't be."""
    try:
        ports.stack.adopt(deployed)
    except Unwritable as failure:
        ports.tell(f"{failure.what}: {failure.why}; `sync` copies record {deployed.generation} later")


def _failed(ports: Ports, asked: Wish, failure: UpdateFailed | Unwritable | Behind) -> Applied:
    """After an update failed: where it has moved traffic and not written the record, the gap is closed at once.

    Forward if a second try does it, else back: users must not be left on weights that no record speaks of.
    """
    seen = glance(ports.cloud, ports.cloud.stored(), ports.clock.now())
    there = seen.deployed
    if there is not None and there.basis != asked.basis and fulfilled(asked.record, there.record):
        # It came as far as the record, which is written last; what failed is what was heard of it.
        return Applied(_written(ports, asked.record), 0.0, 1)
    if seen.deployed is None or seen.stored.pending is not None or not seen.weights_drifted:
        raise failure
    ports.tell(f"{failure.why}; trying once more, for the traffic has moved already")
    try:
        changes = ports.stack.update(asked)
    except Failure as again:
        seen = glance(ports.cloud, ports.cloud.stored(), ports.clock.now())
        if seen.deployed is None or seen.deployed.basis != asked.basis or seen.stored.pending is not None:
            raise  # someone else has decided meanwhile where the traffic goes
        back = Urgent.of(seen.deployed, seen.deployed.record, seen.deployed.record.active, seen.rule, seen.now, "undo")
        kept = hasten(ports.cloud, back)
        where = "could not be put back" if kept else "was put back"
        kind = Unsaved if isinstance(again, Unsaved | Unwritable) else UpdateFailed
        raise kind(f"the update failed; the traffic {where}", again.why, ("status", "rollback")) from again
    return Applied(_written(ports, asked.record), changes.seconds, 2)


def _stopped(ports: Ports, asked: Wish) -> Applied:
    """After an update was stopped: a step that has begun to move traffic is finished, any other is left.

    A graceful stop of the CLI is no legal end by itself: the rule may be at the new weights and the record not. Where
    an intent says what was decided, that is legal, and a later run finishes it.
    """
    seen = glance(ports.cloud, ports.cloud.stored(), ports.clock.now())
    if seen.record is not None and fulfilled(asked.record, seen.record):
        return Applied(_written(ports, asked.record), 0.0, 1)
    if seen.weights_drifted and seen.stored.pending is None and not INTERRUPTS.broken_off:
        ports.tell("finishing the step that was stopped half-way")
        with INTERRUPTS.ignored():
            changes = ports.stack.update(asked)
        return Applied(_written(ports, asked.record), changes.seconds, 2)
    INTERRUPTS.check()
    raise Stopped("the update was interrupted", "by something else than a signal to this driver", ("status", "resume"))
