"""The document of `--output json`: exactly one, the same fields first for every verb."""

from __future__ import annotations

import json
from typing import Any

from driver.errors import Failure
from driver.invocation import Invocation
from driver.report.commands import after_failure, commands
from driver.result import Result

SCHEMA = 1


def of_result(result: Result, called: Invocation) -> dict[str, Any]:
    """A good end."""
    return _document(
        called, result.exit_code, result.outcome, result.reason, commands(result.next, called.stack), dict(result.facts)
    )


def of_failure(failure: Failure, called: Invocation) -> dict[str, Any]:
    """A bad one: `reason` is what and why, each also on its own."""
    reason = f"{failure.what}: {failure.why}" if failure.why else failure.what
    facts = {"what": failure.what, "why": failure.why, **failure.facts}
    return _document(
        called, failure.exit_code, failure.outcome, reason, after_failure(failure.next, called.stack), facts
    )


def text(document: dict[str, Any]) -> str:
    """On one line, so that several can follow each other."""
    return json.dumps(document, default=str, ensure_ascii=False)


def _document(
    called: Invocation, code: int, outcome: str, reason: str, hints: tuple[str, ...], facts: dict[str, Any]
) -> dict[str, Any]:
    head = {
        "schema": SCHEMA,
        "verb": called.verb,
        "stack": called.stack,
        "exit_code": code,
        "outcome": outcome,
        "reason": reason,
        "next": hints[0] if hints else None,
        "alternatives": list(hints[1:]),
    }
    return {**head, **{key: value for key, value in facts.items() if key not in head}}
