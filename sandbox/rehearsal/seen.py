"""Reads the sandbox's state document: the listener that users meet, its weights, the targets of a color. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.record import COLORS

State = Mapping[str, Any]


def production_listener(state: State) -> Mapping[str, Any] | None:
    """The listener on 443, else the one on 80."""
    by_port = {listener["port"]: listener for listener in state.get("listeners", ())}
    found: Mapping[str, Any] | None = by_port.get(443) or by_port.get(80)
    return found


def production_weights(state: State) -> dict[str, int]:
    """Percent by color of the first rule of that listener that forwards; empty before there is one."""
    listener = production_listener(state)
    colors = {group["arn"]: color_of(group) for group in state.get("groups", ())}
    for rule in listener["rules"] if listener else ():
        total = sum(share["weight"] for share in rule["weights"])
        if total:
            return {colors.get(share["group"], "?"): round(100 * share["weight"] / total) for share in rule["weights"]}
    return {}


def color_of(group: Mapping[str, Any]) -> str:
    """The color that a target group is of, which its name begins with."""
    first = str(group["name"]).partition("-")[0]
    return first if first in COLORS else "?"


def targets_of(state: State, color: str) -> list[Mapping[str, Any]]:
    """The targets of a color that are not on their way out."""
    groups = [group for group in state.get("groups", ()) if color_of(group) == color]
    return [target for group in groups for target in group["targets"] if target["state"] != "draining"]
