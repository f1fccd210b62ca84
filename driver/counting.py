"""Numbers of things, in words. Pure."""

from __future__ import annotations


def many(number: int, thing: str) -> str:
    """`1 target`, `2 targets`, `0 resources`; the word is one that takes an `s`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
