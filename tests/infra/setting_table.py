"""Every setting as the models have it: key, default, what is allowed. docs/settings.md is held to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra import settings
from infra.setting_models import Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
_HEAD = ("setting", "default", "allowed", "what it is for")


@dataclass(frozen=True)
class Row:
    """One setting. `key` is below `bluegreen:`; `[]` stands for each of a list, `NAME` for each of a mapping."""

    key: str
    default: str
    allowed: str


def rows(model: type[BaseModel] = Settings, above: str = "") -> Iterator[Row]:
    for name, info in model.model_fields.items():
        if model is Settings and name in ("project", "stack"):
            continue
        key, inner = above + (info.alias or name), next(settings._models(info.annotation), None)
        many = _many(info.annotation)
        if inner is None or many or _optional(info):
            yield Row(key, _default(info), _allowed(info))
        if inner is not None:
            yield from rows(inner, key + many + ".")


def _many(annotation: Any) -> str:
    """`[]` for a list of objects, `.NAME` for a mapping of them."""
    if get_origin(annotation) is tuple:
        return "[]"
    if get_origin(annotation) is dict:
        return ".NAME"
    return next((found for part in get_args(annotation) if (found := _many(part))), "")


def _optional(info: FieldInfo) -> bool:
    return not info.is_required() and info.default is None


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    return "—" if value in (None, (), {}, "") else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _allowed(info: FieldInfo) -> str:
    inner = next(settings._models(info.annotation), None)
    text = info.description or next(settings._descriptions(info.annotation), None)
    return text or (f"an object of {', '.join(settings._names(inner))}" if inner else "text")


def written() -> dict[str, tuple[str, str, str]]:
    """What the document's tables say: key -> default, allowed, what it is for."""
    found: dict[str, tuple[str, str, str]] = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").replace("\\|", "\0").split("|")]
        if line.startswith("| `") and len(cells) == len(_HEAD):
            key, default, allowed, purpose = (cell.replace("\0", "|") for cell in cells)
            assert key.strip("`") not in found, f"{key} stands there twice"
            found[key.strip("`")] = (default, allowed, purpose)
    return found


def line(row: Row, purpose: str) -> str:
    cells = (f"`{row.key}`", row.default, row.allowed, purpose)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
