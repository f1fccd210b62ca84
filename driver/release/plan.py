"""From what was seen and what is asked: the steps to take, or a refusal with its reason. Pure."""

from __future__ import annotations

from driver.counting import many
from driver.gates import judge, scaled
from driver.images import asked_again, named_again, same, short
from driver.release import in_place
from driver.release.back import back
from driver.release.course import chosen
from driver.release.moves import Await, Clear, Fill, Floors, Move, Plan, Refusal, Resize, RunOnce
from driver.release.once import Once
from driver.release.onward import along, resumed
from driver.release.requests import Deploy, Promote, Request, Resume, Retire, Rollback, Terms
from driver.release.snapshot import NOTHING, Snapshot
from driver.release.watcher import spoken, watched
from infra.record import Color, Deployed, Record, Slot


def plan(seen: Snapshot, request: Request, terms: Terms) -> Plan | Refusal:
    """The steps from here to what is asked. With no step left the plan says why nothing is to do."""
    deployed = seen.deployed
    if deployed is None:
        return Refusal("there is no release yet", NOTHING, ("up", "sync --from-live"))
    if isinstance(request, Rollback):
        return back(seen, deployed, at_once=request.at_once)
    if isinstance(request, Resume):
        return resumed(seen, deployed.record, request, terms)
    if refusal := _not_now(seen, request):
        return refusal
    if isinstance(request, Deploy):
        made = in_place.begun if request.in_place else _deploy
        return made(seen, deployed, request, terms)
    if isinstance(request, Promote):
        return _promote(seen, deployed.record, request, terms)
    return _retire(seen, deployed.record, request, terms)


def _not_now(seen: Snapshot, request: Request) -> Refusal | None:
    """What keeps any verb but `rollback` from starting."""
    if intent := seen.stored.pending:
        who = intent.who or "another driver"
        decided = f"decided by {who} at {intent.when}"
        return Refusal("a rollback is in progress", decided, ("rollback", "resume"), code=5)
    if seen.stored.freeze and isinstance(request, Deploy | Promote) and not request.back:
        return Refusal("releases are frozen", seen.stored.freeze, ("thaw",))
    record = seen.record
    if record and record.transition:
        at = record.transition
        hints = ("rollback", "up") if seen.weights_drifted else ("resume", "rollback")
        if watched(seen.stored, seen.now):
            hints = ("wait", "rollback")  # a driver is at it, and on its way the rule is ahead of the record
        who = "paused as asked" if at.paused else spoken(seen.stored, at, seen.now)
        where = f"{at.weight} % on {record.idle} since {at.step_since}"
        if at.kind == "in-place":
            where = f"{record.active} is changed in place since {at.since}"
        return Refusal("a transition is in progress", f"{where}; {who}", hints)
    if seen.weights_drifted:
        first = ("wait",) if watched(seen.stored, seen.now) else ()
        return Refusal("AWS disagrees with the record", seen.drift[0], (*first, "up", "rollback"))
    if seen.misdirected and isinstance(request, Promote) and not request.back:
        # Smoke checks through it would ask the release that serves already.
        return Refusal("AWS disagrees with the record", seen.misdirected, ("up", "status"))
    return None


def _listed_too(number: int, platform: str) -> str:
    """The command that adds a platform behind so many others."""
    return f"$ pulumi config set --path 'bluegreen:platforms[{number}]' {platform}"


def _deploy(seen: Snapshot, deployed: Deployed, request: Deploy, terms: Terms) -> Plan | Refusal:
    record, release = deployed.record, request.release
    idle, slot = record.idle, record.standby_slot
    if record.active_slot.release == release:
        return Plan(f"already there: {record.active} serves {short(release.image)}")
    if release.platform not in deployed.target_groups.get(idle, {}):
        listed = ", ".join(deployed.target_groups.get(idle, {})) or "none"
        return Refusal(
            f"{idle} can't run on {release.platform}",
            f"this stack has target groups for: {listed}",
            (_listed_too(len(deployed.target_groups.get(idle, {})), release.platform), "up"),
        )
    on = terms.carries.get(record.active_slot.platform, 1.0) / terms.carries.get(release.platform, 1.0)
    needed, allowed = request.capacity or scaled(_needed(seen, record), on), terms.most_on(release.platform)
    if needed > allowed:
        most = f"the settings allow {allowed} at most"
        what = f"{many(needed, 'target')} would be more than allowed"
        return Refusal(what, most, (f"deploy IMAGE --capacity {allowed}",))
    if record.standby == "candidate" and slot and slot.release == release and slot.filled:
        # One that was broken off after it had made the new fill has left the old one standing beside it.
        left = (Clear(idle),) if seen.fleet(idle).left_over else ()
        once = _once(seen, idle, slot, request)
        if slot.floor >= needed:
            return Plan(f"{idle} holds this release already", (*left, *once, Await(idle, needed)))
        raised = (Floors({idle: needed}), *once, Await(idle, needed))
        return Plan(f"{idle} holds this release, with a lower floor", (*left, *raised))
    if record.standby == "previous" and slot and slot.filled and record.held(seen.now) and not request.end_hold:
        return Refusal(
            f"{idle} is kept for a rollback until {record.held_until}",
            f"it served before {record.active}, and a deploy would replace it",
            ("deploy IMAGE --end-hold", "rollback"),
        )
    fill = Fill(
        release, floor=needed, active_floor=min(_needed(seen, record), terms.most_on(record.active_slot.platform))
    )
    return Plan(f"fills {idle}; no traffic moves", (fill, *_run(idle, request.run), Await(idle, needed)))


