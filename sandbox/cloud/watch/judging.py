"""Which state a metric alarm is in by its latest datapoints. Pure.

The rules are those of the CloudWatch User Guide, "Evaluating an alarm" and "How alarm state is evaluated when data is
missing", and its two tables of examples.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"

_COMPARED: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}
# So many periods more than are evaluated are looked at, for what late or missing data leaves.
BEYOND = 2


@dataclass(frozen=True)
class Terms:
    """`needed` of the latest `periods` datapoints must breach."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"

    @property
    def range(self) -> int:
        return self.periods + BEYOND

    def breaches(self, value: float) -> bool:
        return _COMPARED[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Datum:
    """A period's datapoint: when it began, as people read it, and its value, if there is one."""

    began: str
    value: float | None


@dataclass(frozen=True)
class Verdict:
    """`state` None: as it was. `latest`: the value that it rests on last."""

    state: str | None
    reason: str = ""
    evaluated: tuple[Datum, ...] = ()
    latest: float | None = None


def comparisons() -> tuple[str, ...]:
    return tuple(_COMPARED)


def judge(data: Sequence[Datum], terms: Terms) -> Verdict:
    """By the datapoints of `terms.range` periods, oldest first."""
    real = tuple(datum for datum in data if datum.value is not None)
    if len(real) >= terms.periods:
        return _counted(real[-terms.periods :], terms)
    filled = terms.periods - len(real)
    if terms.missing in _TREATED:
        return _counted(real, terms, filled)
    breaching = [datum for datum in real if datum.value is not None and terms.breaches(datum.value)]
    if len(breaching) >= terms.needed or len(breaching) < len(real):
        return _counted(real, terms)
    if terms.missing == "ignore":
        return Verdict(None, evaluated=real)
    # A breach that is old enough, with nothing better since, is no matter of late data any more.
    if real and len(data) - data.index(real[0]) >= terms.needed:
        return Verdict(ALARM, _crossed(real, terms, breaching=True), real, real[-1].value)
    return Verdict(INSUFFICIENT, _unknown(filled), real)


def _counted(real: tuple[Datum, ...], terms: Terms, filled: int = 0) -> Verdict:
    bad = sum(1 for datum in real if datum.value is not None and terms.breaches(datum.value))
    if terms.missing == "breaching":
        bad += filled
    breaching = bad >= terms.needed
    reason = _crossed(real, terms, breaching) if real else _treated(filled, terms)
    return Verdict(ALARM if breaching else OK, reason, real, real[-1].value if real else None)


def _crossed(real: tuple[Datum, ...], terms: Terms, breaching: bool) -> str:
    told = [datum for datum in real if datum.value is not None and terms.breaches(datum.value) == breaching]
    values = ", ".join(f"{datum.value} ({datum.began})" for datum in reversed(told))
    one = len(told) == 1
    how = f"{'was' if one else 'were'} {'' if breaching else 'not '}{_COMPARED[terms.comparison][1]}"
    needed = terms.needed if breaching else terms.periods - terms.needed + 1
    change = "OK -> ALARM" if breaching else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(told)} out of the last {len(real)} datapoints [{values}] {how} the threshold "
        f"({float(terms.threshold)}) (minimum {needed} datapoint{'' if needed == 1 else 's'} for {change} transition)."
    )


def _treated(filled: int, terms: Terms) -> str:
    were = "missing datapoint was" if filled == 1 else "missing datapoints were"
    return (
        f"Threshold Crossed: no datapoints were received for {filled} period{'' if filled == 1 else 's'} and "
        f"{filled} {were} treated as [{_TREATED[terms.missing]}]."
    )


def _unknown(filled: int) -> str:
    return f"Insufficient Data: {filled} datapoint{' was' if filled == 1 else 's were'} unknown."
