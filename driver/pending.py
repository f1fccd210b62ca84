"""An update of the whole stack, as the checkout has it: a first deploy, or what has been changed since."""

from __future__ import annotations

from dataclasses import replace

from driver.await_health import await_health
from driver.effect import counted, effect
from driver.errors import Invalid, Refused, ReleaseFailed, Unfinished, Unforeseen
from driver.journey import Journey
from driver.locks import patiently
from driver.movers.stack import adopted
from driver.observe import observe
from driver.ports import Changes, Ports
from driver.release.moves import Await
from driver.release.snapshot import Snapshot
from driver.release.targets import RULES, WORKERS
from driver.result import Result
from driver.verify import drop_spent_intent, verify
from infra.record import COLORS, Record, weights

ALARMS = ("**::alarm-*",)

_UNDER_WAY = ("resume", "rollback")
LOCK = 120.0
"""Seconds to wait for another update's lock."""


def seen_here(ports: Ports) -> Snapshot:
    """What is there now. Raises Invalid where this backend is not the one that the stack was made with.

    An update from an empty state would build everything a second time, and write over the record.
    """
    seen = observe(ports.cloud, ports.clock.now())
    if seen.deployed is not None and ports.stack.blank():
        why = (
            f"record {seen.deployed.generation} is deployed, but the backend in use holds nothing of {ports.stack.name}"
        )
        raise Invalid("this is another backend than the stack's own", why, ("$ pulumi whoami -v", "doctor"))
    return seen


def _alarms_gone(ports: Ports, record: Record) -> tuple[str, ...]:
    """The program's own alarms that someone has deleted: Pulumi believes its state, and would not make them again.

    It has some for each color on each platform of the settings, and on the one that the color's release runs on.
    """
    terms = ports.stack.terms()
    own: list[str] = []
    for color in COLORS:
        by_platform, slot = terms.alarms.own.get(color, {}), record.colors.get(color)
        for platform in dict.fromkeys((*terms.platforms, *([slot.platform] if slot else []))):
            own += by_platform.get(platform, ())
    found = ports.cloud.alarms(own) if own else {}
    return tuple(name for name in own if name not in found)


def foreseen(ports: Ports) -> str:
    """What an update would come to, before anyone agrees to it."""
    seen = seen_here(ports)
    changes = ports.stack.preview()
    number = sum(count for operation, count in changes.counts.items() if operation != "same")
    return f"{counted(number)}; {effect(seen, changes)}"


def bring_up(ports: Ports, *, timeout: float, wait: bool) -> Result:
    """Updates, waits for a first release to become healthy, verifies, and writes the record into the checkout."""
    seen = seen_here(ports)
    if seen.weights_drifted or seen.misdirected:
        why = seen.drift[0] if seen.drift else "a rollback has moved the traffic"
        ports.tell(f"{why}: reading the rules again")
        ports.stack.refresh(RULES[:2])
    if seen.astray:
        ports.tell(f"{seen.astray[0]}: reading the workers again")
        ports.stack.refresh((WORKERS,))
    if seen.deployed is not None and (gone := _alarms_gone(ports, seen.deployed.record)):
        ports.tell(f"{gone[0]} is gone: reading the alarms again")
        ports.stack.refresh(ALARMS)
    what = "first deploy" if seen.deployed is None else "what the checkout holds"
    steps = ("update the stack", *(("wait until what serves is healthy",) if wait else ()))
    ports.progress.plan(what, steps)
    ports.progress.step(1, len(steps), steps[0])
    try:
        changes = patiently(ports, LOCK, ports.stack.update)
    except Refused as refused:
        if refused.facts.get("refusal") != "unfinished-update" or seen.deployed is None:
            raise
        # The checkout holds an untouched copy of an older record, from which nobody asks for anything.
        ports.tell(f"this checkout holds an older record: taking over record {seen.deployed.generation}")
        ports.stack.adopt(seen.deployed)
        changes = patiently(ports, LOCK, ports.stack.update)
    traffic = effect(seen, changes)
    for line in (*changes.warnings, traffic):
        ports.tell(line)
    deployed = ports.cloud.stored().deployed
    if deployed is None:
        raise Unforeseen("there is no record after the update", "it is written last", ("up", "status"))
    adopted(ports, deployed)
    drop_spent_intent(ports)
    journey = Journey(traffic, deployed)
    active = deployed.record.active
    ports.progress.weights(weights(deployed.record))
    if wait:
        ports.progress.step(2, len(steps), steps[1])
        floor = deployed.record.active_slot.floor
        try:
            healthy = await_health(ports, Await(active, floor), ports.clock.elapsed() + timeout)
        except ReleaseFailed as failure:
            if deployed.record.transition is not None:
                failure.next = (f"logs {active}", *_UNDER_WAY)  # another deploy would be refused
            raise
        _, verdicts = verify(ports)
        journey.steps.append(replace(healthy, verdicts=verdicts))
        if broken := [verdict for verdict in verdicts if not verdict.passed]:
            why = "; ".join(f"{verdict.gate}: {verdict.reason}" for verdict in broken)
            raise Unfinished("the update is done, but not all agrees with the record", why, ("status",))
    return _result(changes, journey, traffic, first=seen.deployed is None, url=deployed.url)


def _result(changes: Changes, journey: Journey, traffic: str, *, first: bool, url: str) -> Result:
    facts = {
        **journey.facts(),
        "stack_updates": 1,
        "update_seconds": round(changes.seconds, 2),
        "counts": dict(changes.counts),
        "traffic": traffic,
        "url": url,
        "warnings": list(changes.warnings),
    }
    number = sum(count for operation, count in changes.counts.items() if operation != "same")
    what = f"{number} resource{'s' * (number != 1)} changed" if number else "nothing had to change"
    reason = f"{what}; {traffic}"
    under_way = journey.deployed is not None and journey.deployed.record.transition is not None
    advice = ("deploy IMAGE",) if first else _UNDER_WAY if under_way else ("status",)
    return Result("updated" if number else "no changes", reason, advice, facts=facts, body=journey)
