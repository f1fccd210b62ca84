"""The names of the alarms that each color has on each platform, and of what they watch. Pure.

They are fixed, not made up by Pulumi: whoever watches a shift knows them without asking anybody, also before the
update that makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from infra.record import COLORS, Color

Kind: TypeAlias = Literal["errors", "latency", "unhealthy-hosts"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def alarm_name(project: str, stack: str, color: Color, platform: str, kind: Kind) -> str:
    """At most 255 characters, CloudWatch's limit: Pulumi's project and stack names have up to 100 each.

    Slashes, which no part can have: with hyphens `shop-api` in `dev` and `shop` in `api-dev` would share their alarms.
    """
    return f"{project}/{stack}/{color}/{platform}/{kind}"


def alarm_names(project: str, stack: str, platforms: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """All of a stack's, by color and platform."""
    return {
        color: {
            platform: tuple(alarm_name(project, stack, color, platform, kind) for kind in KINDS)
            for platform in platforms
        }
        for color in COLORS
    }


def dimension(arn: str) -> str:
    """What CloudWatch's metrics call a balancer (`app/…`) or a target group (`targetgroup/…`)."""
    return arn.split(":", 5)[-1].removeprefix("loadbalancer/")