def _run(color: Color, words: tuple[str, ...], kept: Once | None = None) -> tuple[Move, ...]:
    return (RunOnce(color, words, kept),) if words else ()


def _once(seen: Snapshot, idle: Color, slot: Slot, request: Deploy) -> tuple[Move, ...]:
    """What a fill that is there has still to run: what is asked for, or else what it was filled with."""
    kept = seen.stored.once
    if kept is None or kept.fill != slot.fill:
        return _run(idle, request.run)
    words = request.run or kept.words
    return () if kept.state == "done" and kept.words == words else _run(idle, words, kept)


def _promote(seen: Snapshot, record: Record, request: Promote, terms: Terms) -> Plan | Refusal:
    idle, slot = record.idle, record.standby_slot
    # A move to another platform takes the same image along.
    waiting = slot is not None and slot.filled and record.standby in ("candidate", "rejected")
    also = waiting and slot is not None and bool(request.image) and same(request.image or "", slot.image)
    if request.image and same(request.image, record.active_slot.image) and not also:
        return Plan(f"already there: {record.active} serves {short(request.image)}")
    if slot is None or record.standby == "empty":
        return Refusal(f"{idle} is empty", "there is no candidate to promote", ("deploy IMAGE",))
    if request.image and not same(request.image, slot.image):
        return Refusal(
            f"{idle} does not run {short(request.image)}",
            f"it runs {short(slot.image)}",
            (f"deploy {named_again(request.image)}", "status"),
        )
    again = asked_again(slot.release, record)
    if not slot.filled:
        return Refusal(f"{idle} is retired", "its capacity was taken away", (f"deploy {again}",))
    if record.standby == "previous":
        return Refusal(
            f"{idle} is the previous release, not a candidate",
            "promote moves forward only; going back is a rollback",
            ("status", "deploy IMAGE --end-hold" if record.held(seen.now) else "deploy IMAGE", "rollback"),
        )
    if record.standby == "rejected" and not request.again:
        return Refusal(
            f"the release on {idle} was rejected",
            "it was rolled back after it had served",
            ("promote --again", "deploy IMAGE"),
        )
    if (kept := seen.stored.once) and kept.fill == slot.fill and kept.state != "done":
        return Refusal(
            f"the command of the release on {idle} has not succeeded",
            str(kept),
            (f"deploy {again}", "status"),
        )
    course = chosen(request, terms)
    if isinstance(course, Refusal):
        return course
    lenient = {**request.gates, "capacity": "off"} if course.gradual else request.gates
    for verdict in judge(seen, idle, lenient, carries=terms.carries):
        if verdict.stops:
            commands = tuple(text.format(image=again) for text in verdict.next)
            return Refusal(verdict.reason, verdict.why, commands, gate=verdict.gate)
    return along(course, seen, record, terms)


def _retire(seen: Snapshot, record: Record, request: Retire, terms: Terms) -> Plan | Refusal:
    idle, slot = record.idle, record.standby_slot
    if request.color == record.active:
        return Refusal(f"{record.active} serves and can't be retired", "only the standby can", (f"retire {idle}",))
    if slot is None:
        if request.due:
            return Plan(f"{idle} is empty: nothing is due")
        return Refusal(f"there is nothing to retire: {idle} is empty", "it never had a release", ("status",))
    if not slot.filled:
        left = seen.fleet(idle).wanted
        moves = (Resize(idle, 0),) if left else ()
        return Plan(f"{idle} is retired already" + (f", but {many(left, 'target')} will go now" if left else ""), moves)
    if record.held(seen.now):
        if request.due:
            return Plan(f"nothing is due: {idle} is kept until {record.held_until}")
        return Refusal(
            f"{idle} is kept for a rollback until {record.held_until}",
            "the hold has not ended",
            ("retire --due", "status"),
        )
    if request.due and record.standby == "candidate":
        return Plan(f"nothing is due: {idle} is a candidate")
    floors = {idle: 0, record.active: min(terms.least_on(record.active_slot.platform), record.active_slot.floor)}
    return Plan(f"takes the capacity of {idle} away", (Floors(floors), Resize(idle, 0)))


def _needed(seen: Snapshot, record: Record) -> int:
    """How many targets the active color needs now: what its scaler wants, or has healthy, or may not go below."""
    fleet = seen.fleet(record.active)
    return max(1, fleet.wanted, fleet.healthy) if fleet.wanted or fleet.healthy else max(1, record.active_slot.floor)
