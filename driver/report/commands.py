"""Hints as commands that can be pasted: ours with the stack named, others as they are. Pure."""

from __future__ import annotations

import re

from driver.cli import VERBS


def commands(hints: tuple[str, ...], stack: str | None) -> tuple[str, ...]:
    """`promote` becomes `bluegreen -s prod promote`; what starts with `$ ` or names its stack stays.

    A hint at a verb that this version does not have is left out, wherever it comes from.
    """
    return tuple(_command(hint, stack) for hint in hints if _exists(hint))


def after_failure(hints: tuple[str, ...], stack: str | None) -> tuple[str, ...]:
    """The same for a bad end, which always names a command to run next."""
    return commands(hints, stack) or commands(("status",) if stack else ("--help",), stack)


def _exists(hint: str) -> bool:
    words = [word for word in hint.removeprefix("bluegreen ").split() if not word.startswith("-")]
    values = 1 if re.search(r"(^| )(-s|--project) ", hint) else 0
    return hint.startswith("$ ") or not words[values:] or words[values] in VERBS


def _command(hint: str, stack: str | None) -> str:
    if hint.startswith("$ "):
        return hint.removeprefix("$ ")
    hint = hint.removeprefix("bluegreen ")
    if not stack or hint.startswith(("-s ", "--project", "init", "sandbox")):
        return f"bluegreen {hint}"
    return f"bluegreen -s {stack} {hint}"
