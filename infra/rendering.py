"""Fills the templates. Pure: the same values give the same bytes; imports no Pulumi."""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent / "templates"
# EC2's limit on user data, raw, before base64.
USER_DATA_LIMIT = 16 * 1024
_PLAIN = re.compile(r"[!-~]*")


class RenderingError(ValueError):
    """A value that can't stand in a script, or a text that is too long for where it goes."""


def source(template: str) -> str:
    """A template's own text."""
    return (_FOLDER / template).read_text(encoding="utf-8")


def render(template: str, /, **values: str | int | tuple[str, ...]) -> str:
    """A template with its values, which are printable ASCII without blanks, as every one of a release is."""
    for name, value in values.items():
        for part in value if isinstance(value, tuple) else (str(value),):
            if not _PLAIN.fullmatch(part) or any(sign in part for sign in "'\"\\`$%{}"):
                raise RenderingError(f"{name}: {part!r} can't stand in {template}")
    return _environment().get_template(template).render(values)


def user_data(script: str) -> str:
    """A script as a launch template takes it. Raises RenderingError above EC2's 16 KB."""
    raw = script.encode()
    if len(raw) > USER_DATA_LIMIT:
        raise RenderingError(f"user data of {len(raw)} bytes: EC2 takes {USER_DATA_LIMIT}")
    return base64.b64encode(raw).decode()


@cache
def _environment() -> Environment:
    # S701: these are shell scripts, for which HTML escaping would be wrong; `render` refuses what could break out.
    return Environment(loader=FileSystemLoader(_FOLDER), undefined=StrictUndefined, keep_trailing_newline=True)
