"""Back to a release of long ago: its image and platform, with today's settings. A deploy and a promotion: minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from driver.errors import Refused
from driver.images import same, short
from driver.journey import Journey
from driver.ports import Ports
from driver.release.history import KEPT, Version
from driver.release.requests import Deploy, Promote
from driver.release.snapshot import Snapshot
from driver.rollback import Haste, roll_back
from driver.transition import Limits, carry_out, planned
from infra.record import Record, RecordError, Slot, parse_deployed


@dataclass(frozen=True)
class Goal:
    """What served at a generation. `near`: it stands by, and a plain rollback gets there in a second."""

    generation: int
    slot: Slot
    near: bool


def goal(versions: Sequence[Version], generation: int, seen: Snapshot) -> Goal:
    """Raises Refused where nobody knows what served then, or where it serves now."""
    slot = _served(versions, generation)
    record = seen.record
    if slot is None or record is None:
        why = f"the history of the record has no such generation; AWS keeps its last {KEPT} versions"
        raise Refused(f"nobody knows what served at generation {generation}", why, ("history",))
    if record.transition is not None:
        where = f"{record.transition.weight} % on {record.idle}"
        if record.leaving is not None:
            where = f"{record.active} is changed in place"
        why = f"{where}: first out of it, then back"
        raise Refused("a transition is in progress", why, ("rollback", "status"))
    if _same(record.active_slot, slot):
        what = f"{short(slot.image)} of generation {generation} serves already"
        raise Refused(what, f"{record.active} runs it on {slot.platform}", ("status", "history"))
    return Goal(generation, slot, near=_near(record, slot))


def go_back(ports: Ports, aim: Goal, *, at_once: bool, timeout: float) -> Journey:
    """Deploys what served then and promotes it; or takes the short way where there is one."""
    if aim.near:
        return roll_back(ports, Haste(at_once, f"rollback --to {aim.generation}", timeout))
    limits = Limits(timeout=timeout)
    filled = carry_out(ports, _fill(ports, aim), limits)
    journey = carry_out(ports, _shift(aim, filled), limits)
    journey.steps[:0] = filled.steps
    journey.reason = f"{short(aim.slot.image)} of generation {aim.generation} serves again, deployed anew"
    return journey


def foreseen(ports: Ports, aim: Goal) -> str:
    """What it comes to, said before it starts. Raises the refusal that it would meet."""
    if aim.near:
        return f"{short(aim.slot.image)} stands by: back at once"
    _, plan = planned(ports, _fill(ports, aim))
    steps = "; ".join(str(move) for move in plan.moves)
    return f"{short(aim.slot.image)} of generation {aim.generation} is deployed with today's settings, minutes: {steps}"


def _fill(ports: Ports, aim: Goal) -> Deploy:
    return Deploy(ports.stack.release(aim.slot.platform, aim.slot.image), end_hold=True, back=True)


def _shift(aim: Goal, filled: Journey) -> Promote:
    found = filled.deployed.record.standby_slot if filled.deployed else None
    return Promote(found.image if found else aim.slot.image, again=True, strategy="all-at-once", back=True)


def _served(versions: Sequence[Version], generation: int) -> Slot | None:
    for version in versions:
        try:
            deployed = parse_deployed(version.text)
        except RecordError:
            continue
        if deployed.generation == generation:
            return deployed.record.active_slot
    return None


def _near(record: Record, slot: Slot) -> bool:
    standby = record.standby_slot
    return record.standby == "previous" and standby is not None and _same(standby, slot)


def _same(one: Slot, two: Slot) -> bool:
    return one.platform == two.platform and same(one.image, two.image)
