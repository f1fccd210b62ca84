"""Pulumi's own history of a stack: what each update was, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pulumi.automation import PulumiCommand
from pulumi.automation.errors import CommandError

from driver.checkout import Checkout
from driver.errors import Invalid
from driver.release.history import KEPT, Update
from driver.stack.engine import command
from infra.record import instant

_UNCHANGED = {"same", "read", "refresh"}


def updates(checkout: Checkout, engine: PulumiCommand | None = None, limit: int = 2 * KEPT) -> list[Update]:
    """Newest first. Raises a Failure where the backend, the stack or an engine is not to be had."""
    # The stack stands first: asked in the usual order the call counts as the one that the Automation API makes after
    # every update, whose answer nobody reads and which therefore gets none.
    words = ["--stack", checkout.stack, "stack", "history", "--json", "--page-size", str(limit), "--page", "1"]
    try:
        answer = (engine or command()).run([*words, "--non-interactive"], str(checkout.root), {})
    except CommandError as error:
        raise Invalid("Pulumi's history can't be read", reason(str(error)), ("doctor",)) from error
    try:
        return [_update(entry) for entry in json.loads(answer.stdout or "[]")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"its answer is not what was expected ({type(error).__name__}: {error})"
        raise Invalid("Pulumi's history can't be read", why, ("doctor",)) from error


def _update(entry: Mapping[str, Any]) -> Update:
    changes = entry.get("resourceChanges") or {}
    return Update(
        kind=str(entry["kind"]),
        started=instant(str(entry["startTime"])),
        ended=instant(str(entry["endTime"])) if entry.get("endTime") else None,
        result=str(entry["result"]),
        message=str(entry.get("message") or ""),
        changes=sum(int(number) for operation, number in changes.items() if operation not in _UNCHANGED),
    )


def reason(text: str) -> str:
    """The line of a CLI's message that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return (said or lines[-1:] or [""])[0]
