"""What `history` shows: a story as a document and as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from driver.release.history import Entry, Story, Update
from infra.record import stamp


def document(story: Story, shown: int, unread: str) -> dict[str, Any]:
    """`unread`: why Pulumi's history is missing; empty where it was read."""
    return {
        "entries": [_entry(entry) for entry in story.entries[:shown]],
        "total": len(story.entries),
        "whole": story.whole,
        "ends": story.ends,
        "pulumi": {"read": not unread, "why": unread or None},
    }


def table(story: Story, shown: int) -> Table:
    """Newest first."""
    made = Table("record", "when (UTC)", "what", "by", "why", "update", box=None, pad_edge=False, header_style="dim")
    for entry in story.entries[:shown]:
        made.add_row(
            str(entry.generation) if entry.generation is not None else "",
            _minute(entry.when),
            _marked(entry),
            escape(entry.who),
            escape(entry.why or (entry.update.message if entry.update else "")),
            _ended(entry),
        )
    return made


def _marked(entry: Entry) -> str:
    text = escape(entry.what)
    if entry.generation is None and entry.version is None:
        return f"[dim]{text}[/]"
    return f"[yellow]{text}[/]" if entry.what.startswith("rolled back") else text


def _ended(entry: Entry) -> str:
    update = entry.update
    if update is None:
        return "[dim]none[/]"
    seconds = f"{update.seconds:.0f} s" if update.seconds is not None else ""
    return seconds if update.result == "succeeded" else f"[red]{escape(update.result)}[/] {seconds}".rstrip()


def _minute(when: datetime) -> str:
    return stamp(when).replace("T", " ").removesuffix("Z")


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "generation": entry.generation,
        "version": entry.version,
        "when": stamp(entry.when),
        "what": entry.what,
        "who": entry.who or None,
        "why": entry.why or None,
        "active": entry.active or None,
        "images": entry.images,
        "update": _update(entry.update) if entry.update else None,
    }


def _update(update: Update) -> dict[str, Any]:
    return {
        "kind": update.kind,
        "started": stamp(update.started),
        "seconds": update.seconds,
        "result": update.result,
        "changes": update.changes,
        "message": update.message or None,
    }
