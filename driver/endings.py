"""How a transition ends when it does not get there: taken back, or interrupted at a legal record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from driver.errors import Failure, RolledBack, Unfinished
from driver.gates import Verdict
from driver.images import named_again
from driver.interrupts import Interrupted
from driver.journey import Journey
from driver.observe import observe
from driver.ports import Ports
from driver.release.moves import Shift
from driver.release.requests import Deploy, Request, why_of
from driver.release.snapshot import spoken
from driver.rollback import Haste, roll_back
from infra.record import weights


@contextmanager
def with_facts(journey: Journey) -> Iterator[None]:
    """Whatever ends it, the document tells the steps that were taken."""
    try:
        yield
    except Failure as failure:
        failure.facts = {**journey.facts(), **failure.facts}
        raise


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
        again = f"deploy {named_again(request.release.image)}" if isinstance(request, Deploy) else why_of(request)
        commands: tuple[str, ...] = (again, "status")
        if seen.weights_drifted:
            # The update got as far as the rule, not to the record.
            live = spoken(seen.live) if seen.live is not None else "not to be read"
            at, commands = f"{at}; the live weights are {live}", ("resume", "rollback", "status")
        raise Unfinished(f"interrupted by {stop.name}", at, commands, journey.facts()) from None


def taken_back(ports: Ports, journey: Journey, failed: Shift, broken: tuple[Verdict, ...], timeout: float) -> Failure:
    """Traffic has moved and a gate says no: back to the color that served, and the end that tells of it."""
    why = "; ".join(f"{verdict.gate}: {verdict.reason} {verdict.why}".strip() for verdict in broken)
    ports.tell(f"{broken[0].gate}: {broken[0].reason}; rolling back")
    back = roll_back(ports, Haste(at_once=True, why=f"{broken[0].gate}: {broken[0].reason}", timeout=timeout))
    journey.steps += back.steps
    journey.deployed = back.deployed
    serves = journey.deployed.record.active if journey.deployed else "the old color"
    what = f"{failed.to} failed after the shift: {serves} serves again"
    return RolledBack(what, why, (f"logs {failed.to}", "status"), journey.facts())
