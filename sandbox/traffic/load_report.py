"""What a load has seen: each request's outcome, counted by the second and over all. Pure."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

FAILURES_KEPT = 50
_STEP = math.log(1.02)  # buckets 2 % wide: a percentile is off by no more


@dataclass(frozen=True)
class Outcome:
    """`kind`: ok, 4xx, 5xx, refused, reset, timeout, garbled. `latency`: seconds from when it should have been sent."""

    at: float
    kind: str
    status: int
    color: str
    version: str
    latency: float


class Window:
    """Outcomes of some time. `sent` counts requests that were due then, the others those that ended then."""

    def __init__(self) -> None:
        self.sent = self.ok = self.failed = 0
        self.kinds: Counter[str] = Counter()
        self.colors: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self._buckets: Counter[int] = Counter()

    def add(self, outcome: Outcome) -> None:
        if outcome.kind == "ok":
            self.ok += 1
        else:
            self.failed += 1
            self.kinds[outcome.kind] += 1
        if outcome.color:
            self.colors[outcome.color] += 1
        if outcome.version:
            self.versions[outcome.version] += 1
        self._buckets[round(math.log(max(outcome.latency, 1e-6)) / _STEP)] += 1

    def percentile(self, percent: float) -> float | None:
        """Milliseconds."""
        wanted = self._buckets.total() * percent / 100
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return round(math.exp(bucket * _STEP) * 1000, 3)
        return None

    def line(self, at: float) -> dict[str, Any]:
        return {
            "t": round(at, 3),
            "sent": self.sent,
            "ok": self.ok,
            "failed": self.failed,
            "by_kind": dict(self.kinds),
            "by_color": dict(self.colors),
            "by_version": dict(self.versions),
            "latency_ms": {f"p{percent}": self.percentile(percent) for percent in (50, 95, 99)},
        }


class Tally:
    """The second that runs and the whole."""

    def __init__(self) -> None:
        self.whole = Window()
        self.second = Window()
        self._failures: list[dict[str, Any]] = []

    def sent(self) -> None:
        self.whole.sent += 1
        self.second.sent += 1

    def ended(self, outcome: Outcome) -> None:
        self.whole.add(outcome)
        self.second.add(outcome)
        if outcome.kind != "ok" and len(self._failures) < FAILURES_KEPT:
            failure = {"t": round(outcome.at, 3), "kind": outcome.kind, "status": outcome.status}
            self._failures.append({**failure, "color": outcome.color, "version": outcome.version})

    def next_second(self, at: float) -> dict[str, Any]:
        line, self.second = self.second.line(at), Window()
        return line

    def final(self, at: float, started: float) -> dict[str, Any]:
        return {"final": True, "started": started, **self.whole.line(at), "failures": self._failures}


@dataclass(frozen=True)
class Report:
    """A load's last line. `started` is a POSIX time; `seconds` and each failure's `t` count from it."""

    started: float
    seconds: float
    sent: int
    ok: int
    failed: int
    by_kind: dict[str, int]
    by_color: dict[str, int]
    by_version: dict[str, int]
    latency_ms: dict[str, float | None]
    failures: tuple[dict[str, Any], ...] = field(default=())

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Report":
        names = ("started", "sent", "ok", "failed", "by_kind", "by_color", "by_version", "latency_ms")
        return cls(seconds=line["t"], failures=tuple(line["failures"]), **{name: line[name] for name in names})
