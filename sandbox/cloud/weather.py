"""The API's own bad days, on request: calls that are throttled, slow, failing, carried out twice, or never answered."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.cloud.clock import Clock
from sandbox.cloud.requests import AwsRequest


class AnswerLost(ConnectionError):
    """The call took effect, and nobody will hear of it."""


@dataclass(frozen=True)
class Spell:
    """`share` of the calls to `service` ("": all) and of `operations` (none: all), until a simulated time, are `kind`.

    Kinds: throttled, slow (by `delay` simulated seconds), failing, lost, repeated.
    """

    kind: str
    share: float
    until: float
    service: str = ""
    delay: float = 0.0
    operations: tuple[str, ...] = ()

    def means(self, request: AwsRequest) -> bool:
        if self.service not in ("", request.service):
            return False
        return not self.operations or request.action.lower() in self.operations

    def hits(self, nth: int) -> bool:
        """Evenly spread, so that a share means that share in any run."""
        return int((nth + 1) * self.share) > int(nth * self.share)


@dataclass(frozen=True)
class Fate:
    """What happens to a call. `refusal`: the status, code and message with which it is not carried out."""

    refusal: tuple[str, str, str] | None = None
    lost: bool = False
    repeated: bool = False


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

    def meets(self, request: AwsRequest) -> Fate | None:
        """What happens to this call; None: it gets through, maybe late."""
        if not self._spells:
            return None
        for spell in self.spells:
            if not spell.means(request):
                continue
            self._seen[spell] += 1
            if not spell.hits(self._seen[spell] - 1):
                continue
            if spell.kind == "slow":
                self._sleep(spell.delay / self._clock.speed)
            else:
                return _fate(spell.kind, request)
        return None


def _fate(kind: str, request: AwsRequest) -> Fate:
    if kind == "throttled":
        status = "503 Service Unavailable" if request.service == "ec2" else "400 Bad Request"
        return Fate((status, request.throttle_code, "Rate exceeded"))
    if kind == "failing":
        return Fate(("503 Service Unavailable", "ServiceUnavailable", "The service is unavailable, try again."))
    return Fate(lost=kind == "lost", repeated=kind == "repeated")
