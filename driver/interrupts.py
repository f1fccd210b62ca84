"""Ctrl-C and SIGTERM: a stop is passed on once to what runs, and takes effect where the record is legal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The person or the pipeline asked to stop. Not an Exception, so that nothing in between swallows it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Interrupts:
    """The process's own handler for SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self.asked: str | None = None
        self._relay: Callable[[], None] | None = None
        self._deferred = 0
        self._ignoring = False

    def install(self) -> None:
        """From now on. Only the main thread may."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    @contextmanager
    def relayed(self, stop: Callable[[], None]) -> Iterator[None]:
        """While this runs, the first signal calls `stop`; a second would break the update off."""
        self._relay = stop
        with self.deferred(check=False):
            if self.asked and not self._ignoring:
                stop()
            try:
                yield
            finally:
                self._relay = None

    @contextmanager
    def deferred(self, *, check: bool = True) -> Iterator[None]:
        """While this runs no signal takes effect; after it a signal that came does, unless `check` is off."""
        self._deferred += 1
        try:
            yield
        finally:
            self._deferred -= 1
        if check:
            self.check()

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """While this runs no stop is passed on or takes effect: what runs leads to a legal record."""
        self._ignoring = True
        try:
            with self.deferred(check=False):
                yield
        finally:
            self._ignoring = False

    def check(self) -> None:
        """Raises Interrupted where a signal came and nothing defers it."""
        if self.asked and not self._deferred:
            raise Interrupted(self.asked)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        first = self.asked is None
        self.asked = self.asked or signal.Signals(number).name
        if self._deferred:
            if first and self._relay and not self._ignoring:
                self._relay()
            return
        raise Interrupted(self.asked)


INTERRUPTS = Interrupts()
"""Of this process: signals are the process's, so there can be only one."""
