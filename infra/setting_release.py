"""What can be set about releases: how traffic is shifted, which gates hold meanwhile, who is told. Pure.

Limits of alarms are CloudWatch's: names of up to 255 characters, 100 names in one DescribeAlarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from infra import setting_types as kinds
from infra.setting_base import Frozen, Misfit, rule

Name: TypeAlias = Literal["all-at-once", "canary", "linear", "weights"]
WEIGHTS: Mapping[Name, tuple[int, ...]] = {
    "all-at-once": (),
    "canary": (10,),
    "linear": (10, 20, 30, 40, 50, 60, 70, 80, 90),
}
"""Of the strategies that every stack has."""
BAKES: Mapping[Name, int] = {"all-at-once": 0, "canary": 300, "linear": 180, "weights": 300}
"""Seconds at each weight, unless set."""


class Promotion(Frozen):
    """How `promote` shifts traffic, unless it is told otherwise."""

    strategy: Annotated[Name, Field(description="all-at-once, canary, linear or weights")] = "all-at-once"
    weights: Annotated[
        tuple[kinds.Share, ...], Field(max_length=20, description="up to 20 rising percentages from 1 to 99")
    ] = ()
    bake: kinds.Bake | None = None

    @rule("strategy", "weights")
    def _own_weights(self) -> Iterator[Misfit]:
        if self.strategy == "weights" and not self.weights:
            yield Misfit("weights", "nothing", "rising percentages such as [5, 25, 50], which strategy weights needs")
        if self.strategy != "weights" and self.weights:
            yield Misfit("weights", self.weights, f"nothing, unless strategy is weights (it is {self.strategy})")

    @rule("weights")
    def _rising(self) -> Iterator[Misfit]:
        if any(one >= two for one, two in zip(self.weights, self.weights[1:], strict=False)):
            yield Misfit("weights", self.weights, "rising percentages, each larger than the one before")

    @rule("strategy", "bake")
    def _at_a_weight(self) -> Iterator[Misfit]:
        if self.strategy == "all-at-once" and self.bake:
            yield Misfit("bake", self.bake, "nothing with strategy all-at-once, which has no weight to bake at")

    @property
    def seconds(self) -> int:
        """The bake at each weight of the strategy."""
        return BAKES[self.strategy] if self.bake is None else self.bake


class Requests(Frozen):
    """How many requests the new color must have answered at each weight."""

    least: int = kinds.whole(10, 0, 1_000_000, "requests")
    otherwise: Annotated[Literal["hold", "pass"], Field(description="hold or pass")] = "hold"
    max_bake: kinds.Bake | None = None
    """Until when it may take them; None: half an hour, or the bake where that is longer."""


class Smoke(Frozen):
    """One request through the test listener before traffic moves."""

    path: kinds.HealthPath = "/"
    status: int = kinds.whole(200, 200, 599)
    body: str = Field(default="", max_length=256, description="a text of up to 256 characters that the answer has")


class Command(Frozen):
    """A check of the team's own."""

    run: kinds.Words = ""
    timeout: kinds.Seconds = kinds.span(60, 1, 3600)

    @rule("run", "timeout")
    def _something(self) -> Iterator[Misfit]:
        if not self.run and "timeout" in self.model_fields_set:
            yield Misfit("run", "nothing", "a command, which timeout is for")


class Alarms(Frozen):
    """The alarms of each color, and others that are watched during a shift."""

    enabled: bool = Field(default=True, description="true or false: whether each color has alarms of its own")
    errors: float = kinds.number(5, 0.01, 100, "percent of the answers")
    latency: float = kinds.number(1, 0.001, 3600, "seconds")
    unhealthy_hosts: int = kinds.whole(1, 1, 1000, "targets")
    periods: int = kinds.whole(1, 1, 60, "minutes")
    also: Annotated[
        tuple[kinds.AlarmName, ...],
        Field(max_length=50, description="a list of up to 50 names of CloudWatch alarms"),
    ] = ()
    missing: Annotated[Literal["fail", "pass"], Field(description="fail or pass")] = "fail"
    no_data: Annotated[Literal["pass", "hold", "fail"], Field(description="pass, hold or fail")] = "pass"


class Gates(Frozen):
    """What must hold before and while traffic moves."""

    requests: Requests = Requests()
    smoke: Annotated[tuple[Smoke, ...], Field(max_length=20, description="a list of up to 20 requests")] = ()
    command: Command = Command()
    alarms: Alarms = Alarms()


class Notify(Frozen):
    """Who is told of transitions."""

    topic: kinds.Topic | None = None
    webhook: kinds.Address | None = None
    chat: kinds.Address | None = None
