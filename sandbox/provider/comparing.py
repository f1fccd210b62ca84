"""What changes between a resource's state and new inputs: per property, and what of it makes a new resource.

The state's outputs tell what is there (so drift that a refresh saw counts), its inputs what the program asked for
last time (so that AWS's own additions are no change)."""

from __future__ import annotations

from typing import Any

from sandbox.engine.protocol import UNKNOWN, Change, Properties
from sandbox.provider.paths import Path, expand, get, parse, put, show
from sandbox.provider.schema import Block, Blocks, Fields, Flag, Input, Kind, Labels, Number, Text, Texts
from sandbox.provider.values import is_unknown

Changes = dict[Path, Change]

_REPLACING = {
    Change.ADD: Change.ADD_REPLACE,
    Change.DELETE: Change.DELETE_REPLACE,
    Change.UPDATE: Change.UPDATE_REPLACE,
}
REPLACES = frozenset(_REPLACING.values())


def compare_fields(
    fields: Fields, there: Properties, asked: Properties, wanted: Properties, path: Path = ()
) -> Changes:
    """`there`: the old outputs; `asked`: the old inputs; `wanted`: the new inputs."""
    changes: Changes = {}
    for key, input_ in fields.items():
        found = _compare_input(input_, there.get(key), asked.get(key), wanted.get(key), (*path, key))
        changes |= {at: _REPLACING.get(change, change) for at, change in found.items()} if input_.replaces else found
    return changes


def _compare_input(input_: Input, there: Any, asked: Any, wanted: Any, path: Path) -> Changes:
    if wanted is None and isinstance(input_.kind, Labels) and not input_.kept:
        wanted = {}
    if wanted is None:
        gone = asked is not None and not input_.kept and not _is_zero(there if there is not None else asked)
        return {path: Change.DELETE} if gone else {}
    if wanted is UNKNOWN:
        return {path: Change.ADD if there is None else Change.UPDATE}
    if there is None:
        return {} if _is_zero(wanted) else {path: Change.ADD}
    return compare(input_.kind, there, asked, wanted, path)


def compare(kind: Kind, there: Any, asked: Any, wanted: Any, path: Path) -> Changes:
    match kind:
        case Text() | Number() | Flag():
            return {} if kind.same(there, wanted) else {path: Change.UPDATE}
        case Texts():
            return _compare_texts(kind, there, wanted, path)
        case Labels():
            return _compare_labels(there, wanted, path)
        case Block():
            return compare_fields(kind.fields, there, asked or {}, wanted, path)
        case Blocks():
            return _compare_blocks(kind, there, asked or [], wanted, path)


def _compare_texts(kind: Texts, there: list[str], wanted: list[Any], path: Path) -> Changes:
    if kind.ordered:
        pairs = {(*path, i): Change.UPDATE for i, (a, b) in enumerate(zip(there, wanted, strict=False)) if a != b}
        return pairs | _tail(len(there), len(wanted), path)
    if any(held is UNKNOWN for held in wanted):
        return {(*path, i): Change.UPDATE for i, held in enumerate(wanted) if held is UNKNOWN}
    added = {(*path, i): Change.ADD for i, held in enumerate(wanted) if held not in there}
    removed = {(*path, i): Change.DELETE for i, held in enumerate(there) if held not in wanted}
    both = dict.fromkeys(added.keys() & removed.keys(), Change.UPDATE)
    return added | removed | both


def _compare_labels(there: dict[str, str], wanted: dict[str, Any], path: Path) -> Changes:
    changes: Changes = {}
    for key in sorted(there.keys() | wanted.keys()):
        if key not in wanted:
            changes[*path, key] = Change.DELETE
        elif key not in there:
            changes[*path, key] = Change.ADD
        elif wanted[key] is UNKNOWN or there[key] != wanted[key]:
            changes[*path, key] = Change.UPDATE
    return changes


