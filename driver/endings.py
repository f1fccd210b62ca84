"""How a transition ends when it does not get there: taken back, or interrupted at a legal record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from driver.errors import Busy, Failure, Refused, ReleaseFailed, RolledBack, Unfinished
from driver.gates import Verdict
from driver.images import asked_again, short
from driver.interrupts import Interrupted
from driver.journey import Journey, Taken
from driver.observe import observe
from driver.ports import Ports
from driver.release.requests import Deploy, Promote, Request, Resume, why_of
from driver.release.rolling import Finish
from driver.release.snapshot import Fleet, spoken
from driver.rollback import Haste, roll_back
from driver.stack.failures import Behind
from driver.verify import still_ours
from infra.record import Color, Deployed, Transition, other, weights

_LINES, _WIDE = 5, 200
"""Log lines that a failure quotes, and characters of each."""
_MANY = 20
"""How many times as many are looked through for those of one release."""

_RECENT = timedelta(minutes=30)


@contextmanager
def with_facts(journey: Journey) -> Iterator[None]:
    """Whatever ends it, the document tells the steps that were taken."""
    try:
        yield
    except Failure as failure:
        failure.facts = {**journey.facts(), **failure.facts}
        raise


@contextmanager
def left_halfway(ports: Ports, journey: Journey) -> Iterator[None]:
    """Whatever can't go on in the middle of a shift is unfinished: part of the traffic has moved, nobody watches it."""
    try:
        yield
    except (Busy, Unfinished, ReleaseFailed):
        raise
    except Failure as failure:
        at = _under_way(ports, journey)
        if at is None:
            raise
        why = f"{failure.what}: {failure.why}".rstrip(": ")
        hints = tuple(hint for hint in failure.next if hint in {"doctor", "status"})
        first = ("up",) if isinstance(failure, Behind) else ()  # without it nothing goes on
        onward = (*first, "resume", "rollback", *hints)
        what = "the shift stays where it is" if at.kind == "shift" else "the release in place is not over"
        raise Unfinished(what, why, onward, failure.facts) from failure


def _under_way(ports: Ports, journey: Journey) -> Transition | None:
    """What the record says; where it can't be read, as far as this driver knows."""
    deployed = journey.deployed
    with suppress(Failure):
        deployed = ports.cloud.stored().deployed
    return deployed.record.transition if deployed is not None else None


@contextmanager
def interrupted(ports: Ports, journey: Journey, request: Request) -> Iterator[None]:
    """After Ctrl-C or SIGTERM: says which record is deployed now, and that the same command carries on."""
    try:
        yield
    except Interrupted as stop:
        seen = observe(ports.cloud, ports.clock.now())
        deployed = seen.deployed
        at = (
            f"record {deployed.generation} is deployed: {spoken(weights(deployed.record))}" if deployed else "no record"
        )
        again = why_of(request)
        if isinstance(request, Deploy) and deployed:
            again = f"deploy {asked_again(request.release, deployed.record)}{request.way}"
        commands: tuple[str, ...] = (again, "status")
        if deployed and deployed.record.transition:
            commands = ("resume", "rollback", "status")
        elif deployed and isinstance(request, Promote | Resume) and deployed.record.standby == "previous":
            # Once more would be refused. What was cut off is the last look at it.
            at, commands = f"{at}; {deployed.record.active} is promoted", ("status", "rollback")
        elif seen.misdirected:
            # The update got as far as the test rule, and no promotion begins while that sends to what serves.
            at, commands = f"{at}; {seen.misdirected}", ("up", again, "status")
        if seen.weights_drifted:
            # The update got as far as the rule, not to the record.
            live = spoken(seen.live) if seen.live is not None else "not to be read"
            at, commands = f"{at}; the live weights are {live}", ("resume", "rollback", "status")
        raise Unfinished(f"interrupted by {stop.name}", at, commands, journey.facts()) from None


def ended(ports: Ports, journey: Journey, step: Taken, timeout: float) -> Failure:
    """A gate says no: refused where no traffic has moved yet, else it goes back to the color that served."""
    broken, deployed = step.broken, journey.deployed
    color = getattr(step.move, "to", getattr(step.move, "color", None))
    if deployed is not None and deployed.record.leaving is not None:
        return put_back(ports, journey, broken, timeout)
    if isinstance(step.move, Finish):
        why = "; ".join(f"{verdict.gate}: {verdict.reason} {verdict.why}".strip() for verdict in broken)
        return Unfinished("the release is in place, but not all agrees", why, ("status",), journey.facts())
    if deployed is None or color is None or not _has_traffic(ports, deployed, color):
        first = broken[0]
        slot = deployed.record.standby_slot if deployed else None
        image = asked_again(slot.release, deployed.record) if deployed and slot else "IMAGE"
        commands = tuple(text.format(image=image) for text in first.next)
        return Refused(first.reason, first.why, commands or ("status",), {**journey.facts(), "gate": first.gate})
    return taken_back(ports, journey, color, broken, timeout)


