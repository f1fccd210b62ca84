"""EmbeddedPulumi: the Automation API's PulumiCommand, answered in this process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from sandbox.engine import arguments, verbs
from sandbox.engine.failure import CommandFailed
from sandbox.engine.registry import Factories
from sandbox.engine.session import Session

VERSION = "3.272.0"


class EmbeddedPulumi(PulumiCommand):
    """`providers`: what makes a provider, by package. Safe to use from several threads at once."""

    def __init__(self, providers: Factories, *, version: str = VERSION) -> None:
        # PulumiCommand's own __init__ asks an executable for its version, and there is none.
        self.command = "pulumi"
        self.version = VersionInfo.parse(version)
        self._providers = providers
        self._running: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Raises CommandError, or the kind of it that the API's users know, when the command fails."""
        out, err = _Lines(on_output), _Lines(on_error)
        code = self.execute(args, cwd, {**os.environ, **additional_env}, out, err)
        result = CommandResult(stdout=out.text, stderr=err.text, code=code)
        if code:
            raise create_command_error(result)
        return result

    def execute(
        self,
        args: list[str],
        cwd: str,
        environ: Mapping[str, str],
        out: Callable[[str], None],
        err: Callable[[str], None],
    ) -> int:
        """The exit code. What the command says goes to `out` and `err`, some lines at a time."""
        try:
            parsed = arguments.parse(args)
            session = Session(
                cwd=Path(parsed.one("cwd") or cwd).absolute(),
                environ=environ,
                factories=self._providers,
                version=str(self.version),
                out=out,
                err=err,
                stack_option=parsed.one("stack"),
                config_file=parsed.one("config-file"),
                interrupt=self._interruptible,
            )
            verbs.dispatch(session, parsed)
        except CommandFailed as failure:
            if failure.message:
                err(f"error: {failure.message}")
            return failure.code
        except OSError as error:
            err(f"error: {error}")
            return 1
        return 0

    def cancel(self) -> None:
        """Ends what is running as an interrupt does: the operation in progress is finished, no other begun.

        Called again, it ends at once, and what was in progress stays in the state as a pending operation.
        """
        with self._lock:
            running = list(self._running)
        for cancel in running:
            cancel()

    @contextlib.contextmanager
    def _interruptible(self, cancel: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._running.add(cancel)
        restore = _on_signals(cancel)
        try:
            yield
        finally:
            restore()
            with self._lock:
                self._running.discard(cancel)


def _on_signals(cancel: Callable[[], None]) -> Callable[[], None]:
    """In the main thread SIGINT and SIGTERM cancel; a handler that was there before is called, too."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=cancel, daemon=True).start()
        previous = before.get(number)
        if callable(previous) and previous is not signal.default_int_handler:
            previous(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handle)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


class _Lines:
    """Collects output as the API expects it: line by line, stripped at the right."""

    def __init__(self, callback: OnOutput | None) -> None:
        self._callback = callback
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, text: str) -> None:
        with self._lock:
            for line in text.split("\n"):
                self._lines.append(line.rstrip())
                if self._callback:
                    self._callback(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self._lines)
