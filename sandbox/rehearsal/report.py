"""A rehearsal's result as a table for people, and as the file of `--report`."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sandbox.rehearsal.outcome import Played, Rehearsed

SIMULATED = (
    "Rehearsed in a sandbox: AWS is simulated and the app is a stand-in; "
    "the verbs, the record and the program are yours."
)


def summary(rehearsed: Rehearsed) -> Group:
    """The table of what happened and what clients saw, and how to do the same on AWS."""
    parts: list[RenderableType] = ["", _table(rehearsed)]
    latency = " · ".join(f"{name} {value:g} ms" for name, value in rehearsed.latency_ms.items())
    if latency:
        parts.append(Text(f"clients waited {latency}"))
    parts += [Text(f"failed: {json.dumps(dict(failure))}", style="red") for failure in rehearsed.failures[:5]]
    if rehearsed.exit_code == 0:
        parts.append(Text("\nThe same on AWS:", style="bold"))
        verbs = ("up", "deploy IMAGE", "promote", "rollback", "promote --again", "retire")
        parts += [Text(f"  bluegreen -s {rehearsed.stack} {verb}") for verb in verbs]
    parts.append(Text(f"\n{SIMULATED}", style="dim"))
    return Group(*parts)


def _table(rehearsed: Rehearsed) -> Table:
    title = (
        f"{rehearsed.project}/{rehearsed.stack} · engine: {rehearsed.engine} · {rehearsed.speed:g}x speed · "
        f"{rehearsed.rate:g} requests/s · {rehearsed.seconds:.0f} s"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("step")
    for heading in ("time", "stack updates", "served by blue", "served by green", "failed"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    for played in rehearsed.played:
        table.add_row(*_row(played))
    total = rehearsed.requests
    table.add_section()
    updates = sum(played.stack_updates for played in rehearsed.played)
    blue, green = (f"{total.by_color.get(color, 0):,}" for color in ("blue", "green"))
    table.add_row("all", f"{rehearsed.seconds:.1f} s", str(updates), blue, green, str(total.failed), "")
    return table


def _row(played: Played) -> tuple[str, ...]:
    blue, green = (f"{played.requests.by_color.get(color, 0):,}" for color in ("blue", "green"))
    failed = str(played.requests.failed)
    return played.act.title, f"{played.seconds:.1f} s", str(played.stack_updates), blue, green, failed, played.told


def write(rehearsed: Rehearsed, file: Path) -> None:
    """Writes the report: the document as JSON for `.json`, the table as Markdown for anything else."""
    as_json = file.suffix == ".json"
    file.write_text(json.dumps(rehearsed.document(), indent=2) + "\n" if as_json else _markdown(rehearsed))


def _markdown(rehearsed: Rehearsed) -> str:
    head = [
        f"# Rehearsal of {rehearsed.project}/{rehearsed.stack}",
        "",
        f"{rehearsed.reason}. {SIMULATED}",
        "",
        f"Engine {rehearsed.engine}, {rehearsed.speed:g}x speed, {rehearsed.rate:g} requests/s"
        + (f", fault {rehearsed.fault}." if rehearsed.fault else "."),
        "",
        "| step | time | stack updates | served by blue | served by green | failed | outcome |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    rows = ["| " + " | ".join(_row(played)) + " |" for played in rehearsed.played]
    latency = [f"{name} {value:g} ms" for name, value in rehearsed.latency_ms.items()]
    return "\n".join([*head, *rows, "", "Clients waited " + ", ".join(latency) + ".", ""])
