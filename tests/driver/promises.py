"""The promises of docs/architecture.md, I1 to I6, held against whatever happens in a `chaos.Chaos`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from driver.errors import Failure
from driver.verbs.status import summary
from infra.decision import Decision
from infra.record import COLORS, Color, Record, other, weights
from infra.steps import IllegalStep, Kind, step
from tests.driver.chaos import PRODUCTION, Chaos, Died, Outcome, hints_of

UNMOVED = {2, 3}
"""Exit codes that say that nothing was touched."""


class Watch:
    """Looks at each change as it is made. What is broken is noted: a driver may swallow what is raised in its calls."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos, self.broken = chaos, chaos.broken

    def moved(self, before: Mapping[Color, int], after: dict[Color, int], by: str, wish: Record | None) -> None:
        """I1 and I2, at the moment at which weights change."""
        chaos, process = self.chaos, self.chaos.running
        deployed = chaos.cloud.deployed
        assert deployed is not None
        record, pending = deployed.record, chaos.cloud.stored().pending
        settled = [weights(record)] + ([weights(pending.record)] if pending and not process.decides else [])
        if by == "forward" and process.disturbed is None:
            back = [{record.active: 100, record.idle: 0}]
            if record.transition is None and record.standby == "previous":
                back.append({record.active: 0, record.idle: 100})
            if after not in [*settled, *back]:
                self.broken.append(f"I2 {process.verb} forwards {after}, the record is {record}")
        if after in settled or process.at_once:
            return
        # Where someone has taken the rule away, the update that makes it anew raises what is above the record's.
        above = before if any(before.values()) else weights(record)
        for color in COLORS:
            if after[color] > above[color]:
                self._raised(color, after[color])

    def _raised(self, color: Color, weight: int) -> None:
        process, record = self.chaos.running, self.chaos.record
        mine, theirs = process.looked.get(color), process.looked.get(other(color), (0, 0))
        said = f"I1 {process.verb} raises {color} to {weight}"
        if process.verb not in {"promote", "resume", "rollback"}:
            self.broken.append(f"{said}, and is not to move traffic")
        elif mine is None:
            if not (process.fault and process.happened and process.fault.kind == "fail"):
                self.broken.append(f"{said} without a look at it")
        elif process.verb == "rollback":
            enough = max(1, min(record.colors[color].floor, theirs[0]))
            if mine[0] < enough:
                self.broken.append(f"{said} with {mine[0]} healthy of {enough}")
        elif color == record.active:
            if not mine[0] and theirs[0]:
                self.broken.append(f"{said}, of which no target is healthy")
        else:
            enough = max(1, record.colors[color].floor, math.ceil(theirs[0] * weight / 100))
            if mine[0] < enough or mine[1]:
                self.broken.append(f"{said} with {mine[0]} healthy of {enough}, {mine[1]} ailing")

    def written(self, chosen: Decision) -> None:
        """What each record that is written must be: one legal step on, one generation on; I3 and I6."""
        chaos, process, was = self.chaos, self.chaos.running, self.chaos.cloud.deployed
        assert was is not None
        before, after, now = was.record, chosen.record, chaos.clock.now()
        if chosen.generation != was.generation + 1:
            self.broken.append(f"generation {was.generation} is followed by {chosen.generation}")
        try:
            # What a step concludes is taken as it stands, so that it is the same once more.
            if step(was, after, now).kind is Kind.SAME:
                self.broken.append(f"{process.verb} wrote a record that changes nothing")
        except IllegalStep as illegal:
            self.broken.append(f"{process.verb} wrote an illegal step: {illegal}")
        live = chaos.cloud.live()
        if not process.looked_since:
            return
        for color, slot in before.colors.items():
            then = after.colors[color]
            least = min(slot.floor, chaos.stack.settings.least) if color == before.active else slot.floor
            replaced = (slot.release, slot.fill) != (then.release, then.fill)
            if replaced and process.verb == "up" and not chosen.from_intent:
                self.broken.append(f"I6 up replaces {slot.image} on {color}")
            in_place = color == before.active and before.leaving is not after.leaving
            if replaced and not in_place and (live[color] or color == before.active):
                self.broken.append(f"I3 {process.verb} replaces {color}, which has {live[color]} % of the traffic")
            if replaced and before.held(now) and not process.end_hold:
                self.broken.append(f"I3 {process.verb} replaces {color} before {before.held_until}")
            if not replaced and then.floor < slot.floor and (before.held(now) or before.transition):
                self.broken.append(f"I3 {process.verb} lowers the floor of {color} too early")
            if not replaced and live[color] and then.floor < least:
                self.broken.append(f"I3 {process.verb} lowers the floor of {color}, which has traffic")

    def resized(self, group: str, desired: int) -> None:
        """I3, at the moment at which targets go."""
        chaos, process, deployed = self.chaos, self.chaos.running, self.chaos.cloud.deployed
        assert deployed is not None
        color = next(color for color in COLORS if deployed.capacity.get(color) == group)
        if desired >= chaos.cloud.groups[group].desired or not process.looked_since:
            return
        if chaos.cloud.live()[color] or deployed.record.colors[color].filled:
            self.broken.append(f"I3 {process.verb} takes targets of {color} away, which it may not")


