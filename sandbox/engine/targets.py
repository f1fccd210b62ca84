"""Which resources an update is limited to: exact URNs and globs. `*` stops at a colon, `**` does not."""

from __future__ import annotations

import re
from collections.abc import Iterable


def glob(pattern: str) -> re.Pattern[str]:
    spans = ("[^:]*".join(map(re.escape, part.split("*"))) for part in pattern.split("**"))
    return re.compile(".*".join(spans), re.DOTALL)


class Targets:
    """No patterns at all: everything is meant."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        patterns = list(patterns)
        self.literals = [text for text in patterns if "*" not in text]
        self._exact = set(self.literals)
        self._globs = [glob(text) for text in patterns if "*" in text]

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self._exact or self._globs)

    def __contains__(self, urn: str) -> bool:
        return not self or urn in self._exact or any(pattern.fullmatch(urn) for pattern in self._globs)
