"""A release, from where the stack is to where it is asked to be: observe, plan; apply and verify each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from driver.endings import ended, interrupted, left_halfway, with_facts
from driver.heralding import heralded
from driver.interrupts import INTERRUPTS
from driver.journey import Journey
from driver.observe import observe
from driver.ports import Ports
from driver.refusal import refusal
from driver.release.moves import Await, Pause, Plan, Refusal
from driver.release.plan import plan
from driver.release.requests import Request, why_of
from driver.release.snapshot import Snapshot
from driver.taking import Taking
from driver.verify import still_ours, unmoved
from driver.watching import watched
from infra.record import Deployed, weights


@dataclass(frozen=True)
class Limits:
    """Seconds to wait: for each step, and for another driver's lock. Without waiting only updates are made."""

    timeout: float = 900.0
    lock: float = 120.0
    wait: bool = True


def carry_out(ports: Ports, request: Request, limits: Limits) -> Journey:
    """Does what is asked, or raises how it ended otherwise."""
    deployed, decision = planned(ports, request)
    return follow(ports, deployed, decision, request, limits)


def planned(ports: Ports, request: Request, seen: Snapshot | None = None) -> tuple[Deployed, Plan]:
    """What would be done about what is there (or about `seen`). Raises the refusal."""
    seen = seen or observe(ports.cloud, ports.clock.now())
    decision = plan(seen, request, ports.stack.terms())
    if isinstance(decision, Refusal):
        raise refusal(decision)
    assert seen.deployed is not None  # a plan is made from a record
    return seen.deployed, decision


def follow(ports: Ports, deployed: Deployed, decision: Plan, request: Request, limits: Limits) -> Journey:
    """Takes the steps of a plan, one after the other; where a gate says no, the traffic that has moved goes back."""
    journey = Journey(decision.reason, deployed)
    taking = Taking(ports, request, limits.timeout, limits.lock)
    with watched(ports, why_of(request)), _ends_well_or_told(ports, request, journey):
        moves = [move for move in decision.moves if limits.wait or not isinstance(move, Await)]
        if moves:
            ports.progress.plan(decision.reason, [str(move) for move in moves])
        for number, move in enumerate(moves, 1):
            INTERRUPTS.check()
            ports.progress.step(number, len(moves), str(move))
            step = taking.take(move, journey)
            if isinstance(move, Pause):
                return journey
            if journey.deployed is not None:
                ports.progress.weights(weights(journey.deployed.record))
            if step.broken:
                raise ended(ports, journey, step, limits.timeout)
        INTERRUPTS.check()
        if journey.steps:
            seen = observe(ports.cloud, ports.clock.now())
            still_ours(seen, journey.deployed)
            unmoved(seen)
    return journey


@contextmanager
def _ends_well_or_told(ports: Ports, request: Request, journey: Journey) -> Iterator[None]:
    """However it ends: people hear of it, the document has the steps, an interrupt leaves a legal record."""
    with (
        heralded(ports, request, journey),
        with_facts(journey),
        left_halfway(ports, journey),
        interrupted(ports, journey, request),
    ):
        yield
