"""Property paths as Pulumi writes them: `actions[0].forward`, `tags["a.b"]`, `tags[*]`."""

from __future__ import annotations

import re
from typing import Any

Path = tuple[str | int, ...]

_TOKEN = re.compile(r"""\[(\d+)\]|\[(\*)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.\[\]]+)""")


def parse(text: str) -> Path:
    """Raises ValueError for what is no property path."""
    path: list[str | int] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not a property path: {text!r}")
        index, star, quoted, plain = found.groups()
        path.append(int(index) if index is not None else star or plain or re.sub(r"\\(.)", r"\1", quoted or ""))
        at = found.end()
    return tuple(path)


def show(path: Path) -> str:
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif re.search(r"""[.\[\]"]""", part):
            quoted = part.replace("\\", "\\\\").replace('"', '\\"')
            shown += f'["{quoted}"]'
        else:
            shown += f".{part}" if shown else part
    return shown


def expand(path: Path, *roots: Any) -> set[Path]:
    """The concrete paths that a path with `*` stands for in any of the values."""
    if "*" not in path:
        return {path}
    at = path.index("*")
    concrete: set[Path] = set()
    for root in roots:
        inside = get(root, path[:at])
        keys: list[str | int] = []
        if isinstance(inside, list):
            keys = list(range(len(inside)))
        elif isinstance(inside, dict):
            keys = list(inside)
        for key in keys:
            concrete |= expand((*path[:at], key, *path[at + 1 :]), *roots)
    return concrete


def get(root: Any, path: Path) -> Any:
    """None where nothing is."""
    for part in path:
        if isinstance(root, dict) and isinstance(part, str):
            root = root.get(part)
        elif isinstance(root, list) and isinstance(part, int) and part < len(root):
            root = root[part]
        else:
            return None
    return root


def put(root: Any, path: Path, value: Any) -> Any:
    """A copy of `root` with the value at that path, or without it where the value is None; unchanged where the path's
    parent does not exist."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(root, dict) and isinstance(part, str):
        if rest and part not in root:
            return root
        inside = put(root.get(part), rest, value)
        kept = {key: held for key, held in root.items() if key != part}
        return kept if inside is None else {**kept, part: inside}
    if isinstance(root, list) and isinstance(part, int) and part < len(root):
        return [put(held, rest, value) if index == part else held for index, held in enumerate(root)]
    return root
