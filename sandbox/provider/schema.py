"""What a resource takes: kinds of values, and the marks that pulumi-aws puts on each input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A string. `choices`: the only ones allowed; `folded`: letter case does not count."""

    choices: tuple[str, ...] = ()
    longest: int = 0
    folded: bool = False

    def same(self, old: Any, new: Any) -> bool:
        return str(old).lower() == str(new).lower() if self.folded else str(old) == str(new)


@dataclass(frozen=True)
class Json(Text):
    """A JSON document in a string: AWS hands it back with other spaces and another order of keys."""

    def same(self, old: Any, new: Any) -> bool:
        try:
            return bool(json.loads(old) == json.loads(new))
        except (TypeError, ValueError):
            return bool(old == new)


@dataclass(frozen=True)
class Number:
    low: float | None = None
    high: float | None = None

    def same(self, old: Any, new: Any) -> bool:
        return float(old) == float(new)


@dataclass(frozen=True)
class Flag:
    def same(self, old: Any, new: Any) -> bool:
        return bool(old) == bool(new)


@dataclass(frozen=True)
class Texts:
    """A list of strings; the order counts only where AWS says so."""

    ordered: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labels:
    """A map of strings."""


@dataclass(frozen=True)
class Block:
    fields: Mapping[str, Input]


@dataclass(frozen=True)
class Blocks:
    """A list of blocks; `key`: the field that tells which old one a new one continues."""

    fields: Mapping[str, Input]
    ordered: bool = False
    key: str = ""
    most: int = 0


Kind = Text | Number | Flag | Texts | Labels | Block | Blocks


@dataclass(frozen=True)
class Input:
    """One input. `replaces`: a change makes a new resource. `kept`: AWS chooses where it is left out, so leaving it
    out later changes nothing. `hidden`: its value is a secret wherever it came from."""

    kind: Kind
    required: bool = False
    replaces: bool = False
    kept: bool = False
    default: Any = None
    hidden: bool = False


Fields = Mapping[str, Input]


def text(*choices: str, longest: int = 0, folded: bool = False, **marks: Any) -> Input:
    return Input(Text(choices, longest, folded), **marks)


def json_text(**marks: Any) -> Input:
    return Input(Json(), **marks)


def number(low: float | None = None, high: float | None = None, **marks: Any) -> Input:
    return Input(Number(low, high), **marks)


def flag(default: bool | None = None, **marks: Any) -> Input:
    return Input(Flag(), default=default, **marks)


def texts(*choices: str, ordered: bool = False, **marks: Any) -> Input:
    return Input(Texts(ordered, choices), **marks)


def labels(**marks: Any) -> Input:
    return Input(Labels(), **marks)


def block(fields: Fields, **marks: Any) -> Input:
    return Input(Block(fields), **marks)


def blocks(fields: Fields, *, ordered: bool = False, key: str = "", most: int = 0, **marks: Any) -> Input:
    return Input(Blocks(fields, ordered, key, most), **marks)


@dataclass(frozen=True)
class Naming:
    """How a resource gets its name where the program gives none: `<logical name>-<7 hex>`."""

    longest: int
    input: str = "name"
    prefix_input: str = "namePrefix"
    lower: bool = False
    joint: str = "-"
