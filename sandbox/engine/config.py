"""Configuration: keys, values (plain, secret, structured) and the edits that `pulumi config` makes."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from sandbox.engine import paths
from sandbox.engine.crypto import Crypter
from sandbox.engine.failure import CommandFailed
from sandbox.engine.stackfile import quoted

HIDDEN = "[secret]"


@dataclass(frozen=True)
class Value:
    """One configured value, as the program gets it: always text; objects as JSON."""

    text: str
    secret: bool
    node: Any
    """As it stands in the file, secrets encrypted."""
    plain: Any
    """The structure with secrets in the clear; a scalar as text."""

    @property
    def is_object(self) -> bool:
        return isinstance(self.plain, dict | list)


def full_key(key: str, project: str) -> str:
    """`name` is the project's own. Raises CommandFailed."""
    parts = key.split(":")
    if len(parts) == 3 and parts[1] == "config":
        parts = [parts[0], parts[2]]
    if len(parts) == 1:
        parts = [project, parts[0]]
    if len(parts) != 2 or not all(parts):
        raise CommandFailed(
            f"invalid configuration key: could not parse {key} as a configuration key (configuration keys should be of "
            "the form `<namespace>:<name>`)"
        )
    return ":".join(parts)


def read(entries: Mapping[str, Any], project: str, decrypt: Callable[[str], str]) -> dict[str, Value]:
    """All values by full key, sorted."""
    named = {full_key(str(key), project): node for key, node in entries.items()}
    return {key: value_of(named[key], decrypt) for key in sorted(named)}


def value_of(node: Any, decrypt: Callable[[str], str]) -> Value:
    if is_secure(node):
        text = decrypt(str(node["secure"]))
        return Value(text, True, node, text)
    if isinstance(node, dict | list):
        plain = _reveal(node, decrypt)
        return Value(_json(plain), any(_secrets(node)), node, plain)
    text = _scalar(node)
    return Value(text, False, node, text)


def is_secure(node: Any) -> bool:
    return isinstance(node, dict) and len(node) == 1 and isinstance(node.get("secure"), str)


def _secrets(node: Any) -> Iterator[bool]:
    if is_secure(node):
        yield True
    elif isinstance(node, dict):
        for item in node.values():
            yield from _secrets(item)
    elif isinstance(node, list):
        for item in node:
            yield from _secrets(item)


def _reveal(node: Any, decrypt: Callable[[str], str]) -> Any:
    if is_secure(node):
        return decrypt(str(node["secure"]))
    if isinstance(node, dict):
        return {str(key): _reveal(item, decrypt) for key, item in node.items()}
    if isinstance(node, list):
        return [_reveal(item, decrypt) for item in node]
    if isinstance(node, bool | type(None)):
        return node
    if isinstance(node, int):
        return int(node)
    return float(node) if isinstance(node, float) else str(node)


def _scalar(node: Any) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if node is None:
        return ""
    if isinstance(node, float):
        # As Go prints a float: the shortest text that reads back, an exponent only where it is large.
        return repr(int(node)) if node == int(node) and abs(node) < 1e21 else repr(float(node))
    return str(int(node)) if isinstance(node, int) else str(node)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def raw(node: Any) -> Any:
    """A node as the history entry keeps it: secrets stay encrypted."""
    return _sealed(node) if isinstance(node, dict | list) else _scalar(node)


def _sealed(node: Any) -> Any:
    if is_secure(node):
        return {"secure": str(node["secure"])}
    if isinstance(node, dict):
        return {str(key): _sealed(item) for key, item in node.items()}
    if isinstance(node, list):
        return [_sealed(item) for item in node]
    return _reveal(node, str)


def get(value: Value, path: paths.Path) -> tuple[Any, bool] | None:
    """What lies at a path inside a value and whether it is secret; None: nothing."""
    plain, node = value.plain, value.node
    for step in path:
        if is_secure(node):
            return None
        try:
            plain, node = plain[step], node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return plain, any(_secrets(node)) if isinstance(node, dict | list) else False


def put(config: CommentedMap, key: str, text: str, crypter: Crypter | None, path: paths.Path) -> None:
    """Sets a value (encrypted, given a crypter) in place. Raises CommandFailed."""
    own = existing_key(config, key)
    leaf: Any = CommentedMap(secure=crypter.encrypt(text)) if crypter else quoted(text)
    if not path:
        config[own] = leaf
        return
    if crypter is None:
        leaf = _typed(text)
    holder: Any = config
    steps: paths.Path = [own, *path]
    for step, following in itertools.pairwise(steps):
        if not _has(holder, step):
            _assign(holder, step, CommentedSeq() if isinstance(following, int) else CommentedMap(), steps)
        holder = holder[step]
    _assign(holder, steps[-1], leaf, steps)


def _typed(text: str) -> Any:
    """Inside an object `true`, `false` and whole numbers are what they look like."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"0|-?[1-9]\d{0,17}", text) else quoted(text)


def _has(holder: Any, step: str | int) -> bool:
    if isinstance(holder, dict):
        return step in holder
    return isinstance(holder, list) and isinstance(step, int) and step < len(holder)


def _assign(holder: Any, step: str | int, value: Any, steps: paths.Path) -> None:
    where = ".".join(map(str, steps[1:]))
    if isinstance(holder, dict) and isinstance(step, str) and not is_secure(holder):
        holder[step] = value
    elif isinstance(holder, list) and isinstance(step, int):
        if step > len(holder):
            raise CommandFailed(f"could not set config: {where}: array index out of range")
        holder[step : step + 1] = [value]
    else:
        wanted = "an array" if isinstance(step, int) else "a map"
        raise CommandFailed(f"could not set config: {where}: expected {wanted}")


def remove(config: CommentedMap, key: str, path: paths.Path) -> None:
    """Removing what isn't there is no error."""
    own = existing_key(config, key)
    steps: paths.Path = [own, *path]
    holder: Any = config
    for step in steps[:-1]:
        if not _has(holder, step):
            return
        holder = holder[step]
    if _has(holder, steps[-1]):
        del holder[steps[-1]]


def existing_key(config: Mapping[str, Any], key: str) -> str:
    """A project's own key may stand in the file without its namespace."""
    short = key.partition(":")[2]
    return short if key not in config and short in config else key


def from_plain(value: Any) -> Any:
    """JSON as a node that is written in block style."""
    if isinstance(value, dict):
        return CommentedMap((key, from_plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(from_plain(item) for item in value)
    return quoted(value) if isinstance(value, str) else value


def holds_secrets(node: Any) -> bool:
    return any(_secrets(node))
