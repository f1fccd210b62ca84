"""Ctrl-C and SIGTERM: a stop is passed on to what runs, and takes effect where the record is legal."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from driver.relays import Relay, relay_for


class Interrupted(KeyboardInterrupt):
    """The person or the pipeline asked to stop. Not an Exception, so that nothing in between swallows it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Interrupts:
    """The process's own handler for SIGINT and SIGTERM."""

    def __init__(self, relay: Relay | None = None) -> None:
        self.asked: str | None = None
        self._how = relay
        self._passed_at: float | None = None
        self._again = False
        self._relay: Callable[[], None] | None = None
        self._deferred = 0
        self._ignoring = False

    @property
    def broken_off(self) -> bool:
        """Whether what ran was told to end at once: nothing may be begun any more, there is no time to end it."""
        return self._again

    def install(self) -> None:
        """From now on. Only the main thread may."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    @contextmanager
    def relayed(self, stop: Callable[[], None]) -> Iterator[None]:
        """While this runs, the first signal calls `stop`; whether another does is for who sent it (see relays.py)."""
        self._relay = stop
        with self.deferred(check=False):
            if self.asked and not self._ignoring:
                self._pass_on(stop)
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
        if not self._deferred:
            raise Interrupted(self.asked)
        how = self._relay_of_this_process()
        if first:
            if how.again is not None:
                _say("stopping: what runs is ended first, so that the record is legal. Once more breaks it off.")
            if how.first and self._relay and not self._ignoring:
                self._pass_on(self._relay)
            else:
                self._passed_at = time.monotonic()
        elif self._relay and how.again is not None and time.monotonic() - (self._passed_at or 0.0) >= how.again:
            self._again = True
            _say("breaking it off: what it was at stays pending in the state, and the next update looks after it.")
            self._pass_on(self._relay)

    def _pass_on(self, stop: Callable[[], None]) -> None:
        self._passed_at = time.monotonic()
        stop()

    def _relay_of_this_process(self) -> Relay:
        if self._how is None:
            self._how = relay_for(os.environ, terminal=os.isatty(0) and os.isatty(2))
        return self._how


def _say(text: str) -> None:
    """Past every buffer and every screen: a handler may have come between anything."""
    with contextlib.suppress(OSError):
        os.write(2, f"  {text}\n".encode())


INTERRUPTS = Interrupts()
"""Of this process: signals are the process's, so there can be only one."""
