"""`preview`: what an update would change, and what that means for traffic."""

from __future__ import annotations

import click

from driver.effect import effect
from driver.invocation import Invocation
from driver.observe import observe
from driver.result import Result
from driver.session import Session


@click.command()
@click.pass_obj
def preview(called: Invocation) -> Result:
    """What `up` would change, and what that means for traffic. Changes nothing."""
    session = Session(called, changes=False)
    session.known_account()
    ports = session.ports
    seen = observe(ports.cloud, ports.clock.now())
    changes = ports.stack.preview()
    traffic = effect(seen, changes)
    facts = {
        "counts": dict(changes.counts),
        "changes": [{"operation": operation, "urn": urn} for operation, urn in changes.resources],
        "traffic": traffic,
        "drift": list(seen.drift),
        "warnings": list(changes.warnings),
    }
    if not changes.any:
        return Result("no changes", f"everything is as it should be; {traffic}", facts=facts, body=changes)
    number = sum(count for operation, count in changes.counts.items() if operation != "same")
    return Result("changes", f"{number} resources change; {traffic}", ("up",), facts=facts, body=changes)
