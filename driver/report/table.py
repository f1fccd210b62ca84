"""Results for people, by rich: one glance says who serves, whether all is well, and what to type next."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.protocol import is_renderable
from rich.table import Table

from driver.invocation import Invocation
from driver.journey import Journey
from driver.ports import Changes
from driver.release.moves import Plan
from driver.report.commands import commands
from driver.report.status import StatusView, status_lines
from driver.report.terminal import terminal
from driver.result import Result

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "refresh": "↻"}

_UNWELL = {"drift", "unhealthy", "in transition", "rolling back"}
"""What `status` may find: a verb that did its work, and a stack that is not as it should be."""

_UNREDRAWN = 160
"""Columns of output that no one looks at live: logs wrap lines by themselves."""


def table(result: Result, called: Invocation) -> None:
    """Prints a result."""
    console = terminal(soft_wrap=True)
    if not console.is_terminal:
        console.width = _UNREDRAWN
    if isinstance(result.body, StatusView):
        for line in status_lines(result.body, called.stack or ""):
            console.print(line)
    elif isinstance(result.body, Changes):
        _changes(console, result.body)
    elif isinstance(result.body, Plan):
        _plan(console, result.body)
    elif isinstance(result.body, Journey) and result.body.steps:
        console.print(_steps(result.body))
    elif is_renderable(result.body):
        console.print(result.body)
    well = result.exit_code == 0 and result.outcome not in _UNWELL
    mark = "[green]✓[/]" if well else "[yellow]![/]"
    console.print(f"{mark} {escape(result.outcome)}: {escape(result.reason)}")
    if result.next:
        console.print(f"  next {escape('   or   '.join(commands(result.next, called.stack)))}")


def _plan(console: Console, plan: Plan) -> None:
    for number, move in enumerate(plan.moves, 1):
        console.print(f"  {number}. {escape(str(move))}")
    for note in ((f"gates: {', '.join(plan.gates)}",) if plan.gates else ()) + plan.notes:
        console.print(f"  [dim]{escape(note)}[/]")


def _steps(journey: Journey) -> Table:
    steps = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("step", "stack update", "waited", "checks"):
        steps.add_column(title)
    for step in journey.steps:
        checks = ", ".join(f"{verdict.gate} {'✓' if verdict.passed else '✗'}" for verdict in step.verdicts)
        update = f"{step.update_seconds:.1f} s" if step.updates else ""
        waited = f"{step.waited_seconds:.0f} s" if step.waited_seconds else ""
        steps.add_row(escape(str(step.move)), update, waited, checks)
    return steps


def _changes(console: Console, changes: Changes) -> None:
    for operation, urn in changes.resources[:40]:
        name, kind = urn.rpartition("::")[2], urn.split("::")[-2].rpartition("$")[2]
        console.print(f"  {_SIGNS.get(operation, '·')} {escape(operation):<10} {escape(name)}  [dim]{escape(kind)}[/]")
    if len(changes.resources) > 40:
        console.print(f"  … and {len(changes.resources) - 40} more")
    for warning in changes.warnings:
        console.print(f"  [yellow]![/] {escape(warning)}")
