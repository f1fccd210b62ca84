"""A release, from where the stack is to where it is asked to be: observe, plan; apply and verify each step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driver.await_health import await_health
from driver.errors import Failure, ReleaseFailed, RolledBack, Unfinished
from driver.gates import Verdict, judge
from driver.images import named_again
from driver.interrupts import INTERRUPTS, Interrupted
from driver.journey import Journey, Taken
from driver.movers.stack import apply
from driver.observe import observe
from driver.ports import Ports
from driver.refusal import refusal
from driver.release.moves import Await, Fill, Move, Plan, Refusal, Resize, Shift, Update
from driver.release.plan import plan
from driver.release.requests import Deploy, Promote, Request
from driver.release.snapshot import spoken
from driver.resize import resize
from driver.stack.failures import UpdateFailed
from driver.verify import verify
from infra.record import Deployed, weights


@dataclass(frozen=True)
class Limits:
    """How long, in seconds: for all of it, and for another driver's lock. Without waiting only updates are made."""

    timeout: float = 900.0
    lock: float = 120.0
    wait: bool = True


def planned(ports: Ports, request: Request) -> tuple[Deployed, Plan]:
    """What would be done. Raises the refusal."""
    seen = observe(ports.cloud, ports.clock.now())
    decision = plan(seen, request, ports.stack.terms())
    if isinstance(decision, Refusal):
        raise refusal(decision)
    assert seen.deployed is not None  # a plan is made from a record
    return seen.deployed, decision


def carry_out(ports: Ports, request: Request, limits: Limits) -> Journey:
    """Does what is asked, or raises how it ended otherwise."""
    deployed, decision = planned(ports, request)
    return follow(ports, deployed, decision, request, limits)


def follow(ports: Ports, deployed: Deployed, decision: Plan, request: Request, limits: Limits) -> Journey:
    """Takes the steps of a plan, one after the other."""
    journey = Journey(decision.reason, deployed)
    deadline = ports.clock.elapsed() + limits.timeout
    why = why_of(request)
    for move in decision.moves:
        if isinstance(move, Await) and not limits.wait:
            continue
        ports.tell(str(move))
        try:
            INTERRUPTS.check()
            taken = take(ports, move, journey, request, why, deadline, limits.lock)
        except Interrupted as stop:
            raise interrupted(ports, journey, request, stop) from None
        except Failure as failure:
            failure.facts = {**journey.facts(), **failure.facts}
            raise
        journey.steps.append(taken)
        if isinstance(move, Shift) and any(verdict.stops for verdict in taken.verdicts):
            raise go_back(ports, journey, move, limits)
    if INTERRUPTS.asked:
        raise interrupted(ports, journey, request, Interrupted(INTERRUPTS.asked))
    return journey


def finish(ports: Ports, request: Promote, limits: Limits) -> Journey:
    """A promotion whose update moved the rule and not the record: the record follows."""
    seen = observe(ports.cloud, ports.clock.now())
    assert seen.deployed is not None and seen.record is not None
    settled = replace(seen, live=weights(seen.record))
    decision = plan(settled, request, ports.stack.terms())
    if isinstance(decision, Refusal):
        raise refusal(decision)
    return follow(ports, seen.deployed, decision, request, limits)


def take(ports: Ports, move: Move, journey: Journey, request: Request, why: str, deadline: float, lock: float) -> Taken:
    """One step, applied and verified."""
    assert journey.deployed is not None
    if isinstance(move, Await):
        return await_health(ports, move, deadline)
    if isinstance(move, Resize):
        return resize(ports, move, deadline)
    gates = _before(ports, move, request)
    try:
        applied = apply(ports, move, journey.deployed, why=why, patience=lock)
    except UpdateFailed as failure:
        raise _fill_failed(move, failure) from failure
    journey.deployed = applied.deployed
    after = verify(ports)[1] if _moves_traffic(move) else ()
    return Taken(move, applied.updates, applied.seconds, 0.0, (*gates, *after))


def go_back(ports: Ports, journey: Journey, failed: Shift, limits: Limits) -> Failure:
    """Traffic has moved and a gate says no: back to the color that served, and the end that tells of it."""
    from driver.rollback import Haste, roll_back

    broken = [verdict for verdict in journey.steps[-1].verdicts if verdict.stops]
    ports.tell(f"{broken[0].gate}: {broken[0].reason}; rolling back")
    back = roll_back(ports, Haste(at_once=True, why=f"{broken[0].gate}: {broken[0].reason}", timeout=limits.timeout))
    journey.steps += back.steps
    journey.deployed = back.deployed
    serves = journey.deployed.record.active if journey.deployed else "the old color"
    why = "; ".join(f"{verdict.gate}: {verdict.reason} {verdict.why}".strip() for verdict in broken)
    return RolledBack(
        f"{failed.to} failed after the shift: {serves} serves again",
        why,
        (f"logs {failed.to}", "status"),
        journey.facts(),
    )


def interrupted(ports: Ports, journey: Journey, request: Request, stop: Interrupted) -> Unfinished:
    """The end after Ctrl-C or SIGTERM: which record is deployed now, and how to go on."""
    deployed = ports.cloud.stored().deployed
    at = f"record {deployed.generation} is deployed: {spoken(weights(deployed.record))}" if deployed else "no record"
    again = f"deploy {named_again(request.release.image)}" if isinstance(request, Deploy) else why_of(request)
    return Unfinished(f"interrupted by {stop.name}", at, (again, "status"), journey.facts())


def why_of(request: Request) -> str:
    """What the record notes as the reason."""
    named = type(request).__name__.lower()
    return f"{named} --again" if isinstance(request, Promote) and request.again else named


def _before(ports: Ports, move: Update, request: Request) -> tuple[Verdict, ...]:
    if not isinstance(move, Shift) or not isinstance(request, Promote):
        return ()
    return judge(observe(ports.cloud, ports.clock.now()), move.to, request.gates)


def _moves_traffic(move: Update) -> bool:
    return isinstance(move, Shift)


def _fill_failed(move: Update, failure: UpdateFailed) -> Failure:
    if not isinstance(move, Fill):
        return failure
    return ReleaseFailed("the fill failed; what serves was not touched", failure.why, ("up", "deploy IMAGE"))
