"""pulumi_aws's own types as a judge of registered inputs: names, what is required, and kinds.

The mocks take anything; a misspelt or misplaced input would come out only on AWS.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any

from pulumi import _types


def arguments_of(token: str) -> type:
    """The class of a resource's arguments: `aws:lb/targetGroup:TargetGroup` -> `pulumi_aws.lb.TargetGroupArgs`."""
    package, module, name = token.split(":")
    place = importlib.import_module(f"pulumi_{package}.{module.partition('/')[0]}")
    # Where a block of another resource has taken the name, a resource's own arguments are called InitArgs.
    own = sys.modules[getattr(place, name).__module__]
    return typing.cast(type, getattr(own, f"{name}InitArgs", None) or getattr(place, f"{name}Args"))


def faults(inputs: dict[str, Any], arguments: type, where: str) -> Iterator[str]:
    """Everything about the inputs that the types don't allow."""
    types = _types.input_type_types(arguments)
    names = _types.input_type_py_to_pulumi_names(arguments)
    for parameter in inspect.signature(arguments).parameters.values():
        if parameter.default is parameter.empty and names[parameter.name] not in inputs:
            yield f"{where}: {names[parameter.name]} is missing"
    for key, value in inputs.items():
        if key not in types:
            yield f"{where}: there is no input {key}"
        else:
            yield from _misfits(value, types[key], f"{where}.{key}")


def _misfits(value: Any, allowed: Any, where: str) -> Iterator[str]:
    choices = [list(_misfits_of_one(value, choice, where)) for choice in _choices(allowed)]
    if choices and all(choices):
        yield from min(choices, key=len)


def _choices(allowed: Any) -> list[Any]:
    """The plain types that an input may have: without None, Output and Awaitable."""
    if typing.get_origin(allowed) is not typing.Union:
        return [allowed]
    found = []
    for choice in typing.get_args(allowed):
        origin = typing.get_origin(choice) or choice
        if origin is type(None) or getattr(origin, "__name__", "") in ("Output", "Awaitable"):
            continue
        found += _choices(choice)
    return found


def _misfits_of_one(value: Any, kind: Any, where: str) -> Iterator[str]:
    origin = typing.get_origin(kind)
    if origin in (list, collections.abc.Sequence):
        inner = typing.get_args(kind)[0]
        yield from _each(value, list, where, lambda held, at: _misfits(held, inner, at))
    elif origin in (dict, collections.abc.Mapping):
        inner = typing.get_args(kind)[1]
        yield from _each(value, dict, where, lambda held, at: _misfits(held, inner, at))
    elif inspect.isclass(kind) and _types.is_input_type(kind):
        yield from faults(value, kind, where) if isinstance(value, dict) else [f"{where}: {value!r} is no object"]
    elif not _fits(value, kind):
        yield f"{where}: {value!r} is no {kind}"


def _each(value: Any, kind: type, where: str, judge: Callable[[Any, str], Iterator[str]]) -> Iterator[str]:
    if not isinstance(value, kind):
        yield f"{where}: {value!r} is no {kind.__name__}"
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from judge(inner, f"{where}[{key}]")


def _fits(value: Any, kind: Any) -> bool:
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return value in [member.value for member in kind]
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind is Any or (kind in (str, int, bool) and type(value) is kind)
