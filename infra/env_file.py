r"""An environment file that Compose reads as it was meant. Pure; imports no Pulumi.

Compose's own grammar expands `$`, cuts at ` #`, drops blanks and keeps some backslashes, all depending on the quotes.
So one form only: NAME="value", with \\ \" \$ \n \r \t for the six signs that mean something between double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# POSIX's portable names. Compose takes dots, dashes and brackets too, which no shell in a container could read.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SIGNS = re.compile(r'[\\"$\n\r\t]')
# Linux takes 128 KiB for one string of an environment (MAX_ARG_STRLEN): NAME=value and a zero byte.
_LONGEST = 128 * 1024 - 1
OWN = "BLUEGREEN_"
"""What the names begin with that an instance sets itself."""
RESERVED = frozenset({"PORT"})


class UnfitVariable(ValueError):
    """A name or value that no environment can hold, or that an instance sets itself."""


def refusal(name: str, value: str | None = None) -> str | None:
    """Why a variable can't be set, or None. The value is never part of the answer: it may be secret."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name of a variable: letters, digits and _, not a digit first"
    if name.startswith(OWN) or name in RESERVED:
        return f"{name} is set by the instance itself"
    if value is None:
        return None
    if "\0" in value:
        return f"{name} has a zero byte, at which every environment ends"
    try:
        size = len(f"{name}={value}".encode())
    except UnicodeEncodeError:
        return f"{name} has a lone surrogate, which is no text"
    if size > _LONGEST:
        return f"{name} has {size} bytes with its name; Linux takes {_LONGEST}"
    return None


def rendered(variables: Mapping[str, str]) -> str:
    """The file's text, a line each, by name. Raises UnfitVariable."""
    for name, value in variables.items():
        if why := refusal(name, value):
            raise UnfitVariable(why)
    return "".join(f"{name}={quoted(variables[name])}\n" for name in sorted(variables))


def quoted(value: str) -> str:
    """A value as it stands behind the equals sign."""
    return '"' + _SIGNS.sub(lambda sign: _ESCAPED[sign[0]], value) + '"'
