"""Prints: the result on standard output, failures for people on standard error. The only room that does."""

from __future__ import annotations

import sys

from driver.errors import Failure
from driver.invocation import Invocation
from driver.report import document
from driver.report.commands import after_failure
from driver.result import Result


def show(result: Result, called: Invocation) -> None:
    """One result."""
    if called.output == "json":
        print(document.text(document.of_result(result, called)), flush=True)
        return
    from driver.report.table import table

    table(result, called)


def show_failure(failure: Failure, called: Invocation) -> None:
    """One failure: what, why, next."""
    if called.output == "json":
        print(document.text(document.of_failure(failure, called)), flush=True)
        return
    lines = [f"{failure.outcome}: {failure.what}"]
    for number, reason in enumerate(failure.why.splitlines()):
        lines.append(f"  {'why' if number == 0 else '':<5}{reason}")
    lines.append(f"  next {'   or   '.join(after_failure(failure.next, called.stack))}")
    print("\n".join(lines), file=sys.stderr, flush=True)
