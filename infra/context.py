"""Who runs an update, why, and when: what the record notes of it. Pure; imports no Pulumi."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Context:
    """What the driver tells the program about one update."""

    who: str = ""
    why: str = ""
    now: datetime | None = None
    """The time that holds are counted from; None: the system's."""
    finish_first: bool = False
    """The stack's own state shows a first deploy that failed half-way: it may go on although a balancer exists."""

    @property
    def time(self) -> datetime:
        return self.now or datetime.now(UTC)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Context:
        """What a plain `pulumi up` knows: BLUEGREEN_WHO and BLUEGREEN_WHY, else the user's name."""
        return cls(environ.get("BLUEGREEN_WHO") or _user(environ), environ.get("BLUEGREEN_WHY", ""))


def _user(environ: Mapping[str, str]) -> str:
    try:
        return environ.get("USER") or getpass.getuser()
    except (OSError, KeyError):
        return ""
