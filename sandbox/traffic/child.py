"""The parent's end of a process of the traffic room: started, asked by lines of JSON, gone when its parent is.

A process answers each line with one line, {"answer": …} or {"error": …}. It ends when its stdin does.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from sandbox.traffic.control import PARENT_VARIABLE
from sandbox.traffic.wire import line

ROOT = Path(__file__).resolve().parents[2]


class TrafficError(RuntimeError):
    """A process of the traffic room refused something, or is no longer there."""


class Child:
    """One such process. `ask` may be called from any thread."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.name = module.rpartition(".")[2]
        self._lock = threading.Lock()
        # A file, not a pipe: nobody reads it until something went wrong, and a full pipe would stop the process.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = spawn(module, *arguments, stderr=self._stderr)
        try:
            self.greeting: dict[str, Any] = self._read()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Raises TrafficError: what the process says against it, or that it has died and its last words."""
        with self._lock:
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(line({"verb": verb, **arguments}))
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError) as error:
                raise self._death() from error
            return self._read()

    def last_words(self) -> str:
        """The end of what it has written to stderr: nothing, as long as all is well."""
        if self._stderr.closed:
            return ""
        self._stderr.seek(0)
        return self._stderr.read()[-2000:].decode(errors="replace").strip()

    def close(self) -> None:
        """Ends the process: by EOF on its stdin, and harder if that isn't enough."""
        with self._lock:
            end(self._process)
            self._stderr.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text.endswith(b"\n"):
            raise self._death()
        reply = json.loads(text)
        if "error" in reply:
            raise TrafficError(reply["error"])
        return reply["answer"]

    def _death(self) -> TrafficError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        said = self.last_words() or "silently"
        return TrafficError(f"the {self.name} process has ended (exit {self._process.poll()}): {said}")


def spawn(module: str, *arguments: str, stderr: IO[bytes] | int | None = None) -> "subprocess.Popen[bytes]":
    """Runs a module of this package with pipes on stdin and stdout, found wherever the parent was started."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C in a terminal reaches the whole group: when to stop is the parent's to decide
        env={**os.environ, "PYTHONPATH": path, PARENT_VARIABLE: str(os.getpid())},
    )


def end(process: "subprocess.Popen[bytes]", patience: float = 5.0) -> None:
    """Closes its stdin, waits that many seconds, then kills."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
