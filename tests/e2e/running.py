"""A verb under way: what it says while it runs, and how it ends."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.play import Process, wait_for


@dataclass
class Running:
    """A verb under way, and what it has said so far."""

    process: Process
    said: list[str] = field(default_factory=list)
    out: str = ""

    @classmethod
    def of(cls, process: Process) -> Running:
        running = cls(process)
        running._threads = [threading.Thread(target=work, daemon=True) for work in (running._hear, running._read)]
        for thread in running._threads:
            thread.start()
        return running

    def until(self, words: str, seconds: float = 60) -> None:
        """Returns when a line with these words was said, or the command has ended."""
        wait_for(
            lambda: any(words in line for line in list(self.said)) or self.process.poll() is not None,
            f"{words!r} was not said: {self.said}",
            seconds,
        )

    def ended(self, seconds: float = 120) -> End:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"not over after {seconds} s: {self.said}") from None
        for thread in self._threads:
            thread.join(10)
        document = json.loads(self.out) if self.out.strip() else {}
        return End(self.process.returncode, document, tuple(self.said))

    def _hear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.out = self.process.stdout.read()


@dataclass(frozen=True)
class End:
    """How a verb ended. A negative code is the signal that killed it."""

    code: int
    document: dict[str, Any]
    said: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.document.get('reason', '')} {' '.join(self.said)}"
