"""What `doctor` shows: every check with its finding and what mends it."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from driver.findings import Checked, State
from driver.report.commands import commands

_MARKS = {State.OK: "[green]✓[/]", State.WARNING: "[yellow]![/]", State.MISSING: "[red]✗[/]"}


def document(checked: tuple[Checked, ...], stack: str | None) -> dict[str, Any]:
    return {
        "checks": [
            {
                "name": one.name,
                "state": str(one.finding.state),
                "what": one.finding.what,
                "mend": list(commands(one.finding.mend, stack)),
            }
            for one in checked
        ]
    }


def table(checked: tuple[Checked, ...], stack: str | None) -> Table:
    made = Table("", "check", "finding", box=None, pad_edge=False, header_style="dim")
    for one in checked:
        text = escape(one.finding.what)
        if hints := commands(one.finding.mend, stack):
            text += f"\n[dim]mend[/] {escape('   or   '.join(hints))}"
        made.add_row(_MARKS[one.finding.state], one.name, text)
    return made
