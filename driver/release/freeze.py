"""A freeze: the reason why nothing is to be released for now, who said so, and when. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Freeze:
    """What lies in the parameter store while releases are frozen."""

    reason: str
    who: str = ""
    when: str = ""

    def text(self) -> str:
        return json.dumps({"schema": SCHEMA, **self.data()}, ensure_ascii=False)

    def data(self) -> dict[str, Any]:
        return {"reason": self.reason, "who": self.who, "when": self.when}

    def __str__(self) -> str:
        by = " ".join(part for part in (f"by {self.who}" if self.who else "", f"at {self.when}" if self.when else ""))
        return f"{self.reason} (frozen {by.strip()})" if by.strip() else self.reason


def parse(text: str) -> Freeze | None:
    """What a parameter's text says; None for an empty one. Whatever else lies there freezes too."""
    if not text.strip():
        return None
    try:
        data = json.loads(text)
        return Freeze(str(data["reason"]), str(data.get("who") or ""), str(data.get("when") or ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Freeze(text.strip())


def says(sentence: str, reason: str) -> bool:
    """Whether a sentence is of a freeze for this reason."""
    return sentence == reason or sentence.startswith(f"{reason} (frozen ")


def sentence(text: str) -> str:
    """The same in one sentence for people; empty where nothing is frozen."""
    found = parse(text)
    return str(found) if found else ""
