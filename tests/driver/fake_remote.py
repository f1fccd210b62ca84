"""Commands on the fakes' instances: noted, and answered as told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from driver.ports import Ran


@dataclass
class FakeRemote:
    """Every command goes on until `ends` says how it ends. `deaf`: instances that never register."""

    ends: Ran = field(default_factory=lambda: Ran(0, "done"))
    after: int = 1
    """So many questions see a command still at it."""
    deaf: bool = False
    sends: list[tuple[str, tuple[str, ...], str, int]] = field(default_factory=list)
    losing: list[Exception] = field(default_factory=list)
    """Raised one after the other when the answer to a sent command is lost."""
    asked: int = 0

    def reachable(self, instances: Sequence[str]) -> Sequence[str]:
        return () if self.deaf else tuple(instances)

    def sent(self, instance: str, comment: str) -> str:
        return next((f"id-{n}" for n, one in enumerate(self.sends) if (one[0], one[2]) == (instance, comment)), "")

    def send(self, instance: str, lines: Sequence[str], comment: str, limit: int) -> str:
        self.sends.append((instance, tuple(lines), comment, limit))
        if self.losing:
            raise self.losing.pop(0)
        return f"id-{len(self.sends) - 1}"

    def outcome(self, instance: str, id: str) -> Ran:
        self.asked += 1
        return Ran(None) if self.asked <= self.after else self.ends
