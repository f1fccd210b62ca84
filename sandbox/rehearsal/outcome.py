"""What a rehearsal saw: values, and the document that the command prints of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.rehearsal.acts import Act


@dataclass(frozen=True)
class Tally:
    """Requests as the clients counted them, from the start of the load."""

    sent: int = 0
    failed: int = 0
    by_color: Mapping[str, int] = field(default_factory=dict)

    def since(self, earlier: Tally) -> Tally:
        """What came after an earlier tally."""
        colors = {*self.by_color, *earlier.by_color}
        return Tally(
            self.sent - earlier.sent,
            self.failed - earlier.failed,
            {color: self.by_color.get(color, 0) - earlier.by_color.get(color, 0) for color in sorted(colors)},
        )


@dataclass(frozen=True)
class Played:
    """One act as it went. `seconds` are of the wall clock, the verb's whole process included."""

    act: Act
    exit_code: int
    seconds: float
    document: Mapping[str, Any]
    requests: Tally
    errors: str = ""

    @property
    def as_it_should(self) -> bool:
        return self.exit_code in self.act.allowed and self.requests.failed == 0

    @property
    def stack_updates(self) -> int:
        return int(self.document.get("stack_updates", 0))

    @property
    def told(self) -> str:
        """What it came to, and how soon the traffic moved where a verb moves that before all else."""
        outcome = str(self.document.get("outcome") or f"exit {self.exit_code}")
        moved = self.document.get("moved_seconds")
        return outcome if moved is None else f"{outcome}, traffic after {moved:.1f} s"

    def data(self) -> dict[str, Any]:
        return {
            "verb": self.act.title,
            "exit_code": self.exit_code,
            "outcome": self.document.get("outcome"),
            "reason": self.document.get("reason"),
            "seconds": round(self.seconds, 2),
            "stack_updates": self.stack_updates,
            "steps": self.document.get("steps", []),
            "requests": {"failed": self.requests.failed, "by_color": dict(self.requests.by_color)},
        }


@dataclass(frozen=True)
class Rehearsed:
    """The whole play. `latency_ms` is what clients waited, from the moment a request was due."""

    project: str
    stack: str
    engine: str
    speed: float
    rate: float
    played: tuple[Played, ...]
    requests: Tally
    latency_ms: Mapping[str, float]
    failures: tuple[Mapping[str, Any], ...]
    seconds: float
    fault: str | None = None
    complete: bool = True
    """Whether every act was reached."""

    @property
    def transitions(self) -> tuple[Played, ...]:
        return tuple(played for played in self.played if played.act.shifts)

    @property
    def exit_code(self) -> int:
        """0 only if every act went as it should and no request failed; else the first wrong act's code, or 1."""
        wrong = [played.exit_code for played in self.played if played.exit_code not in played.act.allowed]
        if wrong:
            return wrong[0] or 1
        return 0 if self.complete and self.requests.failed == 0 else 1

    @property
    def reason(self) -> str:
        for played in self.played:
            if played.exit_code not in played.act.allowed:
                said = played.document.get("reason") or played.errors.strip().rpartition("\n")[2]
                return f"{played.act.title} ended with exit {played.exit_code}: {said}"
        if self.requests.failed:
            return f"{self.requests.failed} of {self.requests.sent} requests failed"
        if not self.complete:
            return "the play was cut short"
        return f"{self.requests.sent:,} requests, none failed"

    def document(self) -> dict[str, Any]:
        """The document of `--output json`."""
        return {
            "schema": 1,
            "verb": "rehearse",
            "stack": self.stack,
            "project": self.project,
            "exit_code": self.exit_code,
            "outcome": "rehearsed" if self.exit_code == 0 else "failed",
            "reason": self.reason,
            "next": f"bluegreen -s {self.stack} deploy IMAGE" if self.exit_code == 0 else None,
            "engine": self.engine,
            "simulated": "a sandbox: AWS is simulated, the app is a stand-in",
            "speed": self.speed,
            "rate": self.rate,
            "fault": self.fault,
            "seconds": round(self.seconds, 1),
            "stack_updates": sum(played.stack_updates for played in self.played),
            "requests": {
                "total": self.requests.sent,
                "failed": self.requests.failed,
                "by_color": dict(self.requests.by_color),
            },
            "latency_ms": dict(self.latency_ms),
            "failures": [dict(failure) for failure in self.failures],
            "transitions": [played.data() for played in self.transitions],
            "acts": [played.data() for played in self.played],
        }
