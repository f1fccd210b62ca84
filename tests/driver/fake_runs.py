"""Commands on the fakes' instances and services: noted, and answered as told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from driver.ports import Ran
from driver.release.once import NotNow, Once


@dataclass
class FakeRuns:
    """Every command goes on until `ends` says how it ends. `deaf`: nothing takes a command now."""

    places: Callable[[], tuple[str, ...]] = tuple
    """Where the commands of a release can run."""
    name: str = ""
    """Of its capacity."""
    ends: Ran = field(default_factory=lambda: Ran(0, "done"))
    after: int = 1
    """So many questions see a command still at it."""
    deaf: bool = False
    began: list[tuple[Once, int]] = field(default_factory=list)
    losing: list[Exception] = field(default_factory=list)
    """Raised one after the other when the answer to a begun command is lost."""
    refusing: list[str] = field(default_factory=list)
    """Why one can't be begun now, one after the other."""
    unseen: int = 0
    """So many questions find nothing of it."""
    outlives: bool = False
    """Whether a command goes on when its release has gone."""
    ended: list[str] = field(default_factory=list)
    asked: int = 0

    def of(self, name: str, places: Callable[[], tuple[str, ...]]) -> FakeRuns:
        self.name, self.places = name, places
        return self

    def place(self) -> str:
        found = self.places()
        if self.deaf or not found:
            raise NotNow("none takes commands")
        return min(found)

    def known(self, once: Once) -> bool:
        return once.place in self.places()

    def begun(self, once: Once) -> str:
        attempts = [one.attempt for one, _ in self.began]
        return f"id-{attempts.index(once.attempt)}" if once.attempt in attempts and self.known(once) else ""

    def begin(self, once: Once, limit: int) -> str:
        if self.refusing:
            raise NotNow(self.refusing.pop(0))
        self.began.append((once, limit))
        if self.losing:
            raise self.losing.pop(0)
        return f"id-{len(self.began) - 1}"

    def outcome(self, once: Once, id: str) -> Ran:
        self.asked += 1
        if id in self.ended:
            return Ran(143)
        if self.unseen:
            self.unseen -= 1
            raise LookupError(id)
        if self.asked > self.after:
            return self.ends
        return Ran(None) if self.known(once) else Ran(-1, f"{once.place} is gone")

    def end(self, once: Once) -> str:
        id = self.begun(once) if self.outlives else ""
        self.ended += [id] if id else []
        return id

    def named(self, once: Once, id: str) -> str:
        return f"command {id} on {once.place}"
