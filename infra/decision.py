"""The compare-and-swap: which record an update brings about, or why it is refused. Pure; imports no Pulumi.

The table of docs/architecture.md, row by row: the first that fits decides.
"""

from __future__ import annotations

from dataclasses import replace

from infra import images
from infra.record import (
    COLORS,
    Color,
    Deployed,
    Intent,
    Record,
    RecordError,
    digest,
    parse_basis,
    same_wish,
    stamp,
    to_data,
    weights,
)
from infra.steps import IllegalStep, Kind, Step, first, step
from infra.verdict import Copy, Decision, Refused, Terms

__all__ = ["Copy", "Decision", "Refused", "Terms", "decide", "fulfilled", "unfinished"]


def decide(deployed: Deployed | None, intent: Intent | None, copy: Copy, terms: Terms) -> Decision | Refused:
    """What the update does."""
    if deployed is None:
        return _without_record(copy, terms)
    if intent is not None and intent.generation == deployed.generation:
        return _intended(deployed, intent, copy, terms)
    if copy.record is None or fulfilled(copy.record, deployed.record):
        return _same(deployed)
    return _differing(deployed, copy.record, copy.based_on, terms)


def fulfilled(wish: Record, was: Record) -> bool:
    """Whether a wish has come true already, so that the same update run again has nothing to do.

    Fill and digest are set by the update itself: a wish edited by hand carries those of the release before.
    """
    in_place = was.transition is not None and was.transition.kind == "in-place"
    colors = {}
    for color, slot in wish.colors.items():
        now = was.colors.get(color)
        if now is None or (slot.platform, slot.image) != (now.platform, now.image):
            colors[color] = slot
        elif slot.fill < now.fill or (in_place and color == was.active):
            colors[color] = replace(slot, fill=now.fill, digest=now.digest)
        else:
            colors[color] = slot
    return same_wish(replace(wish, colors=colors), was)


def unfinished(decision: Decision, live: dict[Color, int] | None, terms: Terms) -> Refused | None:
    """Refuses to adopt a record that the live rule disagrees with: an update that did not finish left it so."""
    wanted = weights(decision.record)
    if not decision.adopted or live is None or live == wanted:
        return None
    return Refused(
        "unfinished-update",
        "an update did not finish: "
        f"the rule sends {_shares(live)}, record {decision.generation} says {_shares(wanted)}",
        "this config holds an older record, and following either would move traffic that nobody asked to move",
        (f"bluegreen -s {terms.stack} resume", f"bluegreen -s {terms.stack} rollback"),
    )


def _without_record(copy: Copy, terms: Terms) -> Decision | Refused:
    if copy.based_on is not None:
        return Refused(
            "record-missing",
            f"there is no deployed record, but this config was copied from one ({copy.based_on})",
            "the stack was destroyed (then remove basedOn and start anew), or its record deleted or renamed (then make "
            "it again), or these credentials are of another account or region",
            (
                f"bluegreen -s {terms.stack} sync --from-live",
                f"bluegreen -s {terms.stack} status",
                f"$ pulumi -s {terms.stack} config rm bluegreen:basedOn",
                f"$ pulumi -s {terms.stack} stack output record --json",
            ),
        )
    if terms.balancer and not terms.finish_first:
        return Refused(
            "balancer-without-record",
            "there is no deployed record, but a load balancer with this stack's tags exists",
            "a first deploy failed half-way (then `up` goes on with it), or the record was deleted or renamed "
            "(then put it back: the stack's outputs have it)",
            (f"bluegreen -s {terms.stack} up", f"$ pulumi -s {terms.stack} stack output record --json"),
        )
    warnings = ("first deploy: the record in the config is not used, the release comes from the settings",)
    record = first(terms.first_release(), terms.floor)
    made = _decided(step(None, record, terms.now), generation=1, terms=terms)
    return replace(made, warnings=warnings if copy.record else ()) if isinstance(made, Decision) else made


def _intended(deployed: Deployed, intent: Intent, copy: Copy, terms: Terms) -> Decision | Refused:
    wish = copy.record
    known = wish is None or fulfilled(wish, deployed.record) or fulfilled(wish, intent.record)
    if not known and not _untouched(deployed, copy):
        return Refused(
            "rollback-in-progress",
            "a rollback is in progress, and this config asks for something else",
            f"{intent.who or 'someone'} decided it at {intent.when or 'an unknown time'} on record "
            f"{intent.generation}; it differs in {_differences(copy.record, deployed.record)}",
            (f"bluegreen -s {terms.stack} resume", f"bluegreen -s {terms.stack} sync"),
        )
    decision = _stepped(deployed, intent.record, terms)
    return replace(decision, from_intent=True) if isinstance(decision, Decision) else decision


def _differing(deployed: Deployed, wish: Record, based_on: str | None, terms: Terms) -> Decision | Refused:
    if based_on is not None and based_on == deployed.basis:
        return _stepped(deployed, wish, terms)
    try:
        generation = parse_basis(based_on)[0] if based_on is not None else 0
    except RecordError as error:
        commands = (f"bluegreen -s {terms.stack} sync",)
        return Refused("bad-basis", "bluegreen:basedOn can't be read", "; ".join(error.problems), commands)
    if _untouched(deployed, Copy(wish, based_on)):
        return _adopted(deployed, generation)
    return _without_basis(deployed, wish, generation, terms)