def _compare_blocks(kind: Blocks, there: list[Any], asked: list[Any], wanted: list[Any], path: Path) -> Changes:
    changes: Changes = {}
    if kind.ordered:
        for index, (old, new) in enumerate(zip(there, wanted, strict=False)):
            before = asked[index] if index < len(asked) else {}
            changes |= _compare_element(kind, old, before, new, (*path, index))
        return changes | _tail(len(there), len(wanted), path)
    left = list(range(len(there)))
    befores = match_elements(kind, there, asked)
    moved: list[int] = []
    for index, new in enumerate(wanted):
        same = next((at for at in left if not _compare_element(kind, there[at], befores.get(at, {}), new, ())), None)
        if same is None:
            moved.append(index)
        else:
            left.remove(same)
    for index in moved:
        old = next((at for at in left if kind.key and _has_key(kind, there[at], wanted[index])), None)
        if old is None and not kind.key and left:
            old = left[0]
        if old is None:
            changes[*path, index] = Change.ADD
            continue
        left.remove(old)
        changes |= _compare_element(kind, there[old], befores.get(old, {}), wanted[index], (*path, index))
    taken = {at[: len(path) + 1] for at in changes}
    for old in left:
        at = (*path, old)
        changes[at] = Change.UPDATE if at in taken else Change.DELETE
    return changes


def _compare_element(kind: Blocks, there: Any, asked: Any, wanted: Any, path: Path) -> Changes:
    if wanted is UNKNOWN:
        return {path: Change.UPDATE}
    return compare_fields(kind.fields, there, asked, wanted, path)


def match_elements(kind: Blocks, there: list[Any], asked: list[Any]) -> dict[int, Any]:
    """Which element of the old inputs each element that is there came from, in a list without order."""
    matched: dict[int, Any] = {}
    left = list(range(len(there)))
    for before in asked:
        same = next((at for at in left if not compare_fields(kind.fields, there[at], before, before)), None)
        if same is not None:
            matched[same] = before
            left.remove(same)
    return matched


def _has_key(kind: Blocks, old: Any, new: Any) -> bool:
    return isinstance(new, dict) and old.get(kind.key) is not None and old.get(kind.key) == new.get(kind.key)


def _tail(old: int, new: int, path: Path) -> Changes:
    change = Change.ADD if new > old else Change.DELETE
    return {(*path, index): change for index in range(min(old, new), max(old, new))}


def _is_zero(value: Any) -> bool:
    """AWS's provider cannot tell a zero from nothing at all."""
    return not is_unknown(value) and value in (None, "", 0, False, [], {})


def without_ignored(wanted: Properties, there: Properties, asked: Properties, ignored: list[str]) -> Properties:
    """The new inputs with what is to be ignored as it is there, in the shape in which it was asked for."""
    for text in ignored:
        for path in expand(parse(text), wanted, asked):
            old, before = get(there, path), get(asked, path)
            wanted = put(wanted, path, in_shape_of(old, before) if before is not None else old)
    return wanted


def in_shape_of(there: Any, asked: Any) -> Any:
    """What is there, without the fields that AWS added to what was asked for."""
    if isinstance(asked, dict) and isinstance(there, dict):
        return {key: in_shape_of(there[key], held) for key, held in asked.items() if there.get(key) is not None}
    if isinstance(asked, list) and isinstance(there, list) and len(asked) == len(there):
        return [in_shape_of(old, before) for old, before in zip(there, asked, strict=True)]
    return there


def refreshed_inputs(fields: Fields, there: Properties, asked: Properties) -> Properties:
    """The old inputs with what was read back in their place, wherever it is no longer what was asked for."""
    fresh: Properties = {}
    for key, before in asked.items():
        if key.startswith("__") or key not in fields:
            fresh[key] = before
            continue
        now = there.get(key)
        input_ = fields[key]
        if now is None:
            if _is_zero(before):
                fresh[key] = before
        elif not _compare_input(input_, now, before, before, (key,)):
            fresh[key] = before
        elif isinstance(input_.kind, Labels | Texts):
            fresh[key] = now
        else:
            fresh[key] = in_shape_of(now, before)
    return fresh


def shown(changes: Changes) -> dict[str, Change]:
    return {show(path): change for path, change in changes.items()}
