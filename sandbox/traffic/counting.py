"""The running counts behind `wire.Counters`."""

from bisect import bisect_left
from collections import Counter

from sandbox.traffic.wire import LATENCY_EDGES, Tally

CLASSES = ("", "1XX", "2XX", "3XX", "4XX", "5XX")


class Count:
    """What `wire.Tally` says, while it grows."""

    __slots__ = (
        *("connection_errors", "cut_short", "elb_codes", "fixed_responses", "latency", "latency_sum"),
        *("redirects", "requests", "target_codes"),
    )

    def __init__(self) -> None:
        self.requests = self.connection_errors = self.cut_short = self.fixed_responses = self.redirects = 0
        self.target_codes = [0] * len(CLASSES)
        self.elb_codes: Counter[str] = Counter()
        self.latency = [0] * (len(LATENCY_EDGES) + 1)
        self.latency_sum = 0.0

    def tally(self) -> Tally:
        return Tally(
            requests=self.requests,
            target_codes={name: n for name, n in zip(CLASSES, self.target_codes, strict=True) if n},
            elb_codes=dict(self.elb_codes),
            connection_errors=self.connection_errors,
            fixed_responses=self.fixed_responses,
            redirects=self.redirects,
            cut_short=self.cut_short,
            latency=tuple(self.latency),
            latency_sum=self.latency_sum,
        )


class Counts:
    """All of them. A count outlives what it counts: a target that comes back goes on where it was."""

    def __init__(self) -> None:
        self.listeners: dict[str, Count] = {}
        self.rules: dict[str, Count] = {}
        self.groups: dict[str, Count] = {}
        self.targets: dict[str, Count] = {}


def answered(places: tuple[Count, ...], status: int, seconds: float) -> None:
    """A target's answer has begun, that long after it was asked."""
    family = min(status // 100, 5)
    bucket = bisect_left(LATENCY_EDGES, seconds)
    for count in places:
        count.target_codes[family] += 1
        count.latency[bucket] += 1
        count.latency_sum += seconds
