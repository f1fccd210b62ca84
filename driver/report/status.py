"""What `status` shows: a view of a snapshot, as a document and as lines."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from driver.counting import many
from driver.images import short
from driver.release.snapshot import Crew, Snapshot
from driver.release.watcher import at, parse, spoken, unwatched_since, watched
from infra.record import COLORS, Color, Record, Transition, deployed_data, instant, stamp, to_data


@dataclass(frozen=True)
class StatusView:
    """A snapshot, and the project it is of."""

    project: str
    seen: Snapshot

    def facts(self) -> dict[str, Any]:
        """The document's fields."""
        seen, deployed = self.seen, self.seen.deployed
        intent = seen.stored.pending
        record = deployed.record if deployed else None
        watcher = parse(seen.stored.watcher)
        once = seen.unrun
        unwatched = unwatched_since(seen.stored, record.transition if record else None, seen.now)
        return {
            "project": self.project,
            "record": deployed_data(deployed) if deployed else None,
            "weights": dict(seen.live) if seen.live is not None else None,
            "colors": {color: self._color(color) for color in COLORS} if deployed else {},
            "transition": to_data(record).get("transition") if record else None,
            "drift": list(seen.drift),
            "intent": {
                "generation": intent.generation,
                "record": to_data(intent.record),
                "who": intent.who,
                "when": intent.when,
                "why": intent.why,
            }
            if intent
            else None,
            "run": {"command": shlex.join(once.words), "state": once.state, "place": once.place} if once else None,
            "freeze": seen.stored.freeze or None,
            "watcher": watcher.data(watched(seen.stored, seen.now)) if watcher else None,
            "unwatched_since": stamp(unwatched) if unwatched else None,
            "url": deployed.url if deployed else None,
        }

    def _color(self, color: Color) -> dict[str, Any]:
        assert self.seen.record is not None
        slot, fleet = self.seen.record.colors.get(color), self.seen.fleet(color)
        return {
            "weight": self.seen.live[color] if self.seen.live is not None else None,
            "standing": self.standing(color),
            "platform": slot.platform if slot else None,
            "image": slot.image if slot else None,
            "digest": slot.digest if slot else None,
            "fill": slot.fill if slot else None,
            "floor": slot.floor if slot else 0,
            "healthy": fleet.healthy,
            "wanted": fleet.wanted,
            "targets": [{"id": t.id, "state": t.state, "reason": t.reason} for t in fleet.targets],
            **self._replaced(color),
            "launches": list(fleet.lost),
            "workers": [
                {"name": name, "wanted": crew.wanted if crew else 0, "running": crew.running if crew else 0}
                for name, crew in self.crews(color)
            ],
        }

    def _replaced(self, color: Color) -> dict[str, int]:
        record = self.seen.record
        under_way = record is not None and record.leaving is not None and color == record.active
        return {"replaced": len(self.seen.fleet(color).arrived)} if under_way else {}

    def crews(self, color: Color) -> list[tuple[str, Crew | None]]:
        """The workers of a color that are services of their own, and their tasks; None for one that is gone."""
        seen, deployed = self.seen, self.seen.deployed
        if deployed is None or seen.crews is None:
            return []
        return [(name, seen.crews.get(deployed.worker(color, name))) for name in deployed.crew(color)]

    def standing(self, color: Color) -> str:
        """Active, or what the standby is; a standby without capacity is retired as well."""
        record = self.seen.record
        assert record is not None
        if color == record.active:
            return "active"
        slot = record.standby_slot
        return f"{record.standby}, retired" if slot and not slot.filled else record.standby


