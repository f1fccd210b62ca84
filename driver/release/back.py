"""The way back: which color served before, and whether it can carry the traffic now. Pure, and quick to import."""

from __future__ import annotations

from driver.release.moves import Await, Floors, Move, Plan, Refusal, Settle, Shift, Undo
from driver.release.rolling import Roll
from driver.release.snapshot import Snapshot, spoken
from infra.record import Color, Deployed, other, weights


def back(seen: Snapshot, deployed: Deployed, *, at_once: bool) -> Plan | Refusal:
    """The steps of a rollback. One moves the traffic; those before make the old color ready for it, and out of an
    in-place release its targets are put back after it.
    """
    record = deployed.record
    last: Shift | Undo | Settle
    if (source := record.leaving) is not None:
        to = record.active
        return Plan(f"{to} goes back to what it ran before", (Undo(to), Roll(to, source, back=True)))
    if record.transition:
        last = Undo(record.active)
    elif record.standby == "previous" and record.standby_slot:
        last = Shift(record.idle)
    elif seen.weights_drifted:
        last = Settle(record.active)
    else:
        return _nowhere(deployed)
    to = last.to
    if not record.colors[to].filled:
        needed = max(1, record.active_slot.floor)
        refill: tuple[Move, ...] = (Floors({to: needed}),) if at_once else (Floors({to: needed}), Await(to, needed))
        return Plan(f"{to} is retired: it is filled again first", (*refill, last))
    if seen.live is not None and seen.live[to] == 100:
        return Plan(f"{to} has the traffic already; the record follows", (last,))
    enough = _enough(seen, deployed, to)
    if to not in seen.fleets:
        return Plan(f"all traffic back to {to}, whose health can't be read", (last,))
    if at_once or seen.fleet(to).healthy >= enough:
        return Plan(f"all traffic back to {to}", (last,))
    return Plan(
        f"{to} has {seen.fleet(to).healthy} healthy targets of the {enough} it needs; `rollback --now` does not wait",
        (Await(to, enough), last),
    )


def _enough(seen: Snapshot, deployed: Deployed, to: Color) -> int:
    """As many as the other color serves with, but never more than the record keeps ready, and at least one."""
    return max(1, min(deployed.record.colors[to].floor, seen.fleet(other(to)).healthy))


def _nowhere(deployed: Deployed) -> Refusal:
    record = deployed.record
    reasons = {
        "empty": f"{record.idle} is empty: no other release has served",
        "candidate": f"{record.idle} is a candidate that has never served",
        "rejected": f"{record.idle} was rolled back, or overtaken by a release in place",
        "previous": f"{record.idle} has no release in the record",
    }
    at = spoken(weights(record))
    why = f"{reasons[record.standby]} (weights: {at})"
    return Refusal("there is nothing to go back to", why, ("status", "history"))
