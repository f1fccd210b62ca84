"""Pulumi's camelCase structures as AWS's, and back, where nothing differs but the names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Names = Mapping[str, str]


def to_aws(value: Any, names: Names = {}, flags: frozenset[str] = frozenset()) -> Any:  # noqa: B006
    """`names`: the fields whose names AWS writes otherwise; `flags`: booleans that Pulumi has as strings."""
    if isinstance(value, dict):
        return {
            names.get(key, key[0].upper() + key[1:]): held == "true" if key in flags else to_aws(held, names, flags)
            for key, held in value.items()
            if held is not None
        }
    if isinstance(value, list):
        return [to_aws(held, names, flags) for held in value]
    return value


def from_aws(value: Any, names: Names = {}, flags: frozenset[str] = frozenset()) -> Any:  # noqa: B006
    """The way back, with the same two arguments."""
    back = {there: here for here, there in names.items()}

    def turn(held: Any) -> Any:
        if isinstance(held, Mapping):
            turned = {}
            for name, inner in held.items():
                key = back.get(name, name[0].lower() + name[1:])
                turned[key] = str(inner).lower() if key in flags and inner is not None else turn(inner)
            return turned
        if isinstance(held, list):
            return [turn(inner) for inner in held]
        return held

    return turn(value)
