"""A stack's YAML file with other record keys: comments, order and quotes of the rest stay as they are."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from driver.errors import Invalid

# ruamel does not remember how far a file indents its lists: these are the ways that occur.
_LISTS = ((2, 0), (4, 2))


def rewritten(text: str, keys: Mapping[str, Any], is_record: Callable[[str], bool]) -> str:
    """The file's text with exactly these record keys under `config`. Raises Invalid where it is no YAML."""
    document = _load(text)
    yaml = _fitting(text, document)
    config = document.get("config")
    if config is None:
        config = document["config"] = CommentedMap()
    for key in [key for key in config if is_record(key) and key not in keys]:
        del config[key]
    for key, value in keys.items():
        fresh = _readable(value)
        if config.get(key) != value:
            config[key] = fresh
    return _dumped(yaml, document)


def _fitting(text: str, document: CommentedMap) -> YAML:
    """The writer that changes the fewest lines of this file when it changes nothing."""
    lines = text.splitlines()
    found, least = _writer(*_LISTS[0]), len(lines) + 1
    for indents in _LISTS:
        again = _dumped(yaml := _writer(*indents), document).splitlines()
        changed = sum(one != two for one, two in zip(lines, again, strict=False)) + abs(len(lines) - len(again))
        if changed < least:
            found, least = yaml, changed
        if not changed:
            break
    return found


def _writer(sequence: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=sequence, offset=offset)
    return yaml


def _load(text: str) -> CommentedMap:
    try:
        return _writer(*_LISTS[0]).load(text) or CommentedMap()
    except YAMLError as error:
        raise Invalid("the stack's file is no YAML", " ".join(str(error).split())) from error


def _dumped(yaml: YAML, document: Any) -> str:
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _readable(value: Any, depth: int = 0) -> Any:
    """One line per color: mappings below the first level are written in braces."""
    if isinstance(value, Mapping):
        found = CommentedMap((key, _readable(inner, depth + 1)) for key, inner in value.items())
        if depth > 0:
            found.fa.set_flow_style()
        return found
    if isinstance(value, str) and value[:2] == "20" and value[-1:] == "Z":
        return DoubleQuotedScalarString(value)  # a time in YAML unless quoted
    return value
