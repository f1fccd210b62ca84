"""Property values on their way in and out: secrets are taken off for AWS and put on again for the state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.engine.protocol import UNKNOWN, Properties, Secret


def bare(value: Any) -> Any:
    """The value without its secret wrappers, at any depth."""
    if isinstance(value, Secret):
        return bare(value.value)
    if isinstance(value, dict):
        return {key: bare(held) for key, held in value.items()}
    if isinstance(value, list):
        return [bare(held) for held in value]
    return value


def has_secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(has_secret(held) for held in value.values())
    return isinstance(value, list) and any(has_secret(held) for held in value)


def secret_keys(*properties: Properties) -> set[str]:
    """The top-level properties that hold a secret anywhere: the whole property is one from there on."""
    return {key for held in properties for key, value in held.items() if has_secret(value)}


def hide(properties: Properties, keys: Iterable[str]) -> Properties:
    hidden = set(keys)
    return {key: Secret(value) if key in hidden and value is not None else value for key, value in properties.items()}


def is_unknown(value: Any) -> bool:
    """Whether any part of it is known only after apply."""
    if value is UNKNOWN:
        return True
    if isinstance(value, dict):
        return any(is_unknown(held) for held in value.values())
    return isinstance(value, list) and any(is_unknown(held) for held in value)


def known_items(value: Any) -> list[tuple[int, Any]]:
    """The elements of a list that are there already, with their places; none of a list that is not."""
    return [(index, held) for index, held in enumerate(value) if held is not UNKNOWN] if isinstance(value, list) else []


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(held) for key, held in value.items() if held is not None}
    if isinstance(value, list):
        return [without_nulls(held) for held in value]
    return value
