"""Property values: between gRPC's Struct, plain Python and the comparisons that the engine makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf import struct_pb2

from sandbox.engine.protocol import UNKNOWN, Properties, ResourceRef, Secret

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_STRINGS = frozenset(
    (
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    )
)


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """The plain values of a gRPC Struct; output values become UNKNOWN, Secret or their element."""
    return {key: from_value(value) for key, value in struct.fields.items()}


def from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWN_STRINGS else text
    if kind == "number_value":
        return number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields:
            return _special(fields)
        return {key: from_value(item) for key, item in fields.items()}
    return None


def number(value: float) -> int | float:
    """Integral floats as int: Struct knows only doubles."""
    return int(value) if math.isfinite(value) and abs(value) < 2**63 and value == int(value) else value


def _special(fields: Mapping[str, struct_pb2.Value]) -> Any:
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        return Secret(bare(from_value(fields["value"])))
    if signature == OUTPUT:
        inner = bare(from_value(fields["value"])) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    if signature == REFERENCE:
        return ResourceRef(fields["urn"].string_value, from_value(fields["id"]) if "id" in fields else None)
    return {key: from_value(item) for key, item in fields.items()}


def output_dependencies(struct: struct_pb2.Struct) -> dict[str, list[str]]:
    """The URNs that the output values of each property depend on."""
    found = {}
    for key, value in struct.fields.items():
        urns = list(dict.fromkeys(_dependencies(value)))
        if urns:
            found[key] = urns
    return found


def _dependencies(value: struct_pb2.Value) -> Iterator[str]:
    if value.HasField("list_value"):
        for item in value.list_value.values:
            yield from _dependencies(item)
    elif value.HasField("struct_value"):
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == OUTPUT and "dependencies" in fields:
            for urn in fields["dependencies"].list_value.values:
                yield urn.string_value
        for item in fields.values():
            yield from _dependencies(item)


def to_struct(properties: Mapping[str, Any], *, secrets: bool = True, references: bool = True) -> struct_pb2.Struct:
    """A gRPC Struct; a receiver that takes no secrets or references gets what is in them."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _fill(struct.fields[key], value, secrets, references)
    return struct


def _fill(target: struct_pb2.Value, value: Any, secrets: bool, references: bool) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Secret):
        if secrets:
            fields = target.struct_value.fields
            fields[SIGNATURE].string_value = SECRET
            _fill(fields["value"], value.value, secrets, references)
        else:
            _fill(target, value.value, secrets, references)
    elif isinstance(value, ResourceRef):
        _fill_reference(target, value, references)
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item, secrets, references)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item, secrets, references)
    else:
        raise TypeError(f"a {type(value).__name__} is no property value: {value!r}")


def _fill_reference(target: struct_pb2.Value, reference: ResourceRef, keep: bool) -> None:
    if not keep:
        target.string_value = reference.urn if reference.id is None else str(reference.id)
        if reference.id is UNKNOWN:
            target.string_value = UNKNOWN_STRING
        return
    fields = target.struct_value.fields
    fields[SIGNATURE].string_value = REFERENCE
    fields["urn"].string_value = reference.urn
    if reference.id is not None:
        _fill(fields["id"], reference.id, True, True)


def checked(properties: Any) -> Properties:
    """The properties a provider answered. Raises TypeError for what can be neither sent nor stored."""
    if not isinstance(properties, Mapping):
        raise TypeError(f"a {type(properties).__name__} where properties are expected")
    _check(properties)
    return dict(properties)


def _check(value: Any) -> None:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key that is no text")
        for key, item in value.items():
            _check(key)
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif isinstance(value, Secret):
        _check(value.value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} is no property value")
    elif isinstance(value, str) and not value.isascii():
        _check_text(value)
    elif value is not None and value is not UNKNOWN and not isinstance(value, bool | int | float | str | ResourceRef):
        raise TypeError(f"a {type(value).__name__} is no property value")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TypeError(f"{text!r} is no text that can be written") from error


def bare(value: Any) -> Any:
    """The value without any Secret around or inside it."""
    if isinstance(value, Secret):
        return bare(value.value)
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return value


def holds(value: Any, wanted: Callable[[Any], bool]) -> bool:
    """Whether the value or anything inside it is as wanted."""
    if wanted(value):
        return True
    if isinstance(value, Secret):
        return holds(value.value, wanted)
    if isinstance(value, dict):
        return any(holds(item, wanted) for item in value.values())
    return isinstance(value, list) and any(holds(item, wanted) for item in value)


def is_unknown(value: Any) -> bool:
    return holds(value, lambda item: item is UNKNOWN)


def equal(one: Any, other: Any) -> bool:
    """Deep equality in which True is not 1, and a property that is null counts as absent."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(equal(one.get(key), other.get(key)) for key in one.keys() | other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, Secret) and isinstance(other, Secret):
        return equal(one.value, other.value)
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def changed_keys(old: Properties, new: Properties) -> list[str]:
    """Top-level properties whose bare values differ, sorted."""
    return sorted(key for key in old.keys() | new.keys() if not equal(bare(old.get(key)), bare(new.get(key))))


def keep_secrets(result: Properties, asked: Properties) -> Properties:
    """A provider's answer, secret wherever the property of the same name that it was asked with is."""
    return {
        key: Secret(value) if isinstance(asked.get(key), Secret) and not isinstance(value, Secret) else value
        for key, value in result.items()
    }
