"""What people are told of a transition, and where. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from infra.record import stamp

SCHEMA = 1

Event = Literal["started", "finished", "failed", "rolled back"]

_SIGNS: Mapping[str, str] = {"started": "▶", "finished": "✓", "failed": "✗", "rolled back": "↩"}
_FACTS = ("from", "to", "weight", "generation", "exit_code")


@dataclass(frozen=True)
class Notify:
    """Who is told: an SNS topic, an address that takes our document, a chat that takes a text. Empty: nobody."""

    topic: str = ""
    webhook: str = ""
    chat: str = ""

    @property
    def anyone(self) -> bool:
        return bool(self.topic or self.webhook or self.chat)


@dataclass(frozen=True)
class News:
    """One event of one transition. `facts` may say from, to, weight, generation and exit_code."""

    event: Event
    project: str
    stack: str
    what: str
    why: str
    who: str
    when: datetime
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """For programs; every field is always there."""
        return {
            "schema": SCHEMA,
            "event": self.event,
            "project": self.project,
            "stack": self.stack,
            "what": self.what,
            "why": self.why,
            "who": self.who,
            "when": stamp(self.when),
            **{name: self.facts.get(name) for name in _FACTS},
        }

    def text(self) -> str:
        """The same document, as it is sent."""
        return json.dumps(self.document(), ensure_ascii=False, default=str)

    def line(self) -> str:
        """For people, in a chat: no markup, since each chat has its own."""
        why = f" ({self.why})" if self.why else ""
        return f"{_SIGNS[self.event]} {self.project} · {self.stack}: {self.what}{why}, by {self.who}"

    def subject(self) -> str:
        """For an e-mail. SNS takes 100 characters of ASCII without line breaks, and refuses any other."""
        text = " ".join(f"{self.project} {self.stack} {self.event}: {self.what}".split())
        return text.replace("→", "->").encode("ascii", "replace").decode()[:99]
