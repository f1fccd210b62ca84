"""Property paths as Pulumi writes them, in `ignoreChanges`, `replaceOnChanges` and `config --path`: `a.b[0]["c d"]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Path = list[str | int]
_ABSENT: Any = object()
_TOKEN = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\[\*\]|\["((?:[^"\\]|\\.)*)"\]""")


def parse(text: str) -> Path:
    """Raises ValueError. `*` stands for each element."""
    path: Path = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ValueError(f"invalid property path: {text}")
        name, index, quoted = match.groups()
        if name is not None:
            path.append(name)
        elif index is not None:
            path.append(int(index))
        elif quoted is not None:
            path.append(quoted.replace('\\"', '"'))
        else:
            path.append("*")
        position = match.end()
    if not path:
        raise ValueError("a property path must not be empty")
    return path


def contains(pattern: Sequence[str | int], path: Sequence[str | int]) -> bool:
    """Whether the path is what the pattern names, or lies within it."""
    if len(pattern) > len(path):
        return False
    return all(want in ("*", got) for want, got in zip(pattern, path, strict=False))


def reset(old: dict[str, Any], new: dict[str, Any], path: Sequence[str | int]) -> tuple[dict[str, Any], bool]:
    """The new properties with what the path names taken from the old ones; False where neither shape allows it."""
    value, fits = _reset(old, new, list(path))
    return (value if isinstance(value, dict) else new), fits


def _reset(old: Any, new: Any, path: Path) -> tuple[Any, bool]:
    if not path:
        return old, True
    step, rest = path[0], path[1:]
    if step == "*":
        return _reset_each(old, new, rest)
    return _reset_one(old, new, step, rest)


def _reset_one(old: Any, new: Any, step: str | int, rest: Path) -> tuple[Any, bool]:
    """Of just this element, whose own name may be a star."""
    before, after = _child(old, step), _child(new, step)
    if before is _ABSENT and after is _ABSENT:
        return new, True
    if rest and (before is _ABSENT or after is _ABSENT):
        return new, False
    value, fits = _reset(before, after, rest)
    return (_with(new, step, value), True) if fits and _may_set(new, step) else (new, False)


def _reset_each(old: Any, new: Any, rest: Path) -> tuple[Any, bool]:
    if isinstance(old, list) and isinstance(new, list):
        steps: list[str | int] = list(range(max(len(old), len(new))))
    elif isinstance(old, dict) and isinstance(new, dict):
        steps = sorted(old.keys() | new.keys())
    else:
        return new, False
    if isinstance(new, list) and len(old) != len(new):
        return new, False
    fits = True
    for step in steps:
        new, one = _reset_one(old, new, step, rest)
        fits = fits and one
    return new, fits


def _child(value: Any, step: str | int) -> Any:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step, _ABSENT)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return _ABSENT


def _may_set(value: Any, step: str | int) -> bool:
    return isinstance(value, dict) if isinstance(step, str) else isinstance(value, list) and step < len(value)


def _with(value: Any, step: str | int, item: Any) -> Any:
    if isinstance(value, list) and isinstance(step, int):
        return [item if index == step else existing for index, existing in enumerate(value)]
    if item is _ABSENT:
        return {key: existing for key, existing in value.items() if key != step}
    return {**value, step: item}
