"""The API's own bad days, on request: throttled, slow or failing calls."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.cloud.clock import Clock
from sandbox.cloud.requests import AwsRequest


@dataclass(frozen=True)
class Spell:
    """`share` of the calls to `service` ("": all), until a simulated time, are `kind`: throttled, slow or failing."""

    kind: str
    share: float
    until: float
    service: str = ""
    delay: float = 0.0

    def hits(self, nth: int) -> bool:
        """Evenly spread, so that a share means that share in any run."""
        return int((nth + 1) * self.share) > int(nth * self.share)


class Weather:
    def __init__(self, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._spells: list[Spell] = []
        self._seen: Counter[Spell] = Counter()

    @property
    def spells(self) -> list[Spell]:
        now = self._clock.now()
        self._spells = [spell for spell in self._spells if spell.until > now]
        return list(self._spells)

    def begin(self, spell: Spell) -> None:
        self._spells.append(spell)

    def clear(self) -> None:
        self._spells = []

    def meets(self, request: AwsRequest) -> tuple[str, str, str] | None:
        """The status, code and message of what happens to this call; None: it gets through, maybe late."""
        if not self._spells:
            return None
        for spell in self.spells:
            if spell.service not in ("", request.service):
                continue
            self._seen[spell] += 1
            if not spell.hits(self._seen[spell] - 1):
                continue
            if spell.kind == "throttled":
                status = "503 Service Unavailable" if request.service == "ec2" else "400 Bad Request"
                return status, request.throttle_code, "Rate exceeded"
            if spell.kind == "failing":
                return "503 Service Unavailable", "ServiceUnavailable", "The service is unavailable, try again."
            self._sleep(spell.delay / self._clock.speed)
        return None
