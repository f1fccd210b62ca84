"""Ways from one release to the next: over a standby or in place, on each platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.play import Play

GATES = {
    "requests": {"least": 10, "otherwise": "hold", "maxBake": "6m"},
    "alarms": {"errors": 2, "latency": 0.5, "unhealthyHosts": 1},
}
CANARY = ("promote", "--weights", "10", "--bake", "4m", "--max-bake", "6m")
# Where a fault can come, and what the command says as it gets there ({}: the color that the release comes to).
PLACES = {
    "before": "",
    "first weight": "shift 10 % of the traffic to {}",
    "bake": "watch 10 % on {}",
    "last weight": "shift 100 %",
    "rollback": "watch 10 % on {}",
}
PLACES_IN_PLACE = {
    "before": "",
    "replacement": "replace ",
    "bake": "watch what has come",
    "the rest": "replace the rest of {}",
    "rollback": "watch what has come",
}


@dataclass(frozen=True)
class Way:
    """How one release comes after another: from a platform onto one, as a standby that is promoted or in place."""

    name: str
    source: str
    onto: str
    in_place: bool = False

    def ready(self, play: Play) -> str:
        """What serves runs on `source`, and nothing is in progress; gives the image that is to come, which stands by
        where the way leads over a standby."""
        if play.run("status").document["transition"]:
            play.run("rollback")
        if (serving := _serving(play))["platform"] != self.source:
            play.run("deploy", _other(play, serving), "--platform", self.source, "--end-hold")
            play.run("promote")
        image = _other(play, _serving(play))
        if not self.in_place:
            play.run("deploy", image, "--platform", self.onto, "--end-hold")
        return image

    def words(self, image: str) -> tuple[str, ...]:
        """The command that takes it."""
        if not self.in_place:
            return CANARY
        return ("deploy", image, "--platform", self.onto, "--in-place", *CANARY[3:], "--end-hold")

    @property
    def places(self) -> dict[str, str]:
        """Where a fault can come, and what the command says there. On Fargate all tasks are replaced in one go."""
        if not self.in_place:
            return PLACES
        return {place: said for place, said in PLACES_IN_PLACE.items() if place != "the rest" or self.onto == "compose"}

    @property
    def watched(self) -> str:
        """What the command says where its bake begins."""
        return "watch what has come" if self.in_place else "watch 10 %"


WAYS = (
    Way("compose to compose", "compose", "compose"),
    Way("compose to fargate", "compose", "fargate"),
    Way("fargate to fargate", "fargate", "fargate"),
    Way("in place on compose", "compose", "compose", in_place=True),
    Way("in place on fargate", "fargate", "fargate", in_place=True),
)


# From what serves onto another platform costs a release, so what is played goes through the ways in this order.
BY_PLATFORM = sorted(WAYS, key=lambda way: (way.source, way.onto))


def _serving(play: Play) -> dict[str, Any]:
    record = play.record()
    return dict(record["colors"][record["activeColor"]])


def serving_tag(play: Play) -> str:
    """Of the image that serves: what its answers name as their version."""
    digest = _serving(play)["image"].partition("@")[2]
    return next(tag for tag in ("1.0.0", "2.0.0", "3.0.0") if play.stage.push(f"shop:{tag}").endswith(digest))


def _other(play: Play, serving: dict[str, Any]) -> str:
    """A sound image that does not serve."""
    digest = serving["image"].partition("@")[2]
    return next(one for one in ("shop:2.0.0", "shop:3.0.0") if not play.stage.push(one).endswith(digest))
