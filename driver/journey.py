"""How a request went: the steps that were taken, with their times and verdicts. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from driver.gates import Verdict
from driver.release.moves import Advance, Bake, Move, Pause, Settle, Shift, Undo
from driver.release.rolling import Begin, Checkpoint, Finish, Roll
from infra.record import Deployed, other, weights


@dataclass(frozen=True)
class Taken:
    """One step: seconds of its stack update, seconds waited or baked, and what the gates said."""

    move: Move
    updates: int = 0
    update_seconds: float = 0.0
    waited_seconds: float = 0.0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def weight(self) -> int | None:
        """Percent of the traffic that the color named has after it; None for a step that has to do with none."""
        if isinstance(self.move, Advance | Bake | Pause | Shift):
            return self.move.weight
        return 100 if isinstance(self.move, Undo | Settle | Roll | Begin | Checkpoint | Finish) else None

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The verdicts that say no."""
        return tuple(verdict for verdict in self.verdicts if verdict.blocks)

    def data(self) -> dict[str, Any]:
        return {
            "step": str(self.move),
            "color": getattr(self.move, "to", getattr(self.move, "color", None)),
            "weight": self.weight,
            "update_seconds": round(self.update_seconds, 2),
            "bake_seconds": round(self.waited_seconds, 2),
            "gates": [verdict.data() for verdict in self.verdicts],
        }


@dataclass
class Journey:
    """The steps so far, and the record they led to."""

    reason: str
    deployed: Deployed | None = None
    steps: list[Taken] = field(default_factory=list)
    moved_at: float | None = None
    """When the traffic had moved, by `time.monotonic`, where a verb moves it before its update."""
    heralded: bool = False
    """Whether people have been told that it began."""

    @property
    def paused(self) -> Pause | None:
        """Where it ended because that was asked for."""
        last = self.steps[-1].move if self.steps else None
        return last if isinstance(last, Pause) else None

    def way(self) -> dict[str, Any]:
        """From which color to which, and the share that the latter has by now."""
        if self.deployed and any(isinstance(step.move, Begin | Roll) for step in self.steps):
            return {"from": self.deployed.record.active, "to": self.deployed.record.active, "weight": 100}
        moved = [step.move for step in self.steps if step.updates and isinstance(step.move, Advance | Shift)]
        to = moved[-1].to if moved else self.deployed.record.idle if self.deployed else None
        share = weights(self.deployed.record)[to] if self.deployed and to else None
        return {"from": other(to) if to else None, "to": to, "weight": share}

    @property
    def stack_updates(self) -> int:
        return sum(step.updates for step in self.steps)

    def facts(self) -> dict[str, Any]:
        """What the document says of it."""
        found: dict[str, Any] = {
            "steps": [step.data() for step in self.steps],
            "stack_updates": self.stack_updates,
            "generation": self.deployed.generation if self.deployed else None,
        }
        return found
