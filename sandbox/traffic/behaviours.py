"""How a demo app misbehaves, and which image tags ask for it. Pure."""

from dataclasses import dataclass

# What `kind=amount` means, and the amount where none is given.
AMOUNTS = {
    "ok": 0.0,
    "never-healthy": 0.0,
    "slow-start": 15.0,  # seconds from listening until it is healthy; until then it answers 503
    "slow": 0.7,  # seconds that each answer takes longer; above the 500 ms that users were promised
    "errors": 0.2,  # share of requests that get a 500
    "dies": 20.0,  # seconds from listening until it is gone
}


@dataclass(frozen=True)
class Behaviour:
    kind: str
    amount: float

    def healthy(self, uptime: float) -> bool:
        """What `/health/deep` says, that many seconds after the app began to listen."""
        return self.kind != "never-healthy" and self.warm(uptime)

    def warm(self, uptime: float) -> bool:
        return self.kind != "slow-start" or uptime >= self.amount

    @property
    def delay(self) -> float:
        return self.amount if self.kind == "slow" else 0.0

    def fails(self, nth: int) -> bool:
        """Whether the nth request (from 0) gets a 500: evenly spread, so that a share means that share."""
        return self.kind == "errors" and int((nth + 1) * self.amount) > int(nth * self.amount)


def parse(text: str) -> Behaviour:
    """From `kind` or `kind=amount`. Raises ValueError."""
    kind, _, amount = text.partition("=")
    if kind not in AMOUNTS:
        raise ValueError(f"no behaviour {kind!r}: one of {', '.join(AMOUNTS)}")
    return Behaviour(kind, float(amount) if amount else AMOUNTS[kind])


def of_tag(tag: str) -> str:
    """The behaviour that an image's tag names, whole or between dashes (`v2-slow-start`): else `ok`."""
    named = [kind for kind in AMOUNTS if f"-{kind}-" in f"-{tag}-"]
    return max(named, key=len, default="ok")
