"""`--diff`: each change in full, from the engine's events, in the manner of the real CLI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.engine import values

_SIGNS = {"same": "  ", "create": "+ ", "update": "~ ", "delete": "- ", "replace": "+-", "read": "> ", "import": "= "}
# A replacement is shown once, as one change; and what is looked at is shown when it has been.
_HIDDEN = ("create-replacement", "delete-replaced", "discard-replaced", "read-replacement", "refresh", "discard")
_STACK = "pulumi:pulumi:Stack"
_NONE = object()


class Differences:
    """Sees an operation's events; says each change once, indented by what it belongs to."""

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out = out
        self._depth: dict[str, int] = {}
        self._refreshed: set[str] = set()

    def see(self, event: Mapping[str, Any]) -> None:
        if "resourcePreEvent" in event:
            about = event["resourcePreEvent"]["metadata"]
            depth = self._placed(about)
            if about["op"] == "refresh":
                self._refreshed.add(about["urn"])
            elif about["op"] in _SIGNS and not _quiet(about):
                self._say(about, depth, "inputs")
        elif "resOutputsEvent" in event:
            about = event["resOutputsEvent"]["metadata"]
            # After a look, `update` says that something else was found, and `delete` that nothing was.
            if about["type"] == _STACK:
                self._say_outputs(about)
            elif about["urn"] in self._refreshed and about["op"] in ("update", "delete"):
                self._say(about, self._depth.get(about["urn"], 1), "outputs")
            self._refreshed.discard(about["urn"])

    def _say_outputs(self, about: Mapping[str, Any]) -> None:
        old, new = ((about.get(which) or {}).get("outputs") or {} for which in ("old", "new"))
        if lines := list(_changed(old, new, 2, set())):
            self._out("\n".join(["    --outputs:--", *lines]))

    def _placed(self, about: Mapping[str, Any]) -> int:
        urn = about["urn"]
        parent = (about.get("new") or about.get("old") or {}).get("parent") or ""
        self._depth[urn] = self._depth.get(parent, 0) + 1 if parent else 0
        return self._depth[urn]

    def _say(self, about: Mapping[str, Any], depth: int, side: str) -> None:
        old, new = about.get("old") or {}, about.get("new") or {}
        pad = "    " * depth
        found = new or old
        lines = [f"{pad}{_SIGNS[about['op']]}{about['type']}: ({about['op']})"]
        identity = old.get("id") or new.get("id")
        lines += [f"{pad}    [id={identity}]"] if identity else []
        lines.append(f"{pad}    [urn={about['urn']}]")
        lines += [f"{pad}    [provider={found['provider']}]"] if found.get("provider") else []
        if about["op"] == "create" or (about["op"] in ("delete", "read", "import") and side == "inputs"):
            lines += _whole(found.get(side) or {}, 4 * depth + 4)
        elif about["op"] not in ("same", "delete"):
            lines += _changed(old.get(side) or {}, new.get(side) or {}, 4 * depth + 2, set(about.get("keys") or ()))
        self._out("\n".join(lines))


def _quiet(about: Mapping[str, Any]) -> bool:
    provider = about["type"].startswith("pulumi:providers:")
    return provider or about["op"] in _HIDDEN or (about["op"] == "same" and about["type"] != _STACK)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], indent: int, forcing: set[str]) -> Iterator[str]:
    """The keys of a mapping that differ, each with its sign; those that force a replacement are marked."""
    names = [name for name in sorted(old.keys() | new.keys()) if _differ(old.get(name, _NONE), new.get(name, _NONE))]
    width = max(map(len, names), default=0)
    for name in names:
        label = f"{name:{width}}: "
        head, *rest = _pair(old.get(name, _NONE), new.get(name, _NONE), indent, label)
        yield head + (" (requires replacement)" if name in forcing and not rest else "")
        yield from rest


def _pair(old: Any, new: Any, indent: int, label: str) -> list[str]:
    pad = " " * indent
    if old is _NONE:
        return _lines(f"{pad}+ {label}", new, indent + 2)
    if new is _NONE:
        return _lines(f"{pad}- {label}", old, indent + 2)
    before, after = _unpacked(old), _unpacked(new)
    note = "(json) " if (before, after) != (old, new) else ""
    if isinstance(before, dict) and isinstance(after, dict) and not {values.SIGNATURE} & (before.keys() | after.keys()):
        return [f"{pad}~ {label}{note}{{", *_changed(before, after, indent + 4, set()), f"{pad}  }}"]
    if isinstance(before, list) and isinstance(after, list):
        items = [
            line
            for index in range(max(len(before), len(after)))
            if _differ(one := _at(before, index), other := _at(after, index))
            for line in _pair(one, other, indent + 4, f"[{index}]: ")
        ]
        return [f"{pad}~ {label}{note}[", *items, f"{pad}  ]"]
    return [f"{pad}~ {label}{_short(old)} => {_short(new)}"]


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _NONE


def _differ(one: Any, other: Any) -> bool:
    return one is _NONE or other is _NONE or one != other


def _whole(properties: Mapping[str, Any], indent: int) -> Iterator[str]:
    width = max(map(len, properties), default=0)
    for name in sorted(properties):
        yield from _lines(f"{' ' * indent}{name:{width}}: ", properties[name], indent)


def _lines(head: str, value: Any, indent: int) -> list[str]:
    plain = _unpacked(value)
    note = "(json) " if plain is not value else ""
    pad = " " * indent
    if isinstance(plain, dict) and plain and values.SIGNATURE not in plain:
        return [f"{head}{note}{{", *_whole(plain, indent + 4), f"{pad}}}"]
    if isinstance(plain, list) and plain:
        inner = [line for index, item in enumerate(plain) for line in _lines(f"{pad}    [{index}]: ", item, indent + 4)]
        return [f"{head}{note}[", *inner, f"{pad}]"]
    return [head + _short(value)]


def _short(value: Any) -> str:
    """On one line."""
    if isinstance(value, dict) and value.get(values.SIGNATURE) == values.SECRET:
        return "[secret]"
    if value == values.UNKNOWN_STRING:
        return "[unknown]"
    if value is None:
        return "<null>"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _unpacked(value: Any) -> Any:
    """JSON in a string, taken apart: a policy or a record is easier to compare so."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
