"""The rule of a composite alarm: alarms' states joined by AND, OR and NOT. Pure."""

import re
from collections.abc import Callable

from sandbox.cloud.watch.judging import ALARM, INSUFFICIENT, OK

_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_]+)\b|(?P<sign>[()]))")
_NAME = re.compile(r"\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^()\s]+))\s*\)")
_STATES = {"ALARM": ALARM, "OK": OK, "INSUFFICIENT_DATA": INSUFFICIENT}

Rule = Callable[[Callable[[str], str]], bool]


class RuleError(ValueError):
    """Why a rule can't be read."""


def read(text: str) -> tuple[Rule, tuple[str, ...]]:
    """The rule, as a function of the function that gives an alarm's state, and the alarms that it names.

    Raises RuleError.
    """
    reader = _Reader(text)
    rule = reader.any_of()
    reader.end()
    return rule, tuple(dict.fromkeys(reader.names))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.names: list[str] = []

    def any_of(self) -> Rule:
        parts = [self._all_of()]
        while self._take("OR"):
            parts.append(self._all_of())
        return lambda state: any(part(state) for part in parts)

    def end(self) -> None:
        if self._text[self._at :].strip():
            raise RuleError(f"unexpected {self._text[self._at :].strip()!r}")

    def _all_of(self) -> Rule:
        parts = [self._one()]
        while self._take("AND"):
            parts.append(self._one())
        return lambda state: all(part(state) for part in parts)

    def _one(self) -> Rule:
        if self._take("NOT"):
            inner = self._one()
            return lambda state: not inner(state)
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                raise RuleError("')' is missing")
            return inner
        if self._take("TRUE"):
            return lambda _: True
        if self._take("FALSE"):
            return lambda _: False
        for word, wanted in _STATES.items():
            if self._take(word):
                return self._in_state(wanted)
        rest = self._text[self._at :].strip()
        raise RuleError(f"unexpected {rest!r}" if rest else "it ends too early")

    def _in_state(self, wanted: str) -> Rule:
        if not self._take("("):
            raise RuleError("'(' is missing")
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise RuleError("an alarm's name and ')' are missing")
        self._at = found.end()
        given = found["double"] or found["single"] or found["bare"] or ""
        name = given.partition(":alarm:")[2] if given.startswith("arn:") else given
        self.names.append(name)
        return lambda state: state(name) == wanted

    def _take(self, wanted: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found[found.lastgroup or 0].upper() != wanted:
            return False
        self._at = found.end()
        return True
