"""What a destroy meets first: protected leaves that everything which traffic needs stands behind.

Pulumi deletes a stack from its leaves inwards, a group of them side by side, and stops at one that is protected. Any
other leaf goes with the first group: a route, an alarm, a scaling policy, what holds a color's capacity. To protect all
of those would keep a deploy from replacing a color and a setting from closing a door. A guard is nothing in AWS: it is
one more leaf, behind others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi.resource import DependencyResource

from infra.record import COLORS, Color
from infra.settings import Settings


class Part(pulumi.ComponentResource):
    """One leaf behind all that a component holds. It comes and goes with that; its name fits the same targets.

    A state must not depend on what has gone: whoever may delete something of a part has to make this anew.
    """

    def __init__(self, name: str, of: Sequence[pulumi.Resource]) -> None:
        opts = pulumi.ResourceOptions(depends_on=list(of))
        super().__init__("bluegreen:index:Part", f"{name}-part", opts=opts)
        self.register_outputs({})


class Guard(pulumi.ComponentResource):
    """One leaf that stays, whatever becomes of what is behind it, and is protected where the stack is."""

    def __init__(self, name: str, settings: Settings, of: Sequence[pulumi.Resource], parts: Sequence[Part]) -> None:
        # Of a component the SDK takes the children alone, and a part has none.
        known: list[pulumi.Input[pulumi.Resource]] = [part.urn.apply(DependencyResource) for part in parts]
        opts = pulumi.ResourceOptions(depends_on=[*of, *known], protect=settings.protect)
        super().__init__("bluegreen:index:Guard", f"{name}-guard", opts=opts)
        self.register_outputs({})


def guard(
    settings: Settings,
    ground: Sequence[pulumi.Resource],
    footings: Mapping[str, pulumi.Resource],
    fillings: Mapping[Color, tuple[str, pulumi.Resource]],
) -> None:
    """Guards a stack: what all of it stands on, and each color.

    `ground` is never deleted by an update that is limited to a release; `footings` may be, by name, and so may
    `fillings`, by color, each with the name that it shares with all of its resources.
    """
    Guard("ground", settings, ground, [Part(name, [footing]) for name, footing in footings.items()])
    for color in COLORS:
        filling = fillings.get(color)
        Guard(color, settings, (), [Part(filling[0], [filling[1]])] if filling else [])
