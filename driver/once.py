"""Running a command of the new release once, where its platform runs such: begun, found again, and how it ended."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace

from driver.errors import Refused, ReleaseFailed, Unfinished
from driver.gates import Verdict
from driver.images import asked_again, short
from driver.interrupts import INTERRUPTS
from driver.journey import Taken
from driver.launches import lost
from driver.observe import observe
from driver.ports import Ports, Ran, Runs
from driver.release.moves import RunOnce
from driver.release.once import NotNow, Once, parse
from infra.record import Color, Deployed

_POLL = 2.0
_SHORTEST = 60
_LINES = 6
_UNSEEN = 60.0
"""Seconds for which something that was begun may be nowhere to be seen: AWS's answers lag behind one another."""
_STOPS = 180.0
"""Seconds that a task may take from the request to stop until it has: a grace of 120 s, and what ECS does after it."""
_NOISE = "failed to run commands:"


def run_once(ports: Ports, move: RunOnce, deployed: Deployed, deadline: float) -> Taken:
    """Raises Refused where the command fails, Unfinished where it has not ended by then."""
    slot, started = deployed.record.colors[move.color], ports.clock.elapsed()
    same = f"deploy {asked_again(slot.release, deployed.record)}"
    runs = ports.cloud.runs(deployed.capacity[move.color])
    once = move.kept or Once(slot.fill, move.words)
    if once.words != move.words:
        # Two of them at once would be worse than a wait.
        if once.state == "begun" and (id := runs.begun(once)):
            ports.tell(f"{runs.named(once, id)} was begun before, with other words: waits for its end")
            _ended(ports, runs, once, id, same, deadline)
        once = Once(slot.fill, move.words, attempt=once.attempt)
    if id := runs.begun(once) if once.state == "begun" else "":
        ports.tell(f"{runs.named(once, id)} was begun before: waits for that")
    else:
        once, id = _begun(ports, runs, move, once, deployed.capacity[move.color], deadline)
        ports.tell(f"`{shlex.join(once.words)}` runs as {runs.named(once, id)}")
    ran = _ended(ports, runs, once, id, same, deadline)
    ports.cloud.put_once(replace(once, state="failed" if ran.code else "done").text())
    said = "\n".join(_last(ran.said))
    if ran.code:
        what = f"the command of {short(slot.image)} failed" + (f": exit code {ran.code}" if ran.code > 0 else "")
        facts = {"run": {**_facts(once, id), "exit_code": ran.code, "log": _last(ran.said)}}
        why = f"{said or 'it said nothing'}\nnothing that serves was touched; {move.color} can't be promoted"
        raise Refused(what, why, (same, f"logs {move.color}", "status"), facts)
    reason = f"`{shlex.join(once.words)}` succeeded as {runs.named(once, id)}"
    return Taken(move, waited_seconds=ports.clock.elapsed() - started, verdicts=(Verdict("run", True, reason, said),))


def end_left(ports: Ports, deployed: Deployed, color: Color) -> None:
    """Ends the command of a release that goes, where it would outlive that, and waits until it has."""
    once, slot = ports.cloud.stored().once, deployed.record.colors.get(color)
    if once is None or slot is None or (once.state, once.fill) != ("begun", slot.fill):
        return
    runs = ports.cloud.runs(deployed.capacity.get(color, ""))
    if not (id := runs.end(once)):
        return
    ports.tell(f"{runs.named(once, id)} still runs `{shlex.join(once.words)}`: it is stopped")
    until = ports.clock.elapsed() + _STOPS
    with suppress(LookupError):
        while runs.outcome(once, id).code is None and ports.clock.elapsed() < until:
            ports.clock.sleep(_POLL)
    ports.cloud.put_once(Once(once.fill, once.words, attempt=once.attempt).text())


def _begun(ports: Ports, runs: Runs, move: RunOnce, once: Once, capacity: str, deadline: float) -> tuple[Once, str]:
    """The attempt and its id. Raises ReleaseFailed where it can't be begun anywhere in time."""
    again = once.state == "begun" and runs.known(once)
    while True:
        INTERRUPTS.check()
        try:
            if not again:
                once = _agreed(ports, runs, once, capacity)
            return once, runs.begin(once, max(_SHORTEST, int(deadline - ports.clock.elapsed())))
        except NotNow as refusal:
            again, why = False, str(refusal)
        if ports.clock.elapsed() >= deadline:
            fleet = observe(ports.cloud, ports.clock.now()).fleet(move.color)
            reasons = "; ".join((why, *lost(ports.cloud, move.color, fleet)))
            what = f"the command could not be begun on {move.color}"
            raise ReleaseFailed(what, reasons, (f"logs {move.color}", "deploy IMAGE", "status"))
        ports.clock.sleep(_POLL)


def _agreed(ports: Ports, runs: Runs, once: Once, capacity: str) -> Once:
    """The next attempt, where the first driver that came to it began it. Raises NotNow.

    Kept before it is begun: whoever comes later looks for it, whatever happens to this driver.
    """
    while True:
        ours = once.following(capacity, runs.place())
        once = parse(ports.cloud.claim(ours.attempt, ours.text())) or ours
        if runs.known(once):
            break
        # Nobody knows how far it came, where it was begun.
    there = ports.cloud.stored().once
    if there is None or there.attempt != once.attempt:
        ports.cloud.put_once(once.text())
    return once


def _ended(ports: Ports, runs: Runs, once: Once, id: str, same: str, deadline: float) -> Ran:
    """How it ended. A code below zero: it never got to one. `same`: the deploy that goes on waiting."""
    seen = ports.clock.elapsed()
    while True:
        INTERRUPTS.check()
        try:
            ran = runs.outcome(once, id)
            if ran.code is not None:
                return ran
            seen = ports.clock.elapsed()
        except LookupError:
            if ports.clock.elapsed() - seen >= _UNSEEN:
                return Ran(-1, f"{runs.named(once, id)} is nowhere to be seen: nobody knows how far it came")
        if ports.clock.elapsed() >= deadline:
            raise Unfinished(
                "the release's command has not ended",
                f"`{shlex.join(once.words)}` goes on as {runs.named(once, id)}; "
                "the same deploy waits for that and runs no second one",
                (same, "status"),
                {"run": _facts(once, id)},
            )
        ports.clock.sleep(_POLL)


def _last(said: str) -> list[str]:
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    return lines[-_LINES:]


def _facts(once: Once, id: str) -> dict[str, object]:
    return {"command": shlex.join(once.words), "place": once.place, "id": id}
