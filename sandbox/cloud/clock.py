"""Simulated time: everything that lasts some time in the sandbox's AWS lasts 1/speed of it here."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

NEVER = float("inf")


class Clock(Protocol):
    @property
    def speed(self) -> float: ...

    def now(self) -> float:
        """Simulated seconds since the sandbox started."""
        ...


class ScaledClock:
    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not 0 < speed <= 1000:
            raise ValueError(f"speed must be above 0 and at most 1000, not {speed}")
        self._speed = speed
        self._monotonic = monotonic
        self._started = monotonic()

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> float:
        return (self._monotonic() - self._started) * self._speed


def timestamp(at: datetime | None = None) -> str:
    """As AWS writes times into activities and events."""
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
