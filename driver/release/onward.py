"""The steps of a shift: from the first weight to the last, or from wherever a driver left it. Pure."""

from __future__ import annotations

from dataclasses import replace

from driver.bake_gates import watched_alarms
from driver.gates import targets_for
from driver.release import in_place
from driver.release.course import Course, of_transition, spoken
from driver.release.moves import Advance, Await, Bake, Floors, Move, Pause, Plan, Refusal, Settle, Shift
from driver.release.requests import Resume
from driver.release.snapshot import Snapshot
from driver.release.terms import Terms
from infra.record import Color, Record, Transition, instant, weights


def along(course: Course, seen: Snapshot, record: Record, terms: Terms, *, above: int = 0) -> Plan | Refusal:
    """All that is left of a course above a weight, the raising of floors where the standby is too small included."""
    idle, slot = record.idle, record.standby_slot
    assert slot is not None  # whoever plans a shift has looked
    moves: list[Move] = []
    floor = slot.floor
    lenient = course.gates.get("capacity") is not None
    for step in range(course.after(above), len(course.weights) + 1):
        weight = (*course.weights, 100)[step]
        needed = targets_for(seen, idle, weight, terms.carries)
        if course.gradual and not lenient and needed > max(floor, seen.fleet(idle).healthy):
            if needed > terms.most_on(slot.platform):
                return Refusal(
                    f"{idle} would need {needed} targets at {weight} %",
                    f"the settings allow {terms.most_on(slot.platform)} at most",
                    ("promote --gate capacity=warn", "status"),
                    gate="capacity",
                )
            moves += [Floors({idle: needed}), Await(idle, needed)]
            floor = needed
        if weight == 100:
            moves.append(Shift(idle, 100, terms.hold, course.gates))
        else:
            moves += _stay(course, record, step, weight)
    gates = _gates(course, terms, idle, slot.platform)
    return Plan(f"{record.active} → {idle}, {course}", tuple(moves), _notes(moves, course, terms), gates)


def _stay(course: Course, record: Record, step: int, weight: int) -> list[Move]:
    seconds, pauses = course.bakes[step], course.pause_after == weight
    moves: list[Move] = [
        Advance(record.idle, weight, step + 1, course.asked(), course.gates, paused=pauses),
        Bake(record.idle, weight, seconds, max(seconds, course.max_bake), gates=course.gates),
    ]
    return [*moves, Pause(record.idle, weight)] if pauses else moves


def _gates(course: Course, terms: Terms, idle: Color, platform: str) -> tuple[str, ...]:
    """The gates that this way passes, each with how much it asks."""
    watched = len(watched_alarms(terms.alarms, idle, platform))
    asked = {
        "health": "health",
        "capacity": "capacity",
        "smoke": f"smoke ({len(terms.smoke)})" if terms.smoke else "",
        "command": f"command ({terms.command.words[0]})" if terms.command else "",
        "alarms": f"alarms ({watched})" if watched else "",
        "requests": f"requests ({terms.requests.least:,} at each weight)"
        if course.gradual and terms.requests.least
        else "",
    }
    lenient = {name: f"{text}, warns only" for name, text in asked.items() if course.gates.get(name) == "warn" and text}
    return tuple(text for name, text in {**asked, **lenient}.items() if text and course.gates.get(name) != "off")


def _notes(moves: list[Move], course: Course, terms: Terms) -> tuple[str, ...]:
    plan = Plan("", tuple(moves))
    grows = sum(isinstance(move, Floors) for move in moves)
    updates = f"{plan.updates} stack {'update' if plan.updates == 1 else 'updates'}"
    if grows:
        updates += f", {grows} of them to scale the standby up first"
    notes = [updates]
    if course.gradual:
        at_most = sum(move.most for move in moves if isinstance(move, Bake))
        extended = at_most > plan.baking and terms.requests.least > 0
        upto = f", {spoken(at_most)} where too few requests come" if extended else ""
        notes.append(f"{spoken(plan.baking)} of bake{upto}")
    return tuple(notes)


