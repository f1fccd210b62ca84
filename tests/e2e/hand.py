"""A play in which a person types `pulumi …` as well."""

from __future__ import annotations

from sandbox.project import set_config
from sandbox.rehearsal.stage import Stage
from tests.e2e.play import ROOT, Play, Ran, finish
from tests.e2e.warm import Driver


class Hand(Play):
    """`pulumi` is the sandbox's look-alike, or a real CLI where its path is given."""

    def __init__(self, stage: Stage, real: str | None = None) -> None:
        super().__init__(stage, "cli" if real else "embedded")
        self.real = real
        self.program = real or str(stage.home / "bin/pulumi")

    def pulumi(self, *argv: str, expect: int | None = 0) -> Ran:
        words = ["--stack", self.stack] if argv[0] in ("up", "refresh", "destroy") else []
        if self.real:
            return finish(self.popen([self.program, *argv, *words]), expect)
        # As its shim starts it: the program's own process finds the sandbox's modules too.
        environ = {**self.environ, "PYTHONPATH": str(ROOT)}
        return finish(Driver([*argv, *words], environ, self.stage.project, "pulumi"), expect)

    def set(self, key: str, value: object) -> None:
        set_config(self.stage.project, self.stack, f"bluegreen:{key}", value)
