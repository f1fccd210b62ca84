"""Environment files as Compose reads them: quotes, escapes, and what it refuses. Pure. Nothing is interpolated."""

import re
from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-\[\]]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


class BadEnvFile(Exception):
    """Why Compose doesn't take a file, with the line; never with a value, which may be secret."""


def parse(text: str, name: str) -> dict[str, str]:
    """The variables of a file. Raises BadEnvFile."""
    found: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        variable, equals, rest = stripped.removeprefix("export ").partition("=")
        variable = variable.rstrip()
        if not _NAME.fullmatch(variable):
            odd = next((sign for sign in variable if not re.match(r"[A-Za-z0-9_.\-\[\]]", sign)), variable[:1] or "=")
            raise BadEnvFile(f"failed to read {name}: line {number}: unexpected character {odd!r} in variable name")
        if equals:  # a name alone is taken from the engine's own environment, where it isn't
            found[variable] = _value(rest.lstrip(), lines, f"failed to read {name}: line {number}")
    return found


def _value(rest: str, lines: Iterator[tuple[int, str]], where: str) -> str:
    quote = rest[:1]
    if quote not in ("'", '"'):
        return re.split(r"\s#", rest, maxsplit=1)[0].strip()
    text = rest[1:]
    while (end := _end(text, quote)) is None:
        _, more = next(lines, (0, None))
        if more is None:
            raise BadEnvFile(f"{where}: unterminated quoted value")
        text += "\n" + more
    return text[:end] if quote == "'" else re.sub(r"\\(.)", lambda sign: _escaped(sign[1]), text[:end])


def _end(text: str, quote: str) -> int | None:
    """Where the closing quote is."""
    escaped = False
    for at, sign in enumerate(text):
        if sign == quote and not escaped:
            return at
        escaped = sign == "\\" and not escaped and quote == '"'
    return None


def _escaped(sign: str) -> str:
    return _ESCAPES.get(sign, "\\" + sign)
