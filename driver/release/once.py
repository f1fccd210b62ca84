"""A command of a release that runs once, and what is kept of it beside the record. Pure."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass, replace
from typing import Literal

SCHEMA = 1
State = Literal["wanted", "begun", "failed", "done"]
_STATES = ("wanted", "begun", "failed", "done")
_SPOKEN = {
    "wanted": "has not run yet",
    "begun": "was begun, and nobody has seen it end",
    "failed": "failed",
    "done": "has succeeded",
}


class NotNow(Exception):
    """A command can't be begun there now, for this reason, and none was."""


@dataclass(frozen=True)
class Once:
    """The command of one fill. `attempt` and `place`: by which name, and where, it was begun."""

    fill: int
    words: tuple[str, ...]
    state: State = "wanted"
    attempt: str = ""
    place: str = ""
    """An instance, or the service whose definition a task of its own runs."""

    def following(self, capacity: str, place: str) -> Once:
        """The next attempt, begun at a place. `capacity`: the name of what it runs on, which no other fill ever has.

        Whoever goes on from the same attempt gives the next one the same name, and of one name none is run twice.
        """
        before = json.dumps([capacity, self.fill, self.words, self.attempt])
        name = hashlib.sha256(before.encode()).hexdigest()[:12]
        return replace(self, state="begun", attempt=name, place=place)

    def text(self) -> str:
        return json.dumps(
            {
                "schema": SCHEMA,
                "fill": self.fill,
                "words": list(self.words),
                "state": self.state,
                "attempt": self.attempt,
                "place": self.place,
            }
        )

    def __str__(self) -> str:
        return f"`{shlex.join(self.words)}` {_SPOKEN[self.state]}"


def parse(text: str) -> Once | None:
    """What a parameter's text says; None for what is none of ours."""
    try:
        data = json.loads(text)
        state = str(data["state"])
        if state not in _STATES or not data["words"]:
            return None
        words = tuple(str(word) for word in data["words"])
        return Once(int(data["fill"]), words, state, str(data["attempt"]), str(data["place"]))  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError):
        return None
