"""Being seen to watch: while a driver works on a stack it renews a lease there, and puts it away when it ends.

A lease stops nobody: the stack's lock and the record's compare-and-swap decide who wins. It tells people and a later
driver whether anyone still looks, and it is a proof of death where its process is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from driver.release.watcher import Process, Watcher, at, parse
from driver.who import who
from infra.record import stamp

if TYPE_CHECKING:
    from driver.ports import Cloud, Ports

RENEWED = 10.0
"""Seconds between two renewals."""

LASTS = 30.0
"""Seconds that a lease outlives its last renewal."""

_SHORTEST = timedelta(seconds=1)
"""A sandbox's speed shortens both, but not to less than a busy machine needs to come round to it."""

SHORTEST_LEASE = 4 * _SHORTEST

_GOODBYE = 5.0
"""Seconds that the end of a command waits for the lease to be put away; else it runs out by itself."""


@contextmanager
def watched(ports: Ports, doing: str) -> Iterator[None]:
    """While this runs, the stack is seen to be watched. Within another one only what is said to be done changes."""
    outer = _Keeper.of(ports.cloud)
    if outer is not None:
        before, outer.doing = outer.doing, doing
        try:
            yield
        finally:
            outer.doing = before
        return
    keeper = _Keeper(ports, doing)
    _KEEPERS.append(keeper)
    keeper.start()
    try:
        yield
    finally:
        _KEEPERS.remove(keeper)
        keeper.stop()


def predecessor(cloud: Cloud) -> Watcher | None:
    """The lease of another process that lies at a stack, or lay there when this one came."""
    keeper = _Keeper.of(cloud)
    return (keeper.found if keeper else None) or parse(cloud.watcher())


def accompanied(cloud: Cloud) -> bool:
    """Whether another driver was at work on a stack when this one came, and nothing proves it dead.

    Of two drivers only the younger one keeps its lease there, so the other's says no more than that.
    """
    keeper = _Keeper.of(cloud)
    if keeper is None or keeper.found is None or not keeper.met_alive:
        return False
    from driver.stack.lease import gone

    return not gone(keeper.found.process)


class _Keeper:
    """Renews one lease in a thread of its own: neither a long update nor a long wait may let it run out."""

    def __init__(self, ports: Ports, doing: str) -> None:
        self.doing = doing
        self._ports = ports
        self._who = who()
        self._since = stamp(ports.clock.now())
        self._ended = False
        self._woken = threading.Event()
        self.found: Watcher | None = None
        """The lease of another process that lay there when this one came."""
        self.met_alive = False
        """Whether that lease still ran."""
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._process: Process | None = None
        self._written = ""
        self._told = set[str]()

    @classmethod
    def of(cls, cloud: Cloud) -> _Keeper | None:
        """The one that this process keeps for a stack already."""
        return next((keeper for keeper in _KEEPERS if keeper._ports.cloud is cloud), None)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._woken.set()
        self._thread.join(_GOODBYE)

    def _run(self) -> None:
        from driver.stack.lease import WAKES  # what it needs takes time that a rollback has not

        clock = self._ports.clock
        WAKES.add(self._woken)
        while not self._ended:
            self._woken.clear()
            try:
                self._renew()
            except Exception as failure:  # whatever it is, a release must not end for it
                self._tell(f"this driver can't be seen to watch: {failure}")
            pause = max(clock.later(RENEWED) - clock.now(), _SHORTEST)
            if not self._ended:
                self._woken.wait(pause.total_seconds())
        WAKES.discard(self._woken)
        self._put_away()

    def _renew(self) -> None:
        from driver.stack.lease import gone

        clock, cloud = self._ports.clock, self._ports.cloud
        now = clock.now()
        there = parse(cloud.watcher())
        if self.found is None and there is not None and there.process != self._us():
            self.found, self.met_alive = there, there.alive(now)
        if there is not None and there.alive(now) and there.process != self._us() and not gone(there.process):
            doing = f"{there.doing} since {at(there.since, now)}"
            self._tell(f"{there.named} is at this stack too ({doing}); the stack's lock decides who goes first")
            if _order(there) > _order(self._lease()):
                return  # the younger driver is the one that people want to hear of
        until = max(clock.later(LASTS), now + SHORTEST_LEASE)
        text = replace(self._lease(), until=stamp(until), seen=stamp(now)).text()
        cloud.put_driver(text)
        self._written = text

    def _lease(self) -> Watcher:
        from driver.stack.lease import engine

        return Watcher(self._who, self._us(), self.doing, self._since, self._since, engine())

    def _us(self) -> Process:
        if self._process is None:
            from driver.stack.lease import this_process

            self._process = this_process()
        return self._process

    def _put_away(self) -> None:
        try:
            if self._written and self._ports.cloud.watcher() == self._written:
                self._ports.cloud.drop_driver()
        except Exception as failure:
            self._tell(f"the lease could not be put away and will run out by itself: {failure}")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._ports.tell(text)


def _order(watcher: Watcher) -> str:
    """What orders two leases; where both are of one second, the machine and the process do."""
    return f"{watcher.since} {watcher.process.host} {watcher.process.pid:>12}"


_KEEPERS: list[_Keeper] = []
