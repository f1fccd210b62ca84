"""A play in which a person types `pulumi …` as well."""

from __future__ import annotations

from sandbox.project import set_config
from sandbox.rehearsal.stage import Stage
from tests.e2e.play import Play, Ran, finish


class Hand(Play):
    """`pulumi` is the sandbox's look-alike, or a real CLI where its path is given."""

    def __init__(self, stage: Stage, real: str | None = None) -> None:
        super().__init__(stage, "cli" if real else "embedded")
        self.program = real or str(stage.home / "bin/pulumi")

    def pulumi(self, *argv: str, expect: int | None = 0) -> Ran:
        words = ["--stack", self.stack] if argv[0] in ("up", "refresh", "destroy") else []
        return finish(self.popen([self.program, *argv, *words]), expect)

    def set(self, key: str, value: object) -> None:
        set_config(self.stage.project, self.stack, f"bluegreen:{key}", value)