def resumed(seen: Snapshot, record: Record, request: Resume, terms: Terms) -> Plan | Refusal:
    """What a driver left: the rest of a shift, an update that got as far as the rule, or nothing.

    A bake that was served already counts, also where nobody watched: what happened meanwhile is judged first.
    """
    if record.transition is not None and record.transition.kind == "shift":
        return _rest(seen, record, record.transition, request, terms)
    assert seen.deployed is not None  # whose record it is
    if record.transition is not None:
        return in_place.rest(seen, seen.deployed, record.transition, request, terms)
    idle, slot = record.idle, record.standby_slot
    if seen.live is not None and seen.weights_drifted and slot is not None and slot.filled:
        share = seen.live[idle]
        if share == 100 and record.standby != "previous":
            return Plan("the last step got as far as the rule; the record follows", (Shift(idle, 100, terms.hold),))
        if 0 < share < 100 and record.standby in {"candidate", "rejected"}:
            why = f"the first step got as far as the rule ({share} % on {idle}), and no record tells where it was to go"
            return Plan(f"{why}; it is taken back", (Settle(record.active),))
    if seen.weights_drifted:
        return Refusal("it is not known what was in progress", seen.drift[0], ("rollback", "up"))
    return in_place.put_back(seen, record) or Plan("nothing is in progress")


def _rest(seen: Snapshot, record: Record, at: Transition, request: Resume, terms: Terms) -> Plan | Refusal:
    course = of_transition(at)
    pause = _pause(course, at, request)
    if isinstance(pause, Refusal):
        return replace(pause, next=("rollback", "up")) if seen.weights_drifted else pause
    course = replace(course, pause_after=pause, gates={**course.gates, **request.gates})
    onward = along(course, seen, record, terms, above=at.weight)
    if isinstance(onward, Refusal):
        return onward
    if not seen.weights_drifted:
        stay = _stayed(course, record, at)
        if pause == at.weight:
            return Plan(f"stays at {at.weight} % on {record.idle}, as asked", (stay, Pause(record.idle, at.weight)))
        reason = f"carries on at {at.weight} % on {record.idle}, {course}"
        return Plan(reason, (stay, *onward.moves), onward.notes, onward.gates)
    # An update that was cut off has moved the rule, and not the record: it went to the next weight, or someone's hand.
    following = next(weights_after(record, move) for move in onward.moves if isinstance(move, Advance | Shift))
    if seen.live is not None and dict(seen.live) == following:
        return Plan("a step got as far as the rule; the record follows", onward.moves, onward.notes, onward.gates)
    return Refusal("the weights were changed behind the transition", seen.drift[0], ("rollback", "up"))


def _pause(course: Course, at: Transition, request: Resume) -> int | Refusal | None:
    """Where it stops for a person: as asked now, else as the shift was started, unless it got there already."""
    asked = request.pause_after
    if asked is None:
        return course.pause_after if course.pause_after is not None and course.pause_after > at.weight else None
    if asked == at.weight or asked in course.weights[course.after(at.weight) :]:
        return asked
    left = ", ".join(f"{weight} %" for weight in (*course.weights[course.after(at.weight) :], 100))
    return Refusal(f"the shift does not stay at {asked} %", f"at {at.weight} % it has {left} before it", ("resume",), 2)


def weights_after(record: Record, move: Advance | Shift) -> dict[str, int]:
    """The weights that a move leads to."""
    return {**{str(color): 0 for color in weights(record)}, record.active: 100 - move.weight, record.idle: move.weight}


def _stayed(course: Course, record: Record, at: Transition) -> Bake:
    seconds = float(course.bake_at(at.weight))
    most, began = max(seconds, float(course.max_bake)), instant(at.step_since)
    # An alarm that went off while somebody watched has ended the shift; so one that has since this weight was unseen.
    return Bake(record.idle, at.weight, seconds, most, course.gates, began, unwatched=began)
