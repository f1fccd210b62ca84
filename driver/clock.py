"""Time: the wall clock for what is written down, and waits that a sandbox's speed divides."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The real clock. With a speed above 1 every wait, and every time limit, is that much shorter."""

    def __init__(self, speed: float | None = None) -> None:
        self.speed = speed or _speed()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def later(self, seconds: float) -> datetime:
        """The moment at which a wait of so many seconds, started now, will be over."""
        return self.now() + timedelta(seconds=seconds / self.speed)

    def since(self, moment: datetime) -> float:
        """How long ago that was, in the time that waits are given in; 0 for what is yet to come."""
        return max(0.0, (self.now() - moment).total_seconds()) * self.speed

    def elapsed(self) -> float:
        """Seconds since some fixed moment, counted in the time that waits are given in."""
        return time.monotonic() * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


def _speed() -> float:
    try:
        return max(float(os.environ.get("BLUEGREEN_CLOCK_SPEED", "1")), 0.001)
    except ValueError:
        return 1.0
