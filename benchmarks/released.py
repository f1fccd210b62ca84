"""A stack on a sandbox with a candidate beside what serves, for the benchmarks of the verbs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pairs import whole_process
from infra.record import Deployed, parse_deployed
from sandbox.rehearsal.seen import production_weights
from sandbox.rehearsal.stage import Stage, staged

ROOT = Path(__file__).resolve().parents[1]
STACK = "dev"
PATIENCE = 120.0
"""Seconds for one verb: many times what any takes, so that a benchmark that hangs says so."""


@dataclass(frozen=True)
class Released:
    """A `dev` stack: blue serves 1.0.0, green holds 2.0.0 and is as large."""

    stage: Stage
    environ: Mapping[str, str]

    def command(self, *argv: str, output: str = "json") -> list[str]:
        return [sys.executable, "-m", "driver", "-s", STACK, "-y", "--output", output, *argv]

    def verb(self, *argv: str) -> dict[str, Any]:
        """A verb from start to end; gives its document. Raises RuntimeError where it fails."""
        done = subprocess.run(
            self.command(*argv),
            env=dict(self.environ),
            cwd=self.stage.project,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return dict(json.loads(done.stdout))

    def timed(self, argv: list[str]) -> float:
        """Seconds of a process in this stack's environment, from start to end."""
        return whole_process(argv, self.environ, self.stage.project)

    def weights(self) -> dict[str, int]:
        """What the balancer really does."""
        return production_weights(self.stage.state())

    def deployed(self) -> Deployed:
        return parse_deployed(json.dumps(self.verb("status")["record"]))

    def blue_serves(self) -> None:
        """Back to where each turn begins, on the record too."""
        if self.weights()["blue"] != 100:
            self.verb("rollback")


@contextmanager
def released() -> Iterator[Released]:
    """The stack, and nothing left of it at the end. Always on the embedded engine: nothing else is measured by it."""
    with staged(ROOT, STACK, 60, "shop:1.0.0") as stage:
        made = Released(stage, {**stage.environ, "BLUEGREEN_ENGINE": "embedded"})
        for tag in ("1.0.0", "2.0.0"):
            stage.push(f"shop:{tag}")
        made.verb("up")
        made.verb("deploy", "shop:2.0.0")
        yield made