def status_lines(view: StatusView, stack: str) -> list[str]:
    """For people, in rich's markup."""
    from rich.markup import escape  # the document needs none of it

    seen, deployed = view.seen, view.seen.deployed
    if deployed is None:
        return [f"{view.project} · {stack}"]
    head = f"[bold]{view.project} · {stack} · {deployed.region}[/]"
    age = _ago(seen.now, deployed.when)
    lines = [f"{head}    record {deployed.generation}, {age} by {deployed.who or 'someone'}"]
    for color in COLORS:
        lines.append(_color_line(view, color))
        lines += [f"  [red]{escape(reason)}[/]" for reason in seen.fleet(color).lost]
        lines += [_worker_line(name, crew) for name, crew in view.crews(color)]
    transition = deployed.record.transition
    state = "No transition" if transition is None else _under_way(seen, deployed.record, transition)
    lines.append(f"{state}, no drift." if not seen.drift else f"{state}.")
    lines += [f"[yellow]drift[/]  {escape(reason)}" for reason in seen.drift]
    lines += _watching(seen, transition)
    if intent := seen.stored.pending:
        lines.append(f"[yellow]a rollback is in progress[/], decided by {intent.who} at {intent.when}")
    if once := seen.unrun:
        lines.append(f"[yellow]not deployed yet[/]  the command of {deployed.record.idle}, {escape(str(once))}")
    if seen.stored.freeze:
        lines.append(f"[yellow]frozen[/]  {escape(seen.stored.freeze)}")
    return lines


def step_of(transition: Transition) -> str:
    """`step 1 of 3`: the last step is the one to 100 %, which no transition names."""
    weights = transition.asked.get("weights")
    return f"step {transition.step}" + (f" of {len(weights) + 1}" if isinstance(weights, list) and weights else "")


def replaced(seen: Snapshot, record: Record) -> str:
    """How far an in-place release has come, in words."""
    fleet, at_checkpoint = seen.fleet(record.active), record.transition is not None and record.transition.step > 0
    source = f" in place of {short(record.leaving.image)}" if record.leaving else " in place"
    what = f"{short(record.active_slot.image)}{source} on {record.active}"
    far = f"{len(fleet.arrived)} of {many(fleet.wanted, 'target')} replaced"
    return f"{what}: {far}{', at the checkpoint' if at_checkpoint else ''}"


def _under_way(seen: Snapshot, record: Record, transition: Transition) -> str:
    idle, now = record.idle, seen.now
    if transition.kind != "shift":
        return f"Transition: {replaced(seen, record)}, since {at(transition.step_since, now)}"
    here = f"{step_of(transition)}, since {at(transition.step_since, now)}"
    began = f", begun {at(transition.since, now)}" if transition.since != transition.step_since else ""
    return f"Transition: {transition.weight} % on {idle}, {here}{began}"


def _watching(seen: Snapshot, transition: Transition | None) -> list[str]:
    """Who watches; that nobody does is worth a color, unless it stands there as asked."""
    from rich.markup import escape

    told = escape(spoken(seen.stored, transition, seen.now))
    if unwatched_since(seen.stored, transition, seen.now) is None:
        return [told[:1].upper() + told[1:] + "."] if told else []
    if transition is not None and transition.paused and seen.stored.pending is None:
        return ["Paused as asked: it waits for `resume` or `rollback`."]
    return [f"[yellow]{told}[/]"]


def _color_line(view: StatusView, color: Color) -> str:
    record, fleet = view.seen.record, view.seen.fleet(color)
    assert record is not None
    share = str(view.seen.live[color]) if view.seen.live is not None else "?"
    slot = record.colors.get(color)
    head = f"[{color}]{'○' if share == '0' else '●'}[/] {color:<6}{share:>4} %"
    if slot is None:
        return f"{head}  empty"
    standing = "serving" if color == record.active else view.standing(color)
    if color == record.idle and record.held_until:
        standing += f", kept until {record.held_until}"
    health = f"{fleet.healthy}/{fleet.wanted} healthy".ljust(14)
    if slot.filled and fleet.healthy < max(1, slot.floor):
        health = f"[red]{health}[/]"
    return f"{head}  {slot.platform:<8} {short(slot.image):<28} {health} {standing}"


def _worker_line(name: str, crew: Crew | None) -> str:
    if crew is None:
        return f"  worker {name}: [red]gone[/]"
    tasks = f"{crew.running}/{crew.wanted} running"
    return f"  worker {name}: {tasks}" if crew.running == crew.wanted else f"  worker {name}: [yellow]{tasks}[/]"


def _ago(now: datetime, when: str) -> str:
    try:
        seconds = (now - instant(when)).total_seconds()
    except ValueError:
        return "some time ago"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"
