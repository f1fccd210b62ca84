"""Inputs as AWS's provider would take them: kinds coerced, defaults filled in, everything wrong listed."""

from __future__ import annotations

from typing import Any

from sandbox.engine.protocol import UNKNOWN, Failure, Properties
from sandbox.provider.paths import Path, show
from sandbox.provider.schema import Block, Blocks, Fields, Flag, Kind, Labels, Number, Text, Texts

DEFAULTS = "__defaults"
"""Where Pulumi's state says which top-level inputs were filled in here."""


def check_fields(fields: Fields, given: Properties, path: Path = ()) -> tuple[Properties, list[Failure], list[str]]:
    """The inputs with defaults, what is wrong with them, and the names of those filled in."""
    failures: list[Failure] = []
    taken: Properties = {}
    for key, value in given.items():
        if key.startswith("__") or value is None:
            continue
        if key not in fields:
            known = ", ".join(sorted(fields))
            failures.append(Failure(show((*path, key)), f"the sandbox does not have this input; it has {known}"))
            continue
        taken[key] = _check(fields[key].kind, value, (*path, key), failures)
    filled = []
    for key, input_ in fields.items():
        if key in taken:
            continue
        if input_.required:
            failures.append(Failure(show((*path, key)), f"Missing required argument: '{show((*path, key))}'"))
        elif input_.default is not None:
            taken[key] = input_.default
            filled.append(key)
    return taken, failures, filled


def _check(kind: Kind, value: Any, path: Path, failures: list[Failure]) -> Any:
    if value is UNKNOWN:
        return value
    match kind:
        case Text():
            return _text(kind, value, path, failures)
        case Number():
            return _number(kind, value, path, failures)
        case Flag():
            return _flag(value, path, failures)
        case Texts():
            return _texts(kind, value, path, failures)
        case Labels():
            if not isinstance(value, dict):
                return _wrong(value, "a map of strings", path, failures)
            return {key: _text(Text(), held, (*path, key), failures) for key, held in value.items() if held is not None}
        case Block():
            if not isinstance(value, dict):
                return _wrong(value, "an object", path, failures)
            taken, inner, _ = check_fields(kind.fields, value, path)
            failures.extend(inner)
            return taken
        case Blocks():
            return _blocks(kind, value, path, failures)


def _text(kind: Text, value: Any, path: Path, failures: list[Failure]) -> Any:
    if value is UNKNOWN:
        return value
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str):
        return _wrong(value, "a string", path, failures)
    if kind.choices and not any(kind.same(value, choice) for choice in kind.choices):
        failures.append(Failure(show(path), f"expected {show(path)} to be one of {list(kind.choices)}, got {value}"))
    if kind.longest and len(value) > kind.longest:
        reason = f"expected length of {show(path)} to be at most {kind.longest}, it is {len(value)}"
        failures.append(Failure(show(path), reason))
    return value


def _number(kind: Number, value: Any, path: Path, failures: list[Failure]) -> Any:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _wrong(value, "a number", path, failures)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _wrong(value, "a number", path, failures)
    value = int(value) if float(value).is_integer() else value
    if (kind.low is not None and value < kind.low) or (kind.high is not None and value > kind.high):
        low = "" if kind.low is None else f"at least {kind.low}"
        high = "" if kind.high is None else f"at most {kind.high}"
        bounds = " and ".join(bound for bound in (low, high) if bound)
        failures.append(Failure(show(path), f"expected {show(path)} to be {bounds}, got {value}"))
    return value


def _flag(value: Any, path: Path, failures: list[Failure]) -> Any:
    if value in ("true", "false"):
        return value == "true"
    return value if isinstance(value, bool) else _wrong(value, "a boolean", path, failures)


def _texts(kind: Texts, value: Any, path: Path, failures: list[Failure]) -> Any:
    if not isinstance(value, list):
        return _wrong(value, "a list of strings", path, failures)
    return [_text(Text(kind.choices), held, (*path, index), failures) for index, held in enumerate(value)]


def _blocks(kind: Blocks, value: Any, path: Path, failures: list[Failure]) -> Any:
    if not isinstance(value, list):
        return _wrong(value, "a list of objects", path, failures)
    if kind.most and len(value) > kind.most:
        failures.append(Failure(show(path), f"at most {kind.most} of {show(path)} are allowed, got {len(value)}"))
    return [_check(Block(kind.fields), held, (*path, index), failures) for index, held in enumerate(value)]


def _wrong(value: Any, wanted: str, path: Path, failures: list[Failure]) -> Any:
    failures.append(Failure(show(path), f"expected {wanted}, got {type(value).__name__} {value!r}"))
    return value
