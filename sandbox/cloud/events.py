"""What happened in the sandbox, for people and tests to read: the last few thousand events."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.cloud.clock import Clock, timestamp


@dataclass(frozen=True)
class Event:
    number: int
    at: float  # simulated seconds
    time: str
    kind: str
    subject: str
    message: str


class EventLog:
    def __init__(self, clock: Clock, keep: int = 5000) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=keep)
        self._count = 0

    def add(self, kind: str, subject: str, message: str) -> None:
        self._count += 1
        self._events.append(Event(self._count, round(self._clock.now(), 3), timestamp(), kind, subject, message))

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Events with a higher number than that, oldest first."""
        return [asdict(event) for event in tuple(self._events) if event.number > number]
