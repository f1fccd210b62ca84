"""Resources of the fuzz provider as a program sees them, and a program that follows a description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi


def _versioned(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """As generated SDKs do it: each resource names the version of its package."""
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version="1.0.0"), opts)


class Thing(pulumi.CustomResource):
    serial: pulumi.Output[str]

    def __init__(
        self, name: str, props: Mapping[str, Any] | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("fuzz:index:Thing", name, {"serial": None, **(props or {})}, _versioned(opts))


class Group(pulumi.ComponentResource):
    serials: pulumi.Output[list[str]]

    def __init__(
        self, name: str, props: Mapping[str, Any] | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("fuzz:index:Group", name, {"serials": None, **(props or {})}, _versioned(opts), remote=True)


class Box(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fuzz:index:Box", name, {}, opts)


class Described:
    """A program made of things: name -> inputs; `after` names the things whose id is an input, `opts` their options.

    What it describes may be changed between runs.
    """

    def __init__(self, **things: Mapping[str, Any]) -> None:
        self.things: dict[str, Mapping[str, Any]] = dict(things)
        self.outputs: dict[str, Any] = {}

    def __call__(self) -> None:
        made: dict[str, pulumi.Resource] = {}
        for name, described in self.things.items():
            inputs = dict(described)
            options = {
                key: [made[one] for one in value] if key == "depends_on" else made[value] if key == "parent" else value
                for key, value in dict(inputs.pop("opts", {})).items()
            }
            after = [made[one].id for one in inputs.pop("after", ()) if one in made]
            if after:
                inputs["after"] = after
            opts = pulumi.ResourceOptions(**options)
            made[name] = Box(name, opts) if inputs.pop("box", False) else Thing(name, inputs, opts)
        for name, value in self.outputs.items():
            pulumi.export(name, value)


def forty(version: int) -> None:
    """Forty things in chains of four: enough to be killed in the middle of."""
    for chain in range(10):
        before = None
        for index in range(4):
            inputs: dict[str, Any] = {"keep": version, "slow": 0.02}
            if before is not None:
                inputs["after"] = [before.id]
            if chain % 5 == 0 and index == 1:
                inputs["fixed"] = version
            before = Thing(f"t{chain}{index}", inputs)
