"""What a command comes to that nobody here executes: its words decide. Pure.

`sleep N` takes N simulated seconds, `exit N` ends with N, `false` and whatever holds `fail` end with 1, all else
succeeds.
"""

import re
from dataclasses import dataclass

_SLEEP, _EXIT = re.compile(r"\bsleep (\d+(?:\.\d+)?)"), re.compile(r"\bexit (\d+)")


@dataclass(frozen=True)
class Simulated:
    """Simulated seconds that a command takes, and its exit code."""

    seconds: float
    code: int


def simulated(text: str) -> Simulated:
    """`text`: the command's words, with blanks between them."""
    pause, stated = _SLEEP.search(text), _EXIT.search(text)
    code = int(stated[1]) if stated else int("fail" in text or "false" in text.split())
    return Simulated(float(pause[1]) if pause else 0.0, code)
