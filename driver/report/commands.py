"""Hints as commands that can be pasted: ours with the stack named, others as they are. Pure."""

from __future__ import annotations


def commands(hints: tuple[str, ...], stack: str | None) -> tuple[str, ...]:
    """`promote` becomes `bluegreen -s prod promote`; what starts with `$ ` or names its stack stays."""
    return tuple(_command(hint, stack) for hint in hints)


def _command(hint: str, stack: str | None) -> str:
    if hint.startswith("$ "):
        return hint.removeprefix("$ ")
    hint = hint.removeprefix("bluegreen ")
    if not stack or hint.startswith(("-s ", "--project", "init", "sandbox", "doctor")):
        return f"bluegreen {hint}"
    return f"bluegreen -s {stack} {hint}"
