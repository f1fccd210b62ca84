"""Simulated time: everything that lasts some time in the sandbox's AWS lasts 1/speed of it here."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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


class Calendar:
    """Simulated time as dates and back: the dates are real, so a simulated minute is 60/speed seconds of them."""

    def __init__(self, clock: Clock, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._started = wall() - clock.now() / clock.speed

    def now(self) -> datetime:
        return self.of(self._clock.now())

    def of(self, simulated: float) -> datetime:
        """To the millisecond, which is as exact as AWS's answers are."""
        seconds = round(self._started + simulated / self._clock.speed, 3)
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)

    def simulated(self, date: datetime) -> float:
        """`date` without a zone is in UTC."""
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return (aware.timestamp() - self._started) * self._clock.speed

    @property
    def blur(self) -> float:
        """By how many simulated seconds a date may be off that was rounded to its millisecond."""
        return 0.001 * self._clock.speed


def timestamp(at: datetime | None = None) -> str:
    """As AWS writes times into activities and events."""
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
