"""A sandbox's home on disk: the lock that says it lives, and the file that says where it listens."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

LOG = "sandbox.log"
_LOCK = "sandbox.lock"
_RUNNING = "sandbox.json"
KEYS = {"endpoint", "proxy_url", "pid", "speed", "started", "home", "account"}


class Lock:
    """Held by the daemon as long as it lives: the system lets go of it however the daemon ends.

    Reading it takes it shared for a moment, so `acquire` tries for that long.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file: int | None = None

    def acquire(self, patience: float = 0.5) -> bool:
        """Whether we hold it now; it is released by the end of the process."""
        self._home.mkdir(parents=True, exist_ok=True)
        file = os.open(self._home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > deadline:
                    os.close(file)
                    return False
                time.sleep(0.02)
            else:
                self._file = file
                return True

    @property
    def held(self) -> bool:
        """By anybody."""
        try:
            file = os.open(self._home / _LOCK, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(file)
        return False


def write_running(home: Path, running: dict[str, Any] | None) -> None:
    """At once or not at all; None: nothing runs any more."""
    path = home / _RUNNING
    if running is None:
        path.unlink(missing_ok=True)
        return
    file, name = tempfile.mkstemp(dir=home, prefix=".running-")
    with os.fdopen(file, "w") as text:
        json.dump(running, text)
    Path(name).replace(path)


def read_running(home: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((home / _RUNNING).read_text())
        if isinstance(found, dict) and found.keys() >= KEYS:
            return found
    return None
