"""What the verbs that follow a plan have in common: ask, show the plan or carry it out, report the journey."""

from __future__ import annotations

from dataclasses import replace

from driver.images import short
from driver.invocation import Invocation
from driver.ports import Ports
from driver.release.requests import Request
from driver.result import Result
from driver.session import Session
from driver.transition import Limits, carry_out, planned
from infra.record import Record


def dry(ports: Ports, request: Request) -> Result:
    """The plan, as a result."""
    deployed, decision = planned(ports, request)
    steps = [str(move) for move in decision.moves]
    facts = {
        "plan": steps,
        "planned_updates": decision.updates,
        "bake_seconds": decision.baking,
        "notes": list(decision.notes),
        "steps": [],
        "stack_updates": 0,
        "generation": deployed.generation,
        "dry_run": True,
    }
    outcome = "planned" if steps else "nothing to do"
    return Result(outcome, decision.reason, facts={**facts, "gates": list(decision.gates)}, body=decision)


def act(
    session: Session,
    request: Request,
    limits: Limits,
    *,
    done: str,
    next: tuple[str, ...] = (),
) -> Result:
    """The request carried out; `done` is the outcome's word."""
    journey = carry_out(session.ports, request, limits)
    if journey.paused is not None:
        reason = f"paused at {journey.paused.where}, as asked: {journey.reason}"
        return Result("paused", reason, ("resume", "rollback", "status"), facts=journey.facts(), body=journey)
    reason = now_stands(journey.deployed.record) if journey.steps and journey.deployed else journey.reason
    return Result(
        done if journey.steps else "nothing to do",
        reason,
        next if journey.steps else ("status",),
        facts=journey.facts(),
        body=journey,
    )


def together(first: Result, second: Result) -> Result:
    """Two requests, one after the other, as one result."""
    steps = [*first.facts["steps"], *second.facts["steps"]]
    updates = first.facts["stack_updates"] + second.facts["stack_updates"]
    facts = {**second.facts, "steps": steps, "stack_updates": updates}
    return replace(second, facts=facts)


def now_stands(record: Record) -> str:
    """Who serves what and what stands by, in one sentence."""
    serves = f"{record.active} serves {short(record.active_slot.image)}"
    slot = record.standby_slot
    if slot is None:
        return f"{serves}; {record.idle} is empty"
    retired = "" if slot.filled else ", retired"
    held = f", kept until {record.held_until}" if record.held_until else ""
    return f"{serves}; {record.idle} holds {short(slot.image)}: {record.standby}{retired}{held}"


def opened(called: Invocation, what: str, *, dry_run: bool) -> Session:
    """The session of a verb that changes something: asked for, and of the right account."""
    session = Session(called, changes=not dry_run)
    if not called.interactive:
        called.agree(what, dry_run=dry_run)
    account = session.known_account()
    where = f"{session.checkout.project} · {session.checkout.stack} in account {account}"
    called.agree(f"{what} on {where}?", dry_run=dry_run)
    return session
