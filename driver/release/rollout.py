"""How far a color's members are replaced in place: an instance refresh, or a service's deployment. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["going", "waiting", "done", "failed", "backing", "back", "stopping", "stopped"]
"""`waiting`: at the checkpoint after the first member. `backing` and `back`: AWS takes it back by itself, or has."""


@dataclass(frozen=True)
class Rollout:
    """The latest one of a color's capacity. `to`: what its new members are launched from, as the record writes it."""

    to: str
    state: State
    reason: str = ""
    percent: int = 0
    first: bool = False
    """It stops after the first member, and goes on by nobody's word but a driver's."""

    @property
    def under_way(self) -> bool:
        return self.state in {"going", "waiting", "backing", "stopping"}

    @property
    def broken(self) -> bool:
        """Whether it will not get there."""
        return self.state in {"failed", "backing", "back"}
