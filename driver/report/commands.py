"""Hints as commands that can be pasted: ours with the stack named, others as they are. Pure."""

from __future__ import annotations

import re

from driver.cli import VERBS

_ABOUT_A_STACK = {"cancel", "config", "stack"}


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
        return _of_stack(hint.removeprefix("$ "), stack)
    hint = hint.removeprefix("bluegreen ")
    if not stack or hint.startswith(("-s ", "--project", "init", "sandbox")):
        return f"bluegreen {hint}"
    return f"bluegreen -s {stack} {hint}"


def _of_stack(command: str, stack: str | None) -> str:
    """A command of Pulumi's that is about one stack, with the stack named: the selected one may be another."""
    words = command.split()
    if not stack or words[0] != "pulumi" or words[1] not in _ABOUT_A_STACK:
        return command
    return f"pulumi -s {stack} {' '.join(words[1:])}"