def after(chaos: Chaos, outcome: Outcome, started: tuple[Any, ...], astray: bool) -> None:
    """What holds when a command has ended: I2 and I5, and that its exit code is true.

    `astray`: the live weights were nobody's when it began.
    """
    process, record, live = outcome.process, chaos.record, chaos.cloud.live()
    said, broken = f"{process.verb} ended with {outcome.code} ({outcome.failure or outcome.reason})", chaos.broken
    if outcome.code is None:
        return
    pending = chaos.cloud.stored().pending
    # One call that fails costs no promise; two at once (the intent and the update) may.
    if not settled(chaos) and not astray and process.disturbed is None:
        broken.append(f"I2 {said}, live {live}, record {record}")
    if outcome.failure is not None and not isinstance(outcome.failure, Failure | Died):
        broken.append(f"{said}: {type(outcome.failure).__name__} is nobody's word")
    if outcome.code == 0 and process.looked_since and process.verb not in {"sync"}:
        if pending or live != weights(record):
            broken.append(f"I5 {said}, live {live}, record {record}, intent {pending}")
        _kept_its_word(chaos, outcome, said)
    if outcome.code in UNMOVED and process.disturbed is None and chaos.facts()[:2] != started[:2] and process.moves:
        broken.append(f"{said}, but traffic has moved: {started} {chaos.facts()}")
    if outcome.code == 5 and process.disturbed is None and not started[2]:
        broken.append(f"{said}, but nobody else was there")
    if outcome.code in {1, 2, 3} and process.disturbed is None and record.transition and chaos.facts()[0] != started[0]:
        broken.append(f"{said}, and leaves a shift that it does not tell of: {record.transition}")
    if outcome.code == 1 and not process.happened:
        broken.append(f"{said}, but nothing was wrong")
    if outcome.code and not outcome.next:
        broken.append(f"{said}: nothing to do next is named")


def _kept_its_word(chaos: Chaos, outcome: Outcome, said: str) -> None:
    record, verb = chaos.record, outcome.process.verb
    moved = any(moves for moves in outcome.process.moves)
    if verb == "promote" and moved and not outcome.paused and (record.transition or record.standby != "previous"):
        chaos.broken.append(f"I5 {said}, but the record is {record}")
    if verb == "promote" and outcome.paused and (record.transition is None or not record.transition.paused):
        chaos.broken.append(f"I5 {said} as paused, but the record is {record}")
    if verb == "rollback" and (record.transition or not outcome.reason.startswith(record.active)):
        chaos.broken.append(f"I5 {said}, but the record is {record}")
    if verb == "deploy" and outcome.process.in_place:
        _kept_in_place(chaos, outcome, said)
    elif verb == "deploy" and "already there" not in outcome.reason and record.standby != "candidate":
        chaos.broken.append(f"I5 {said}, but the record is {record}")


def _kept_in_place(chaos: Chaos, outcome: Outcome, said: str) -> None:
    """What is in place is on every member, unless it was to be paused."""
    record, deployed = chaos.record, chaos.cloud.deployed
    assert deployed is not None
    if outcome.paused or "already there" in outcome.reason:
        return
    group = chaos.cloud.groups[deployed.capacity[record.active]]
    wanted = deployed.template(record.active, record.active_slot.release)
    others = [member for member, origin in group.launched.items() if origin != wanted]
    if record.transition or others or group.template != wanted:
        chaos.broken.append(f"I5 {said}, but the record is {record}, and {others} are of another release")


