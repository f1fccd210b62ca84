"""A stack on a sandbox, driven through the command line as a user would, with load running."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from sandbox.project import set_config
from sandbox.rehearsal.clients import Clients
from sandbox.rehearsal.seen import production_listener, production_weights
from sandbox.rehearsal.stage import Stage, staged
from tests.e2e.warm import Driver

Process = subprocess.Popen[str] | Driver
RECORD = "/bluegreen/shop/dev/record"
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Ran:
    """One call of the command that is over."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict:
        return json.loads(self.out)


class Play:
    """A stage with the `dev` stack on it."""

    stack = "dev"

    def __init__(self, stage: Stage, engine: str) -> None:
        self.stage = stage
        self.environ = {**stage.environ, "BLUEGREEN_ENGINE": engine}

    def start(self, *argv: str, **environ: str) -> Process:
        """Begins a verb with JSON output; several may run at once."""
        command = ["-s", self.stack, "-y", "--output", "json", *argv]
        return Driver(command, {**self.environ, **environ}, self.stage.project)

    def popen(self, command: list[str], **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            env={**self.environ, **environ},
            cwd=self.stage.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *argv: str, expect: int | None = 0, **environ: str) -> Ran:
        """A verb from start to end; `expect` is its exit code (None: any)."""
        return finish(self.start(*argv, **environ), expect)

    def bare(self, *argv: str, expect: int | None = 0, **environ: str) -> Ran:
        """The command with exactly these words: no stack, no --yes, no JSON."""
        return finish(self.popen([sys.executable, "-m", "driver", *argv], **environ), expect)

    def weights(self) -> dict[str, int]:
        """What the balancer really does."""
        return production_weights(self.stage.state())

    def client(self, service: str):
        """The sandbox's AWS, past the command."""
        endpoint = self.environ["AWS_ENDPOINT_URL"]
        keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
        return boto3.client(service, endpoint_url=endpoint, region_name="eu-central-1", **keys)

    @functools.cached_property
    def ssm(self):
        return self.client("ssm")

    def record(self) -> dict:
        """The deployed record, as it lies there."""
        return json.loads(self.ssm.get_parameter(Name=RECORD)["Parameter"]["Value"])

    @contextlib.contextmanager
    def load(self, rate: float = 200) -> Iterator[Clients]:
        """Clients for as long as the block runs; call `stop` for the final count."""
        listener = production_listener(self.stage.state())
        assert listener
        bound = listener["bound"]
        clients = Clients.start(bound["address"], bound["port"], listener["dns_name"], rate)
        try:
            wait_for(lambda: clients.tally().sent, "the load never began")
            yield clients
        finally:
            clients.stop()

    def wait(self, holds, what: str, seconds: float = 30) -> None:
        wait_for(holds, what, seconds)


@contextlib.contextmanager
def played(engine: str = "embedded", settings: Mapping[str, object] | None = None) -> Iterator[Play]:
    """A fresh sandbox with the first release deployed; `engine` is `embedded`, or `cli` for a real one on PATH."""
    with staged(ROOT, "dev", 60, "shop:1.0.0") as stage:
        for key, value in (settings or {}).items():
            set_config(stage.project, "dev", key, value)
        for tag in ("1.0.0", "2.0.0", "3.0.0", "4-never-healthy", "5-errors"):
            stage.push(f"shop:{tag}")
        play = Play(stage, engine)
        play.run("up")
        yield play


def finish(process: Process, expect: int | None = 0, seconds: float = 120) -> Ran:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"not over after {seconds} s:\n{out}\n{err}") from None
    ran = Ran(process.returncode, out, err)
    if expect is not None:
        assert ran.code == expect, f"exit {ran.code}, not {expect}:\n{out}\n{err}"
    return ran


def wait_for(holds, what: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)
