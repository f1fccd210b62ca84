"""Reading back: success is reported only when record, rule, health and probe agree."""

from __future__ import annotations

from driver.errors import Busy, Failure
from driver.gates import Verdict, health
from driver.observe import observe
from driver.ports import Ports
from driver.release.snapshot import Snapshot, spoken
from infra.record import Color, Deployed, weights

REQUESTS = 5
"""How many a probe sends: enough to meet more than one target."""

SETTLING = 30.0
"""Seconds that a balancer may take to follow its rules everywhere."""

_POLL = 1.0


def verify(ports: Ports) -> tuple[Snapshot, tuple[Verdict, ...]]:
    """The stack as it is, and whether all that should agree with the record does. Waits for the balancer to follow."""
    deadline = ports.clock.elapsed() + SETTLING
    while True:
        seen = observe(ports.cloud, ports.clock.now())
        verdicts = judged(ports, seen)
        if all(verdict.passed for verdict in verdicts) or ports.clock.elapsed() >= deadline:
            return seen, verdicts
        ports.clock.sleep(_POLL)


def still_ours(seen: Snapshot, deployed: Deployed | None) -> None:
    """Raises Busy where what was seen is not what this driver has brought about: someone else has acted meanwhile."""
    if intent := seen.stored.pending:
        who = intent.who or "another driver"
        raise Busy("the transition was rolled back", f"by {who} at {intent.when}: {intent.why}", ("status", "wait"))
    there = seen.deployed
    if there is None or deployed is None or there.basis != deployed.basis:
        raise Busy("another driver took over", written(there), ("status",))


def unmoved(seen: Snapshot) -> None:
    """Raises Busy where the live weights are not the record's any more."""
    if seen.weights_drifted:
        why = seen.drift[0] if seen.drift else "the rule differs from the record"
        raise Busy("someone else has changed the live weights", f"{why}; nothing was done about it", _settle(seen))


def _settle(seen: Snapshot) -> tuple[str, ...]:
    return ("rollback", "up") if seen.record and seen.record.transition else ("up", "rollback")


def written(deployed: Deployed | None) -> str:
    """Who wrote a record, for what reason."""
    if deployed is None:
        return "the deployed record is gone"
    return f"{deployed.who or 'someone'} wrote record {deployed.generation}: {deployed.why or 'no reason given'}"


def drop_spent_intent(ports: Ports) -> None:
    """Removes an intent that the record has caught up with; one on the deployed record is still to be carried out.

    One that can't be removed does no harm: it is on an older record.
    """
    try:
        stored = ports.cloud.stored()
        if stored.intent is not None and stored.pending is None:
            ports.cloud.drop_intent()
    except Failure as failure:
        ports.tell(f"the spent intent could not be removed, and stays: {failure.what}")


def judged(ports: Ports, seen: Snapshot) -> tuple[Verdict, ...]:
    """The verdicts on what serves now."""
    record, deployed = seen.record, seen.deployed
    if record is None or deployed is None:
        return (Verdict("record", False, "there is no deployed record"),)
    return (
        _weights(seen),
        health(seen, record.active),
        _probe(ports, deployed.url, record.active if record.transition is None else None),
    )


def _weights(seen: Snapshot) -> Verdict:
    wanted = weights(seen.record) if seen.record else {}
    if seen.live is None:
        return Verdict("weights", False, "the production rule can't be read")
    said = f"the live weights are {spoken(seen.live)}"
    return Verdict("weights", dict(seen.live) == wanted, said, f"the record says {spoken(wanted)}")


def _probe(ports: Ports, url: str, serves: Color | None) -> Verdict:
    answers = ports.probe.ask(url, REQUESTS)
    if not answers.ran:
        return Verdict("probe", True, f"not run: {answers.why}")
    bad = [status for status in answers.statuses if status == 0 or status >= 500]
    if bad:
        return Verdict("probe", False, f"{len(bad)} of {len(answers.statuses)} requests failed", f"answers: {bad}")
    named = {color for color in answers.colors if color}
    if serves and named - {serves}:
        return Verdict("probe", False, f"{', '.join(sorted(named))} answered, {serves} should")
    by = f", all by {serves}" if serves and named else ""
    return Verdict("probe", True, f"{len(answers.statuses)} of {len(answers.statuses)} requests answered{by}")
