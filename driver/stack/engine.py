"""What runs Pulumi's operations: the CLI on PATH, or the engine that an installed sandbox offers.

Beside stack.py the only room that knows pulumi.automation.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any, Literal

from pulumi._version import version as SDK_VERSION
from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import InvalidVersionError, create_command_error
from semver import VersionInfo

from driver.errors import Invalid
from driver.interrupts import INTERRUPTS
from driver.stack.lease import leased

_POLL = 0.02
"""Seconds between two looks at the CLI's output: far below the 0.1 s that any of its calls takes."""

_OLDEST = VersionInfo(3, 206, 0)
"""The first CLI that streams its events over gRPC."""

OnOutput = Callable[[str], Any]


def command(environ: Mapping[str, str] = os.environ) -> PulumiCommand:
    """The engine of BLUEGREEN_ENGINE (auto, cli, embedded). Raises Invalid where it is not to be had."""
    if chosen(environ) == "cli":
        return _cli(shutil.which("pulumi", path=environ.get("PATH")))
    return Answering(_embedded(environ))


def chosen(environ: Mapping[str, str] = os.environ) -> Literal["cli", "embedded"]:
    """Which engine it is: with `auto`, the CLI where one is on PATH. Raises Invalid for a word that means none."""
    wanted = environ.get("BLUEGREEN_ENGINE", "auto") or "auto"
    if wanted not in {"auto", "cli", "embedded"}:
        raise Invalid(f"BLUEGREEN_ENGINE={wanted} is no engine", "it is one of auto, cli, embedded")
    if wanted == "auto":
        return "cli" if shutil.which("pulumi", path=environ.get("PATH")) else "embedded"
    return "cli" if wanted == "cli" else "embedded"


class Answering(PulumiCommand):
    """Any engine, less the calls whose answers nobody reads: each would be a process of its own.

    The Automation API asks for outputs and history after every update, and selects the stack before the first one; the
    driver reads the record instead, and names the stack in every call.
    """

    def __init__(self, inner: PulumiCommand) -> None:  # the inherited one would look for a CLI
        self.inner = inner
        self.command = getattr(inner, "command", "pulumi")
        self.version = inner.version

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        canned = _answer(args)
        if canned is not None:
            return canned
        # This very process takes the lock, and the engine hears of a signal by itself: it must be let end its way, or
        # nobody looks whether the step that it was at has to be finished.
        with leased(os.getpid()), INTERRUPTS.deferred(check=False):
            return self.inner.run(args, cwd, additional_env, on_output, on_error)


class DetachedCli(PulumiCommand):
    """The CLI in a session of its own, writing to files.

    It then outlives a driver that is killed: it ends its operation and drops the lock by itself. With pipes it would
    die of its next line of output, and leave the lock behind.
    """

    def __init__(self) -> None:
        super().__init__(version=_OLDEST)
        # Where the check is switched off, a CLI that tells no version counts as one of the SDK's.
        self.version = self.version or SDK_VERSION

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        canned = _answer(args)
        if canned is not None:
            return canned
        words = [self.command, "--non-interactive", *(arg for arg in args if arg != "--non-interactive")]
        environ = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        with tempfile.TemporaryDirectory(prefix="bluegreen-") as directory:
            out, err = Path(directory) / "stdout", Path(directory) / "stderr"
            with out.open("wb") as out_file, err.open("wb") as err_file:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=out_file,
                    stderr=err_file,
                    cwd=cwd,
                    env=environ,
                    start_new_session=True,
                )
            tails = out.open("rb"), err.open("rb")
            with leased(process.pid) as evidence, _stoppable(process), tails[0] as out_tail, tails[1] as err_tail:
                while process.poll() is None:
                    _follow(out_tail, on_output)
                    _follow(err_tail, on_error)
                    time.sleep(_POLL)
                _follow(out_tail, on_output)
                _follow(err_tail, on_error)
                evidence.keep = process.returncode < 0  # by a signal that it did not take: it dropped no lock
            result = CommandResult(_text(out), _text(err), process.returncode)
        if result.code:
            raise create_command_error(result)
        return result


@contextmanager
def _stoppable(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A signal to the driver reaches the CLI once, as the interrupt that it stops on gracefully."""

    def stop() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)

    with INTERRUPTS.relayed(stop):
        yield


def _follow(tail: IO[bytes], tell: OnOutput | None) -> None:
    for line in tail.read().decode("utf-8", "replace").splitlines():
        if tell:
            tell(line)


def _text(file: Path) -> str:
    return "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())


def _answer(args: Sequence[str]) -> CommandResult | None:
    """The answer to a call that need not be made; None for one that must."""
    words = [arg for arg in args if arg != "--non-interactive"][:2]
    if words == ["stack", "output"]:
        return CommandResult("{}", "", 0)
    if words == ["stack", "select"]:
        return CommandResult("", "", 0)
    if words == ["stack", "history"]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        entry = {
            "kind": "update",
            "startTime": now,
            "message": "",
            "environment": {},
            "config": {},
            "result": "succeeded",
        }
        return CommandResult(json.dumps([entry]), "", 0)
    return None


def _cli(found: str | None) -> PulumiCommand:
    if found is None:
        why = "no `pulumi` is on PATH, and updates of real AWS need it"
        raise Invalid("the Pulumi CLI is missing", why, ("$ open https://www.pulumi.com/docs/install/", "doctor"))
    try:
        return DetachedCli()
    except InvalidVersionError as error:
        raise Invalid("the Pulumi CLI is too old, or too new", str(error), ("$ pulumi version", "doctor")) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise Invalid("the Pulumi CLI does not run", f"{found}: {error}", ("$ pulumi version", "doctor")) from error


def _embedded(environ: Mapping[str, str]) -> PulumiCommand:
    for entry in entry_points(group="bluegreen.engine", name="embedded"):
        try:
            made: PulumiCommand = entry.load()(environ)
        except ImportError as error:
            why = f"the sandbox extra is not installed ({error})"
            raise Invalid("there is no engine", why, ("$ pip install 'bluegreen[sandbox]'", "doctor")) from error
        except Exception as error:
            why = f"no `pulumi` is on PATH, and the built-in engine is for a sandbox only: {error}"
            raise Invalid(
                "the Pulumi CLI is missing", why, ("$ open https://www.pulumi.com/docs/install/", "sandbox start")
            ) from error
        return made
    raise Invalid("the Pulumi CLI is missing", "no `pulumi` is on PATH, and no sandbox is installed", ("doctor",))
