"""Follows an operation through the file that the engine logs its events to."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]

_SECONDS = 0.05


@contextlib.contextmanager
def followed(see: Callable[[Event], None]) -> Iterator[str]:
    """Gives the name of a file for `--event-log`; each event that comes to lie there is shown to `see`, in order."""
    with tempfile.TemporaryDirectory(prefix="pulumi-") as folder:
        file = Path(folder) / "events"
        file.touch(mode=0o600)
        over = threading.Event()
        reader = threading.Thread(target=_read, args=[file, see, over], daemon=True)
        reader.start()
        try:
            yield str(file)
        finally:
            over.set()
            reader.join()


def _read(file: Path, see: Callable[[Event], None], over: threading.Event) -> None:
    with file.open(encoding="utf-8") as log:
        half = ""
        while True:
            last = over.is_set()
            for line in log:
                half += line
                if half.endswith("\n"):
                    see(json.loads(half))
                    half = ""
            if last:
                return
            over.wait(_SECONDS)
