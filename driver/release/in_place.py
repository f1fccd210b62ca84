"""The steps of a release in place: from the first member to the last, or from wherever a driver left it. Pure.

On a scaling group one member is replaced, watched, and then the rest; on ECS all go in one rolling deployment, and are
watched after it. Traffic stays where it is all the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from driver.bake_gates import watched_alarms
from driver.counting import many
from driver.gates import health, lenient
from driver.images import short
from driver.release.course import LONGEST, leniency, spoken, wholes
from driver.release.moves import Bake, Move, Pause, Plan, Refusal
from driver.release.requests import Deploy, InPlace, Leniency, Resume
from driver.release.rolling import Begin, Checkpoint, Finish, Roll
from driver.release.snapshot import Snapshot
from driver.release.terms import Terms
from infra.record import Color, Deployed, Record, Release, Transition, instant


@dataclass(frozen=True)
class Watching:
    """How what has come is watched: seconds of bake, the most of them, and what is asked leniently.

    `first`: one member goes ahead of the others.
    """

    bake: int
    max_bake: int
    first: bool
    pause: bool = False
    gates: Mapping[str, Leniency] = field(default_factory=dict)

    def asked(self) -> dict[str, Any]:
        """As the record notes it."""
        noted: dict[str, Any] = {"bake": self.bake, "maxBake": self.max_bake, "first": self.first}
        if self.pause:
            noted["pause"] = True
        if self.gates:
            noted["gates"] = dict(self.gates)
        return noted

    def __str__(self) -> str:
        return f"{'one first, then the rest' if self.first else 'all in one go'}, {spoken(self.bake)} of bake"


def of_transition(at: Transition) -> Watching:
    """How an in-place release under way was started. One that was started by hand is not watched for any time."""
    noted = at.asked
    bake, longest = (next(wholes([noted.get(key)]), 0) for key in ("bake", "maxBake"))
    return Watching(bake, longest, bool(noted.get("first")), bool(noted.get("pause")), leniency(noted.get("gates")))


def begun(seen: Snapshot, deployed: Deployed, request: Deploy, terms: Terms) -> Plan | Refusal:
    """All of it."""
    record, release, asked = deployed.record, request.release, request.in_place or InPlace()
    active, slot = record.active, record.active_slot
    if release == slot.release:
        return Plan(f"already there: {active} serves {short(release.image)}")
    if refusal := _not_so(seen, deployed, request, terms):
        return refusal
    watching = _watching(asked, terms, first=slot.platform == "compose" and seen.fleet(active).wanted > 1)
    if isinstance(watching, Refusal):
        return watching
    verdict = lenient(health(seen, active), watching.gates)
    if verdict.stops and watching.gates.get("health") != "off":
        return Refusal(verdict.reason, verdict.why, verdict.next, gate=verdict.gate)
    begin = Begin(release, watching.asked(), watching.gates)
    moves: tuple[Move, ...] = (begin, *_until_checkpoint(active, release, watching), *_after(active, release, watching))
    reason = f"{active}: {short(slot.image)} → {short(release.image)} in place, {watching}"
    return Plan(reason, moves, _notes(record, moves), _gates(watching, terms, active, slot.platform))


def rest(seen: Snapshot, deployed: Deployed, at: Transition, request: Resume, terms: Terms) -> Plan | Refusal:
    """What is left of one that a driver started. A bake that was served already counts."""
    record, release = deployed.record, deployed.record.active_slot.release
    if seen.weights_drifted:
        return Refusal("the weights were changed behind the transition", seen.drift[0], ("rollback", "up"))
    if request.pause_after is not None:
        return Refusal("an in-place release passes no weights", "--pause-after names one", ("resume",), 2)
    watching = of_transition(at)
    watching = replace(watching, gates={**watching.gates, **request.gates})
    active = record.active
    moves: tuple[Move, ...]
    if at.step == 0:
        moves = (*_until_checkpoint(active, release, watching), *_after(active, release, watching))
    else:
        # A person has said how it goes on, where one was asked.
        watching = replace(watching, pause=watching.pause and not at.paused)
        moves = _after(active, release, watching, began=at)
    reason = f"carries on with {short(release.image)} in place of {_source(at)} on {active}, {watching}"
    return Plan(reason, moves, _notes(record, moves), _gates(watching, terms, active, release.platform))


def put_back(seen: Snapshot, record: Record) -> Plan | None:
    """What an undone one has left: members that no driver has seen go. None where all is as the record says."""
    active, slot = record.active, record.active_slot
    if record.transition is not None or not (undone := left_behind(seen, record)):
        return None
    return Plan(f"{undone}: put back to {short(slot.image)}", (Roll(active, slot.release, back=True),))


def left_behind(seen: Snapshot, record: Record) -> str:
    """The members of the color that serves which run another release, in words; those on their way out aside."""
    left = [target for target in seen.fleet(record.active).stale if target.state != "draining"]
    if not left:
        return ""
    return f"{many(len(left), 'target')} of {record.active} still {'runs' if len(left) == 1 else 'run'} another release"


def _not_so(seen: Snapshot, deployed: Deployed, request: Deploy, terms: Terms) -> Refusal | None:
    """What keeps a release from being made in place, whatever its health."""
    record, release = deployed.record, request.release
    active, slot = record.active, record.active_slot
    if release.platform != slot.platform:
        return Refusal(
            f"in place {active} stays on {slot.platform}",
            f"another platform is another color's: {record.idle} can have it",
            (f"deploy IMAGE --platform {release.platform}",),
        )
    if request.run:
        why = "in place its targets serve as soon as they are there, so nothing could wait for the command"
        hints = ("deploy IMAGE --in-place --run ''", "deploy IMAGE")
        return Refusal("a command can't be run before an in-place release", why, hints)
    if record.standby == "previous" and record.held(seen.now) and not request.end_hold:
        return Refusal(
            f"{record.idle} is kept for a rollback until {record.held_until}",
            "after an in-place release it would be two releases behind, and no way back any more",
            ("deploy IMAGE --in-place --end-hold", "rollback"),
        )
    if not deployed.template(active, slot.release):
        why = "the record was written by an earlier version, and does not say what its targets are launched from"
        return Refusal(f"{active} can't be changed in place yet", why, ("up",))
    ports = {target.port for target in seen.fleet(active).targets if target.port}
    if slot.platform == "fargate" and ports and ports != {terms.port}:
        listens = ", ".join(map(str, sorted(ports)))
        why = f"{active} is reached on port {listens}, and the settings' port is {terms.port}"
        return Refusal("in place the port stays", why, ("deploy IMAGE",))
    return None


def _watching(asked: InPlace, terms: Terms, *, first: bool) -> Watching | Refusal:
    sight = terms.alarms.sight if terms.alarms.own and not asked.gates.get("alarms") else 0
    bake = asked.bake if asked.bake is not None else max(terms.strategy.bake, sight)
    longest = asked.max_bake if asked.max_bake is not None else max(terms.requests.max_bake, bake)
    if bake > LONGEST:
        return Refusal(f"a bake of {spoken(bake)} is too long", f"at most {spoken(LONGEST)}", (), code=2)
    if longest < bake:
        return Refusal("--max-bake is shorter than the bake", f"{spoken(longest)} against {spoken(bake)}", (), code=2)
    if bake < sight:
        return Refusal(
            f"a bake of {spoken(bake)} is too short for its alarms",
            f"they see what goes wrong after {spoken(sight)}, the delay of their metrics included",
            (
                f"deploy IMAGE --in-place --bake {spoken(sight).replace(' ', '')}",
                "deploy IMAGE --in-place --gate alarms=warn",
            ),
            gate="alarms",
        )
    return Watching(bake, longest, first, asked.pause, dict(asked.gates))


def _until_checkpoint(active: Color, release: Release, watching: Watching) -> tuple[Move, ...]:
    roll = Roll(active, release, first=watching.first, gates=watching.gates)
    return (roll, Checkpoint(active, paused=watching.pause))


def _after(active: Color, release: Release, watching: Watching, began: Transition | None = None) -> tuple[Move, ...]:
    """The bake at the checkpoint, and what follows it. `began`: the transition that got there already."""
    at = instant(began.step_since) if began else None
    longest = max(watching.max_bake, watching.bake)
    moves: list[Move] = [
        Bake(active, 100, watching.bake, longest, watching.gates, began=at, unwatched=at, in_place=True)
    ]
    if watching.pause:
        return (*moves, Pause(active, 100, in_place=True))
    if watching.first or began:
        # Where all went together there is nothing left, unless the record was brought there in another way.
        moves.append(Roll(active, release, rest=True, gates=watching.gates))
    if watching.first:
        # How much came by was asked at the checkpoint.
        moves.append(Bake(active, 100, 0, 0, {**watching.gates, "requests": "off"}, in_place=True))
    return (*moves, Finish(active))


def _gates(watching: Watching, terms: Terms, active: Color, platform: str) -> tuple[str, ...]:
    """The gates that it passes, each with how much it asks."""
    watched = len(watched_alarms(terms.alarms, active, platform))
    asked = {
        "health": "health",
        "smoke": f"smoke ({len(terms.smoke)}, through the production listener)" if terms.smoke else "",
        "command": f"command ({terms.command.words[0]})" if terms.command else "",
        "alarms": f"alarms ({watched})" if watched else "",
        "requests": f"requests ({terms.requests.least:,})" if terms.requests.least else "",
    }
    off = {name for name, word in watching.gates.items() if word == "off"}
    said = {name: f"{text}, warns only" if watching.gates.get(name) == "warn" else text for name, text in asked.items()}
    return tuple(text for name, text in said.items() if asked[name] and name not in off)


def _notes(record: Record, moves: tuple[Move, ...]) -> tuple[str, ...]:
    plan = Plan("", moves)
    notes = [f"{plan.updates} stack {'update' if plan.updates == 1 else 'updates'}", f"{spoken(plan.baking)} of bake"]
    if record.standby == "previous" and record.transition is None:
        notes.append(f"{record.idle} is no way back after it: it would be two releases behind")
    notes.append("a rollback on the way replaces targets again: minutes, not a second")
    return tuple(notes)


def _source(at: Transition) -> str:
    return short(at.source.image) if at.source else "what ran before"
