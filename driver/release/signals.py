"""What CloudWatch says of a color: alarms, and how many requests it has answered. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Alarm:
    """An alarm as it is. `state`: `OK`, `ALARM` or `INSUFFICIENT_DATA`; `reason` is CloudWatch's own.

    `fired`: it was in `ALARM` at some time since the moment that was asked for, also if it no longer is.
    """

    name: str
    state: str
    reason: str = ""
    fired: bool = False


@dataclass(frozen=True)
class Served:
    """Requests that targets have answered, and how many of them with a 5xx."""

    requests: int = 0
    errors: int = 0
