"""`rollback` (and `abort`): back at once. Imports as little as it can: people wait for this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from driver.errors import Unfinished
from driver.invocation import Invocation
from driver.options import break_lock, dry_run, timeout
from driver.ports import Ports
from driver.result import Result
from driver.rollback import Haste, decided, roll_back
from driver.session import Session


@click.command()
@click.option("--now", "at_once", is_flag=True, help="Don't wait for the old color's health, whatever it is.")
@click.option("--to", "generation", type=click.IntRange(min=1), metavar="GENERATION", help="To what served then.")
@break_lock
@dry_run
@timeout("15m")
@click.pass_obj
def rollback(called: Invocation, at_once: bool, generation: int | None, dry_run: bool, timeout: float) -> Result:
    """All traffic back to what served before, or out of the transition under way.

    With --to, what served at that generation is deployed anew with today's settings and promoted: minutes.
    """
    if generation is not None:
        return _far(called, generation, at_once=at_once, dry_run=dry_run, timeout=timeout)
    session = Session(called, changes=not dry_run)
    called.agree(f"roll {session.checkout.project} · {session.checkout.stack} back?", dry_run=dry_run)
    session.cloud.warm("ssm", "elbv2")
    if dry_run:
        _, decision = decided(session.ports, at_once=at_once)
        steps = [str(move) for move in decision.moves]
        facts = {"plan": steps, "steps": [], "stack_updates": 0, "dry_run": True}
        return Result("planned", f"{decision.reason}: {'; '.join(steps)}", facts=facts)
    try:
        journey = roll_back(session.ports, Haste(at_once, called.verb, timeout))
    except Unfinished as unfinished:
        _announce(session.ports, unfinished.what, unfinished.why, unfinished.facts, unfinished.exit_code)
        raise
    _announce(session.ports, journey.reason, called.verb, journey.facts(), 0)
    facts = journey.facts()
    if journey.moved_at is not None:
        facts["moved_seconds"] = round(journey.moved_at - called.started, 3)
    return Result("rolled back", journey.reason, ("status", "deploy IMAGE"), facts=facts, body=journey)


def _announce(ports: Ports, what: str, why: str, facts: Mapping[str, Any], code: int) -> None:
    """Tells people, now that the traffic has moved."""
    from driver.notices import announce  # what it imports would keep the traffic waiting

    announce(ports, "rolled back", what=what, why=why, facts={**facts, "exit_code": code})


def _far(called: Invocation, generation: int, *, at_once: bool, dry_run: bool, timeout: float) -> Result:
    from driver.far_back import foreseen, go_back, goal  # none of it is needed where seconds count
    from driver.observe import observe
    from driver.verbs.acting import opened

    session = opened(called, f"roll back to generation {generation}", dry_run=dry_run)
    ports = session.ports
    aim = goal(session.cloud.versions(), generation, observe(ports.cloud, ports.clock.now()))
    said = foreseen(ports, aim)
    if dry_run:
        return Result("planned", said, facts={"dry_run": True, "image": aim.slot.image, "platform": aim.slot.platform})
    ports.tell(said)
    journey = go_back(ports, aim, at_once=at_once, timeout=timeout)
    facts = {**journey.facts(), "to_generation": generation}
    if aim.near:
        _announce(ports, journey.reason, called.verb, facts, 0)
    return Result("rolled back", journey.reason, ("status", "history"), facts=facts, body=journey)
