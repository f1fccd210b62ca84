"""The engine, where it works, and the screen that shows what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.engine.command import VERSION, EmbeddedPulumi
from sandbox.engine.session import Session
from sandbox.lookalike.screen import Screen


@dataclass
class Work:
    engine: EmbeddedPulumi
    directory: Path
    environ: dict[str, str]
    screen: Screen

    def execute(self, words: Sequence[str], out: Callable[[str], None] | None = None) -> int:
        """The exit code of one command of the engine."""
        return self.engine.execute(
            list(words), str(self.directory), self.environ, out or self.screen.out, self.screen.err
        )

    def session(self, stack: str = "") -> Session:
        """To look something up, e.g. the project or the selected stack."""
        return Session(
            cwd=self.directory,
            environ=self.environ,
            factories={},
            version=VERSION,
            out=self.screen.out,
            err=self.screen.err,
            stack_option=stack,
        )
