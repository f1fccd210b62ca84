"""`verify`: the gates, without moving anything."""

from __future__ import annotations

import click

from driver.bake import checked, watched_alarms
from driver.errors import Drifted, Refused
from driver.gates import Verdict, health, judge
from driver.invocation import Invocation
from driver.ports import Ports
from driver.release.snapshot import NOTHING, Snapshot
from driver.release.terms import Terms
from driver.result import Result
from driver.session import Session
from driver.verify import judged
from infra.record import Deployed


@click.command()
@click.argument("color", type=click.Choice(["blue", "green"]), required=False)
@click.pass_obj
def verify(called: Invocation, color: str | None) -> Result:
    """Run the gates on what serves and on a filled standby, or on one COLOR. Moves nothing."""
    session = Session(called, changes=False)
    ports = session.ports
    seen = session.observed()
    if seen.deployed is None:
        raise Refused("there is no release yet", NOTHING, ("up", "sync --from-live"))
    record, slot = seen.deployed.record, seen.deployed.record.standby_slot
    verdicts: list[Verdict] = []
    terms = ports.stack.terms()
    if color in (None, record.active):
        verdicts += [*judged(ports, seen), *watched_alarms(ports, seen, terms, record.active, None)]
    if color == record.idle or (color is None and slot is not None and slot.filled):
        verdicts += _of_standby(ports, seen, seen.deployed, terms)
    facts = {"gates": [verdict.data() for verdict in verdicts], "drift": list(seen.drift)}
    if seen.drift:
        raise Drifted("AWS disagrees with the record", "; ".join(seen.drift), ("up", "rollback"), facts)
    broken = [verdict for verdict in verdicts if not verdict.passed]
    if broken:
        raise Refused(broken[0].reason, broken[0].why, ("status",), {**facts, "gate": broken[0].gate})
    reason = "; ".join(f"{verdict.gate}: {verdict.reason}" for verdict in verdicts)
    return Result("verified", reason, facts=facts)


def _of_standby(ports: Ports, seen: Snapshot, deployed: Deployed, terms: Terms) -> list[Verdict]:
    """What a promotion would ask of it now; of one that is kept for a rollback, just its health."""
    idle = deployed.record.idle
    if deployed.record.standby not in {"candidate", "rejected"}:
        return [health(seen, idle)]
    found = [*judge(seen, idle, carries=terms.carries), *watched_alarms(ports, seen, terms, idle, None)]
    return [*found, *checked(ports, terms, deployed.test_url, idle, {})]
