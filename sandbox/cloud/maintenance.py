"""A group's instance maintenance policy: how far replacing unhealthy instances may take it from its capacity. Pure.

With a least share of 100 % a new instance is in service and healthy before the unhealthy one goes (User Guide,
"Instance maintenance policies").
"""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Policy:
    """Shares of the desired capacity, in percent."""

    least: int
    most: int


def policy_of(group: Any) -> Policy | None:
    """None: unhealthy instances go at once, and are replaced while they do."""
    given = getattr(group, "instance_maintenance_policy", None) or {}
    least, most = int(given.get("MinHealthyPercentage", -1)), int(given.get("MaxHealthyPercentage", -1))
    return Policy(least, most) if least >= 0 and most >= 0 else None


def may_go(policy: Policy | None, desired: int, ready: int, unhealthy: int) -> int:
    """How many of the unhealthy instances may go now, where that many are healthy and in service."""
    if policy is None:
        return unhealthy
    # Unhealthy ones beyond the capacity are replacements that didn't get well either: they make nobody dispensable.
    kept = math.ceil(desired * policy.least / 100)
    return min(unhealthy, max(0, ready + min(unhealthy, desired) - kept))


def room(policy: Policy | None, desired: int, there: int) -> int:
    """How many instances more may be there at once, the unhealthy that wait for their replacement counted."""
    if policy is None:
        return max(1, desired)
    most = desired * policy.most // 100
    return max(0, (max(most, desired + 1) if policy.most > 100 else desired) - there)
