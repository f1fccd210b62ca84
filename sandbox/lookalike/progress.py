"""What goes on right now, on one line that moves along below what has been printed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_SECONDS = 0.25
_NAMED = 3
_COMPONENTS = ("same", "refresh")


class Progress:
    """Counts an operation's events. Thread-safe as far as it goes: one thread sees, another asks for the text."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._done = 0
        self._running: dict[str, float] = {}

    def see(self, event: Mapping[str, Any]) -> None:
        if "resourcePreEvent" in event:
            about = event["resourcePreEvent"]["metadata"]
            # A component is under way until all below it is, and a stack until the end: neither is news.
            if about["op"] not in _COMPONENTS and (about.get("new") or about.get("old") or {}).get("custom"):
                self._running = {**self._running, about["urn"]: self._now()}
        for kind in ("resOutputsEvent", "resOpFailedEvent"):
            if kind in event:
                urn = event[kind]["metadata"]["urn"]
                self._done += urn in self._running
                self._running = {other: since for other, since in self._running.items() if other != urn}

    @property
    def text(self) -> str:
        running = sorted(self._running.items(), key=lambda item: item[1])
        names = [f"{urn.rpartition('::')[2]} {self._now() - since:.0f} s" for urn, since in running[:_NAMED]]
        if len(running) > _NAMED:
            names.append(f"{len(running) - _NAMED} more")
        parts = [f"{self._now() - self._started:.0f} s", f"{self._done} done", *([", ".join(names)] if names else [])]
        return "… " + " · ".join(parts)


@contextlib.contextmanager
def shown(progress: Progress, show: Callable[[str], None]) -> Iterator[None]:
    """Shows the line a few times a second, and takes it away at the end."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(_SECONDS):
            show(progress.text)

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield
    finally:
        over.set()
        ticking.join()
        show("")
