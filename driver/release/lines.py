"""Log lines of a color's instances, and what the one says that a boot that failed leaves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_FAILED = re.compile(r"BLUEGREEN BOOT FAILED step=(?P<step>\S*) status=\S* line=\S* reason=(?P<reason>.*)", re.DOTALL)
_FEW = 3


@dataclass(frozen=True)
class Line:
    """One event of a log group.

    Streams are named `<instance>/<part>`: boot, failure, nginx, app1 …; those of tasks `<fill>/app/<task>`.
    """

    id: str
    when: datetime
    stream: str
    text: str

    @property
    def instance(self) -> str:
        first, *rest = self.stream.split("/")
        return rest[1] if len(rest) == 2 else first

    @property
    def part(self) -> str:
        _, *rest = self.stream.split("/")
        return rest[0] if len(rest) == 2 else "/".join(rest)


@dataclass(frozen=True)
class LostLaunch:
    """An instance that never came into service; `id` is empty where none was launched."""

    id: str
    reason: str


def boot_failure(text: str) -> str:
    """Where and why a boot failed, of the line that it left; empty for any other line."""
    found = _FAILED.search(text)
    if found is None:
        return ""
    reason = " ".join(found["reason"].split())
    return f"boot failed at {found['step']}: {reason}" if reason else f"boot failed at {found['step']}"


def told(lost: Iterable[LostLaunch]) -> tuple[str, ...]:
    """Each reason once, with the instances that gave it; the newest first, and no more than a few."""
    by_reason: dict[str, list[str]] = {}
    for launch in lost:
        # What is said of an instance often names it; that alone is no other reason.
        same = launch.reason.replace(launch.id, "the instance") if launch.id else launch.reason
        by_reason.setdefault(same, []).append(launch.id)
    lines = []
    for reason, ids in list(by_reason.items())[:_FEW]:
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        lines.append(f"{ids[0]}{more}: {reason}" if ids[0] else reason)
    return tuple(lines)
