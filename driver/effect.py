"""What an update means for traffic, in words. Pure."""

from __future__ import annotations

from driver.ports import Changes, Stack
from driver.release.snapshot import Snapshot, spoken
from infra.record import COLORS, weights


def effect(seen: Snapshot, changes: Changes) -> str:
    """One sentence: which weights there will be, or that none changes."""
    if seen.deployed is None:
        return "first deploy: blue will serve all traffic, as soon as its targets are healthy"
    now = dict(seen.live) if seen.live is not None else None
    wanted = weights((changes.record or seen.deployed).record)
    if now == wanted:
        rules = any(urn.endswith("::production-rule") for _, urn in changes.resources)
        return f"the production rule changes, its weights stay: {spoken(wanted)}" if rules else "no traffic moves"
    before = spoken(now) if now is not None else "not to be read"
    return f"traffic moves: weights are {before}, and will be {spoken(wanted)}"


def unreleased(stack: Stack, seen: Snapshot) -> tuple[str, ...]:
    """The filled colors whose release the settings would render differently today, in words."""
    colors = seen.record.colors if seen.record else {}
    changed = [
        color
        for color in COLORS
        if color in colors and stack.release(colors[color].platform, colors[color].image) != colors[color].release
    ]
    return tuple(f"settings of {color} have changed: they go out with the next deploy" for color in changed)


def counted(number: int) -> str:
    """`1 resource changes`, `3 resources change`."""
    return f"{number} resource changes" if number == 1 else f"{number} resources change"
