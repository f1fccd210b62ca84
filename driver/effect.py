"""What an update means for traffic, in words. Pure."""

from __future__ import annotations

from driver.ports import Changes
from driver.release.snapshot import Snapshot, spoken
from infra.record import weights


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