def _has_traffic(ports: Ports, deployed: Deployed, color: Color) -> bool:
    """By the record, or by the rule: an update that was cut off may have got as far as that."""
    if weights(deployed.record)[color]:
        return True
    live = observe(ports.cloud, ports.clock.now()).live
    return live is not None and live[color] > 0


def put_back(ports: Ports, journey: Journey, broken: tuple[Verdict, ...], timeout: float) -> Failure:
    """A release in place has failed: the color gets its targets of before back, and the end tells of it."""
    assert journey.deployed is not None
    record = journey.deployed.record
    leaving = record.leaving
    assert leaving is not None  # else there is nothing to put back
    active, came, old = record.active, short(record.active_slot.image), short(leaving.image)
    why = "; ".join(f"{verdict.gate}: {verdict.reason} {verdict.why}".strip() for verdict in broken)
    came_to: tuple[str, ...] = ()
    try:
        seen = observe(ports.cloud, ports.clock.now())
        still_ours(seen, journey.deployed)
        came_to = tuple(target.id for target in seen.fleet(active).arrived)
    except Busy:
        raise
    except Failure as failure:
        # Nobody's reason keeps it from going back.
        ports.tell(f"can't look at {active}: {failure.what}")
    said = last_words(ports, active, came_to)
    ports.tell(f"{broken[0].gate}: {broken[0].reason}; going back to {old}")
    back = roll_back(ports, Haste(at_once=True, why=f"{broken[0].gate}: {broken[0].reason}", timeout=timeout))
    journey.steps += back.steps
    journey.deployed = back.deployed
    facts = {**journey.facts(), "gate": broken[0].gate, "log": list(said)}
    what = f"{came} failed in place: {active} runs {old} again"
    return RolledBack(what, "\n".join((why, *said)), (f"logs {active}", "status"), facts)


def taken_back(ports: Ports, journey: Journey, failed: Color, broken: tuple[Verdict, ...], timeout: float) -> Failure:
    """Traffic has moved and a gate says no: back to the color that served, and the end that tells of it."""
    why = "; ".join(f"{verdict.gate}: {verdict.reason} {verdict.why}".strip() for verdict in broken)
    new = _looked_at(ports, journey, failed, why)
    ports.tell(f"{broken[0].gate}: {broken[0].reason}; rolling back")
    # Without a wait for the old color's health, which was looked at just now.
    back = roll_back(ports, Haste(at_once=True, why=f"{broken[0].gate}: {broken[0].reason}", timeout=timeout))
    journey.steps += back.steps
    journey.deployed = back.deployed
    serves = journey.deployed.record.active if journey.deployed else "the old color"
    targets = [{"id": one.id, "state": one.state, "reason": one.reason} for one in new.targets]
    ill = [f"{one.id} {one.state} {one.reason}".rstrip() for one in new.targets if not one.healthy]
    said = last_words(ports, failed)
    facts = {**journey.facts(), "gate": broken[0].gate, "targets": targets, "log": list(said)}
    what = f"{failed} failed its gates: {serves} serves again"
    return RolledBack(what, "\n".join((why, *ill, *said)), (f"logs {failed}", "status"), facts)


def _looked_at(ports: Ports, journey: Journey, failed: Color, why: str) -> Fleet:
    """The color that failed. Raises Busy where it is no longer ours to take back, and where there is no way back.

    Where AWS does not answer, nobody's reason keeps the traffic from going back.
    """
    try:
        seen = observe(ports.cloud, ports.clock.now())
    except Failure as failure:
        ports.tell(f"can't look at {failed}: {failure.what}")
        return Fleet()
    still_ours(seen, journey.deployed)
    old, new = seen.fleet(other(failed)), seen.fleet(failed)
    if not old.healthy and new.healthy:
        what = f"{failed} failed its gates, but none of the targets of {other(failed)} is healthy: nothing was moved"
        raise Unfinished(what, why, ("status", "rollback --now", "resume"), journey.facts())
    return new


def last_words(ports: Ports, color: Color, of: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The last lines that a color has logged, as far as they can be read: what it says is the best clue there is.

    `of`: rather those of these instances, where any of the last ones is.
    """
    try:
        lines = ports.cloud.log_lines(color, ports.clock.now() - _RECENT, _LINES * _MANY if of else _LINES)
    except (Failure, LookupError):
        return ()
    lines = [line for line in lines if line.stream.startswith(of)] or lines if of else lines
    return tuple(f"{line.stream}: {' '.join(line.text.split())[:_WIDE]}" for line in lines[-_LINES:])
