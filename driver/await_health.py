"""Waiting for a color: until enough of its targets, running the recorded release, are healthy."""

from __future__ import annotations

from driver.counting import many
from driver.errors import ReleaseFailed
from driver.gates import Verdict
from driver.interrupts import INTERRUPTS
from driver.journey import Taken
from driver.launches import lost
from driver.observe import observe
from driver.ports import Ports
from driver.release.moves import Await
from driver.release.snapshot import Fleet, Target

_POLL = 2.0
_ASK = 30.0
"""Seconds between two questions for what keeps instances from getting ready."""


def await_health(ports: Ports, move: Await, deadline: float) -> Taken:
    """Raises ReleaseFailed, with each target's reason, when the deadline passes first."""
    started, said, known = ports.clock.elapsed(), "", set[str]()
    asked = started
    while True:
        INTERRUPTS.check()  # a signal's own exception is lost where it comes into a callback of the interpreter
        fleet = observe(ports.cloud, ports.clock.now()).fleet(move.color)
        waited = ports.clock.elapsed() - started
        ports.progress.health(move.color, fleet.healthy, fleet.wanted)
        if fleet.healthy >= move.healthy:
            reason = f"{fleet.healthy} of {many(fleet.wanted, 'target')} of {move.color} healthy"
            return Taken(move, waited_seconds=waited, verdicts=(Verdict("health", True, reason),))
        if ports.clock.elapsed() >= deadline:
            raise _never(move, fleet, waited, lost(ports.cloud, move.color, fleet))
        if ports.clock.elapsed() - asked >= _ASK:
            asked = ports.clock.elapsed()
            news = [reason for reason in lost(ports.cloud, move.color, fleet) if _what(reason) not in known]
            known |= {_what(reason) for reason in news}
            for reason in news:
                ports.tell(f"{move.color}: {reason}")
        if (line := f"{move.color}: {fleet.healthy}/{move.healthy} healthy") != said:
            ports.tell(line)
            said = line
        ports.clock.sleep(_POLL)


def _never(move: Await, fleet: Fleet, waited: float, launches: tuple[str, ...]) -> ReleaseFailed:
    reasons = [*launches] + [f"{target.id} {_why(target)}" for target in fleet.targets if not target.healthy]
    missing = move.healthy - len(fleet.targets)
    if missing > 0:
        reasons.append(f"{missing} of {many(move.healthy, 'target')} {'has' if missing == 1 else 'have'} not come up")
    return ReleaseFailed(
        f"{move.color} did not get healthy in {waited:.0f} s: {fleet.healthy} of {many(move.healthy, 'target')}",
        "; ".join(reasons),
        (f"logs {move.color}", "deploy IMAGE", "status"),
        facts={
            "launches": list(launches),
            "targets": [{"id": target.id, "state": target.state, "reason": target.reason} for target in fleet.targets],
        },
    )


def _what(reason: str) -> str:
    """A reason without the instances that it names: others fail the same way, again and again."""
    return reason.partition(": ")[2] or reason


def _why(target: Target) -> str:
    return f"{target.state}: {target.reason}" if target.reason else target.state