def settled(chaos: Chaos) -> bool:
    """Whether the live weights are those of the record, or of an intent on it."""
    live, pending = chaos.cloud.live(), chaos.cloud.stored().pending
    return live == weights(chaos.record) or (pending is not None and live == weights(pending.record))


def good(chaos: Chaos) -> bool:
    """A state in which one may leave a stack: nothing is in progress, and all agree."""
    record = chaos.record
    waits = record.transition is not None and record.transition.paused
    steady = record.transition is None or waits
    return steady and _whole(chaos) and chaos.cloud.stored().pending is None and chaos.cloud.live() == weights(record)


def _whole(chaos: Chaos) -> bool:
    """Whether every member of the active color runs a release that the record has for it."""
    record, deployed = chaos.record, chaos.cloud.deployed
    assert deployed is not None
    slot = record.active_slot
    known = {deployed.template(record.active, one) for one in (slot.release, record.leaving) if one}
    return set(chaos.cloud.groups[deployed.capacity[record.active]].launched.values()) <= known


def shrunk(chaos: Chaos) -> bool:
    """Whether a hand took targets away that come with the next `up`; until then no color is whole."""
    deployed = chaos.cloud.deployed
    assert deployed is not None
    return any(
        chaos.cloud.groups[deployed.capacity[color]].desired < slot.floor
        for color, slot in deployed.record.colors.items()
    )


def advises(chaos: Chaos, outcome: Outcome) -> None:
    """No command that a failure names as the next one is refused, as long as nothing else happens before it."""
    if outcome.process.disturbed is not None:
        return
    for verb, options in hints_of(outcome):
        trial = chaos.clone()
        trial.heal()
        ended = trial.command(verb, options)
        if ended.code not in {0, 4, 6 if shrunk(chaos) else 0}:
            said = f"{outcome.process.verb} ended with {outcome.code} ({outcome.told}) and advises {verb} {options}"
            chaos.broken.append(f"{said}, which ends with {ended.code} ({ended.told})")


def recovers(chaos: Chaos) -> None:
    """I4: whatever was left, what `status` advises first reaches a good state, and no advice of it is refused."""
    from driver.observe import observe

    healed = chaos.clone()
    healed.heal()
    if healed.stack.state is None:
        return
    seen = observe(healed.cloud, healed.clock.now())
    outcome, reason, hints = summary(seen)
    if not good(chaos) and not hints:
        chaos.broken.append(f"I4 {outcome} ({reason}): no advice")
    for number, (verb, options) in enumerate(hints_of(hints)):
        trial = healed.clone()
        ended = trial.command(verb, options)
        told = f"I4 status says {outcome} ({reason}) and advises {verb} {options}: {ended.code} ({ended.told})"
        if ended.code not in {0, 4, 6 if shrunk(chaos) else 0}:
            chaos.broken.append(told)
        elif number == 0 and not good(trial) and not shrunk(chaos):
            chaos.broken.append(f"{told} and leaves {trial.record} {trial.cloud.live()} {trial.cloud.intent}")


def settles(chaos: Chaos, verb: str, options: dict[str, Any]) -> None:
    """I4: the same command, again and again, comes to rest, and at rest it changes nothing."""
    trial = chaos.clone()
    trial.heal()
    facts, outcome = None, None
    for _ in range(5):
        before = trial.facts()
        outcome = trial.command(verb, options)
        # What fails in place leaves no release behind that could be refused: each try is one more, and changes nothing.
        tried = 1 if outcome.process.in_place and outcome.code == 4 else 0
        if (facts := trial.facts())[tried:] == before[tried:]:
            break
    else:
        chaos.broken.append(f"I4 {verb} {options} does not come to rest: {facts}, {outcome}")
    if outcome and outcome.failure is not None and not isinstance(outcome.failure, Failure):
        chaos.broken.append(f"I4 {verb} {options} ends with {outcome.failure!r}")
    content = outcome is not None and outcome.code == 0 and verb not in {"sync", "up"}
    if content and not good(trial):
        chaos.broken.append(f"I4 {verb} {options} is content with {trial.record} {trial.cloud.live()}")


__all__ = ["PRODUCTION", "Watch", "after", "good", "recovers", "settled", "settles"]
