"""A release, from where the stack is to where it is asked to be: observe, plan; apply and verify each step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driver.endings import interrupted, taken_back, with_facts
from driver.interrupts import INTERRUPTS
from driver.journey import Journey
from driver.observe import observe
from driver.ports import Ports
from driver.refusal import refusal
from driver.release.moves import Await, Plan, Refusal, Shift
from driver.release.plan import plan
from driver.release.requests import Promote, Request
from driver.release.snapshot import Snapshot
from driver.taking import Taking
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
    """Takes the steps of a plan, one after the other; where a shift fails its gates, the traffic goes back."""
    journey = Journey(decision.reason, deployed)
    taking = Taking(ports, request, limits.timeout, limits.lock)
    with interrupted(ports, journey, request), with_facts(journey):
        for move in decision.moves:
            if isinstance(move, Await) and not limits.wait:
                continue
            INTERRUPTS.check()
            ports.tell(str(move))
            step = taking.take(move, journey)
            if isinstance(move, Shift) and step.broken:
                raise taken_back(ports, journey, move, step.broken, limits.timeout)
        INTERRUPTS.check()
    return journey


def finish(ports: Ports, request: Promote, limits: Limits) -> Journey:
    """A promotion whose update moved the rule and not the record: the record follows."""
    seen = observe(ports.cloud, ports.clock.now())
    assert seen.record is not None  # whoever calls has seen one
    deployed, decision = planned(ports, request, replace(seen, live=weights(seen.record)))
    return follow(ports, deployed, decision, request, limits)
