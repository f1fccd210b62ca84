"""The way of one shift: what it passes through, how long it bakes there, where it pauses. Pure.

It is written into the record with the first weight, so that whoever carries the shift on goes the same way, whatever
the settings say by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from driver.release.moves import Refusal
from driver.release.requests import Leniency, Promote
from driver.release.terms import Strategy, Terms
from infra.record import Transition

LONGEST = 86_400
"""Seconds of the longest bake. A shift that stands longer is two releases side by side, not a release."""


@dataclass(frozen=True)
class Course:
    """Rising shares of the standby without the last of 100, and seconds of bake at each; `max_bake` bounds any."""

    name: str
    weights: tuple[int, ...] = ()
    bakes: tuple[int, ...] = ()
    max_bake: int = 0
    pause_after: int | None = None
    gates: Mapping[str, Leniency] = field(default_factory=dict)

    @property
    def gradual(self) -> bool:
        return bool(self.weights)

    def after(self, weight: int) -> int:
        """Index of the first share above `weight`; as many as there are shares when only 100 is left."""
        return next((index for index, share in enumerate(self.weights) if share > weight), len(self.weights))

    def bake_at(self, weight: int) -> int:
        """Seconds to stay at a share. One that the course doesn't name is not stayed at."""
        return dict(zip(self.weights, self.bakes, strict=True)).get(weight, 0)

    def asked(self) -> dict[str, Any]:
        """As the record notes it."""
        noted: dict[str, Any] = {
            "strategy": self.name,
            "weights": list(self.weights),
            "bakes": list(self.bakes),
            "maxBake": self.max_bake,
        }
        if self.pause_after is not None:
            noted["pauseAfter"] = self.pause_after
        if self.gates:
            noted["gates"] = dict(self.gates)
        return noted

    def __str__(self) -> str:
        if not self.gradual:
            return self.name
        shares = " → ".join(f"{weight} %" for weight in (*self.weights, 100))
        each = f"{spoken(self.bakes[0])} each" if len(set(self.bakes)) == 1 else ", ".join(map(spoken, self.bakes))
        return f"{self.name} {shares}, {each}"


def of_transition(transition: Transition) -> Course:
    """The course that a shift under way was started on. One that was started by hand has only the weight it is at."""
    noted = transition.asked
    weights = tuple(wholes(noted.get("weights"))) or (transition.weight,)
    bakes = tuple(wholes(noted.get("bakes"))) or (0,) * len(weights)
    if len(bakes) != len(weights):
        bakes = (*bakes, *(0,) * len(weights))[: len(weights)]
    pause = noted.get("pauseAfter")
    return Course(
        str(noted.get("strategy") or "weights"),
        weights,
        bakes,
        max_bake=next(wholes([noted.get("maxBake")]), 0),
        pause_after=pause if isinstance(pause, int) else None,
        gates=leniency(noted.get("gates")),
    )


def leniency(noted: Any) -> dict[str, Leniency]:
    """Which gates are asked leniently, as a record notes it."""
    if not isinstance(noted, Mapping):
        return {}
    return {str(name): "off" if word == "off" else "warn" for name, word in noted.items()}


def chosen(request: Promote, terms: Terms) -> Course | Refusal:
    """The course that is asked for, or the settings' own. Refuses one that can't be gone, or not be watched."""
    strategy = _strategy(request, terms)
    if isinstance(strategy, Refusal):
        return strategy
    weights = request.weights if request.weights is not None else strategy.weights
    bake = request.bake if request.bake is not None else strategy.bake
    if weights[-1:] == (100,):
        weights = weights[:-1]  # every shift ends there
    if fault := faulty(weights):
        return Refusal(f"weights {','.join(map(str, weights))} can't be passed through", fault, (), code=2)
    if not weights and (request.bake or request.pause_after is not None):
        what = "--bake" if request.bake else "--pause-after"
        return Refusal(f"{what} needs a weight to stay at", f"{strategy.name} has none", _GRADUAL, code=2)
    if bake > LONGEST:
        return Refusal(f"a bake of {spoken(bake)} is too long", f"at most {spoken(LONGEST)}", (), code=2)
    if request.pause_after is not None and request.pause_after not in weights:
        passed = ", ".join(map(str, weights))
        return Refusal(f"the shift does not stay at {request.pause_after} %", f"it passes through {passed}", (), code=2)
    longest = request.max_bake if request.max_bake is not None else max(terms.requests.max_bake, bake)
    if weights and longest < bake:
        return Refusal("--max-bake is shorter than the bake", f"{spoken(longest)} against {spoken(bake)}", (), code=2)
    name = strategy.name if request.weights is None else "weights"
    course = Course(name, weights, (bake,) * len(weights), longest if weights else 0, request.pause_after)
    return _watchable(replace(course, gates=dict(request.gates)), terms)


_GRADUAL = ("promote --strategy canary", "promote --weights 10,50 --bake 5m")


def _strategy(request: Promote, terms: Terms) -> Strategy | Refusal:
    if request.weights is not None and request.strategy is None:
        bake = request.bake if request.bake is not None else max(terms.strategy.bake, terms.alarms.sight)
        return Strategy("weights", request.weights, bake)
    if request.strategy is None:
        return terms.strategy
    if request.strategy not in terms.strategies:
        known = ", ".join(terms.strategies)
        return Refusal(f"there is no strategy {request.strategy}", f"this stack knows {known}", (), code=2)
    return terms.strategies[request.strategy]


def faulty(weights: Sequence[int]) -> str:
    """What is wrong with a list of shares; empty for nothing."""
    if any(not 0 < weight < 100 for weight in weights):
        return "each is a percentage from 1 to 99"
    if any(later <= earlier for earlier, later in itertools.pairwise(weights)):
        return "each must be above the one before: going back is a rollback"
    return ""


def _watchable(course: Course, terms: Terms) -> Course | Refusal:
    """A bake that ends before its alarms can have seen anything is no watch: it only looks like one."""
    alarms = terms.alarms
    if course.gates.get("alarms") or not alarms.own or not course.gradual or min(course.bakes) >= alarms.sight:
        return course
    return Refusal(
        f"a bake of {spoken(min(course.bakes))} is too short for its alarms",
        f"they see what goes wrong after {spoken(alarms.sight)}, the delay of their metrics included",
        (f"promote --bake {spoken(alarms.sight).replace(' ', '')}", "promote --gate alarms=warn"),
        gate="alarms",
    )


def spoken(seconds: float) -> str:
    """A length of time for people, as options take it when the blanks are left out: `5m`, `1h 30m`, `45s`."""
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s")]
    return " ".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def wholes(found: Any) -> Any:
    """The whole numbers among what a record notes."""
    return (int(one) for one in found or () if isinstance(one, int) and not isinstance(one, bool))