def _untouched(deployed: Deployed, copy: Copy) -> bool:
    """Whether a config is a copy of an older record as it was: it asks for nothing."""
    if copy.record is None or copy.based_on is None:
        return False
    try:
        generation, hexes = parse_basis(copy.based_on)
    except RecordError:
        return False
    return 0 < generation < deployed.generation and digest(copy.record) == hexes


def _without_basis(deployed: Deployed, wish: Record, generation: int, terms: Terms) -> Refused:
    """A wish that was not made from the deployed record: which of the ways in which that comes about it was."""
    differ = _differences(wish, deployed.record)
    commands = (f"bluegreen -s {terms.stack} sync", f"bluegreen -s {terms.stack} status")
    if generation == 0:
        return Refused(
            "no-basis",
            f"the record in this config differs from the deployed one in {differ}, on an unknown basis",
            "bluegreen:basedOn is missing, so it may undo what others have done",
            commands,
        )
    if generation > deployed.generation:
        return Refused(
            "newer-basis",
            f"this config is based on record {generation}, newer than the deployed {deployed.generation}",
            "the deployed record was restored or started anew, or these credentials are of another account or region",
            commands,
        )
    if generation == deployed.generation:
        return Refused(
            "foreign-basis",
            f"this config is based on a record {generation} that is not the deployed record {generation}",
            f"the deployed one is {deployed.basis}; they differ in {differ}",
            commands,
        )
    return Refused(
        "stale-edit",
        f"this config was edited on record {generation}, but record {deployed.generation} is deployed",
        f"it differs from the deployed record in {differ}",
        commands,
    )


def _adopted(deployed: Deployed, generation: int) -> Decision:
    warning = (
        f"this config is an untouched copy of record {generation}; record {deployed.generation} is deployed and stays: "
        f"{_shares(weights(deployed.record))}. A revert in git is no rollback: use `bluegreen rollback`"
    )
    return replace(_same(deployed), adopted=True, warnings=(warning,))


def _same(deployed: Deployed) -> Decision:
    return Decision(Kind.SAME, deployed.record, deployed.generation)


def _stepped(deployed: Deployed, wish: Record, terms: Terms) -> Decision | Refused:
    try:
        change = step(deployed, wish, terms.now)
    except IllegalStep as error:
        return Refused(
            "illegal-step",
            f"record {deployed.generation} can't be followed by the one that is wanted",
            str(error),
            (f"bluegreen -s {terms.stack} status", f"bluegreen -s {terms.stack} sync"),
        )
    if change.kind is Kind.SAME:
        return _same(deployed)
    decision = _decided(change, deployed.generation + 1, terms)
    if isinstance(decision, Refused):
        return decision
    floors = {
        color
        for color, slot in decision.record.colors.items()
        if color in deployed.record.colors and deployed.record.colors[color].floor != slot.floor
    }
    held = _held(decision.record, wish, deployed, decision.kind, terms)
    return replace(decision, record=held, resizes=frozenset(floors))


def _decided(change: Step, generation: int, terms: Terms) -> Decision | Refused:
    record = change.record
    if change.fills is not None:
        slot = record.colors[change.fills]
        fault = _unfit(slot.platform, slot.image, terms.platforms)
        if fault:
            key = f"colors.{change.fills}"
            return Refused("unfit-release", f"the release of {change.fills} can't be deployed", f"{key}: {fault}")
        # Who edits an image by hand can't know the digest of what is rendered for it.
        slot = replace(slot, digest=terms.digest(slot.platform, slot.image))
        if slot.release == record.leaving:
            what = f"{change.fills} runs this release already"
            why = f"colors.{change.fills}: neither its image nor its settings have changed"
            return Refused("nothing-new", what, why, (f"bluegreen -s {terms.stack} status",))
        record = replace(record, colors={**record.colors, change.fills: slot})
    return Decision(change.kind, record, generation, change.fills)


def _unfit(platform: str, image: str, platforms: tuple[str, ...]) -> str:
    if platform not in platforms:
        return f"platform {platform} is not one of the settings' ({', '.join(platforms)})"
    try:
        pinned = images.parse_image(image).digest
    except images.ImageError as error:
        return str(error)
    return "" if pinned else f"{image} is not named by digest (…@sha256:…)"


def _held(record: Record, wish: Record, deployed: Deployed, kind: Kind, terms: Terms) -> Record:
    """The hold of a promotion: the one that was asked for, else the settings'; a stale copy of the last one is none."""
    if kind not in (Kind.FLIP, Kind.FINISH) or record.standby != "previous":
        return record
    asked = wish.held_until if wish.held_until != deployed.record.held_until else None
    settled = stamp(terms.now + terms.hold) if terms.hold else None
    return replace(record, held_until=asked or settled)


def _differences(one: Record | None, two: Record) -> str:
    mine, theirs = (to_data(one) if one else {}), to_data(two)
    keys = [key for key in ("activeColor", "colors", "transition") if mine.get(key) != theirs.get(key)]
    return ", ".join(keys) or "standby or heldUntil"


def _shares(of: dict[Color, int]) -> str:
    return ", ".join(f"{of[color]} % to {color}" for color in COLORS)
