"""`preview`: what an update would change, and what that means for traffic."""

from __future__ import annotations

import click

from driver.effect import counted, effect, unreleased
from driver.invocation import Invocation
from driver.pending import seen_here
from driver.result import Result
from driver.session import Session


@click.command()
@click.pass_obj
def preview(called: Invocation) -> Result:
    """What `up` would change, and what that means for traffic. Changes nothing."""
    session = Session(called, changes=False)
    session.known_account()
    ports = session.ports
    seen = seen_here(ports)
    changes = ports.stack.preview()
    traffic = effect(seen, changes)
    pending = unreleased(ports.stack, seen)
    facts = {
        "counts": dict(changes.counts),
        "changes": [{"operation": operation, "urn": urn} for operation, urn in changes.resources],
        "traffic": traffic,
        "drift": list(seen.drift),
        "unreleased": list(pending),
        "warnings": list(changes.warnings),
    }
    hints = "".join(f"; {line}" for line in pending)
    if changes.any:
        number = sum(count for operation, count in changes.counts.items() if operation != "same")
        return Result("changes", f"{counted(number)}; {traffic}{hints}", ("up",), facts=facts, body=changes)
    if seen.drift:
        reason = f"{seen.drift[0]}; `up` sets it right{hints}"
        return Result("changes", reason, ("up", "rollback"), facts=facts, body=changes)
    return Result("no changes", f"everything is as it should be; {traffic}{hints}", facts=facts, body=changes)
