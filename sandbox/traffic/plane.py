"""The data plane's process: keeps the table in force, its listeners open, and the counts."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.traffic import control, wire
from sandbox.traffic.cookies import Seal
from sandbox.traffic.counting import Count, Counts
from sandbox.traffic.doors import ListenerDoor, ProxyDoor
from sandbox.traffic.exchange import Exchange
from sandbox.traffic.live import LiveTable

SWEEP_SECONDS = 0.1
CLIENT_IDLE_SECONDS = 60.0
LAST_MOMENT_SECONDS = 2.0


class Plane:
    def __init__(self, proxy_port: int) -> None:
        self.seal = Seal()
        self.running: set[Exchange] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._counts = Counts()
        self._doors: dict[str, ListenerDoor] = {}
        self._leaving: list[ListenerDoor] = []  # closed, but with requests that still run
        self._proxy = ProxyDoor()
        self._proxy_port = proxy_port
        self._table: LiveTable | None = None
        self.verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "apply": self._apply,
            "counters": self._counters,
        }

    async def open(self) -> dict[str, Any]:
        try:
            await self._proxy.open(self, self._proxy_port)
        except OSError as error:
            raise control.Refusal(f"the proxy can't listen on port {self._proxy_port}: {error.strerror}") from error
        self._sweeper = asyncio.create_task(self._sweep())
        return {"proxy_url": "http://{}:{}".format(*self._proxy.bound)}

    async def close(self) -> None:
        for door in (*self._doors.values(), self._proxy):
            door.close()
        deadline = time.monotonic() + LAST_MOMENT_SECONDS
        while self.running and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._sweeper.cancel()

    async def _apply(self, request: dict[str, Any]) -> dict[str, tuple[str, int]]:
        table = wire.load(wire.Table, request["table"])
        try:
            live = LiveTable(table, self._table, self._counts)
        except KeyError as error:
            raise control.Refusal(f"a rule forwards to {error}, which the table doesn't have") from error
        doors, opened = self._assign(live)
        try:
            for door in opened:
                await door.open(self)
        except OSError as error:
            for door in opened:
                if door.bound[1]:
                    door.close()
            raise control.Refusal(f"can't listen on {door.wanted[0]}:{door.wanted[1]}: {error.strerror}") from error
        before, self._table = self._table, live
        unused = set(self._doors.values()) - set(doors.values())
        self._doors = doors
        for arn, rules in live.listeners.items():
            doors[arn].current = rules
        self._proxy.names = {
            (rules.spec.dns_name.lower(), rules.spec.listen_port): rules for rules in live.listeners.values()
        }
        for door in unused:
            door.close()
        self._leaving += unused
        live.settle(table, before)
        return {arn: door.bound for arn, door in doors.items()}

    def _assign(self, live: LiveTable) -> tuple[dict[str, ListenerDoor], list[ListenerDoor]]:
        """A door for each listener: its own, or one that another listener leaves at that very port, or a new one."""
        doors: dict[str, ListenerDoor] = {}
        opened = []
        for arn, rules in live.listeners.items():
            wanted = (rules.spec.address, rules.spec.port)
            own = self._doors.get(arn)
            left = (
                door
                for other, door in self._doors.items()
                if other not in live.listeners and wanted[1] and door.is_at(wanted)
            )
            door = own if own is not None and own.is_at(wanted) else next(left, None)
            if door is None:
                door = ListenerDoor(rules)
                opened.append(door)
            doors[arn] = door
        return doors, opened

    async def _counters(self, _: dict[str, Any]) -> Any:
        def tallies(counts: dict[str, Count]) -> dict[str, wire.Tally]:
            return {name: count.tally() for name, count in counts.items()}

        running: dict[str, int] = {}
        for exchange in self.running:
            if exchange.target is not None:
                running[exchange.target.id] = running.get(exchange.target.id, 0) + 1
        return wire.dump(
            wire.Counters(
                version=self._table.version if self._table else 0,
                listeners=tallies(self._counts.listeners),
                rules=tallies(self._counts.rules),
                groups=tallies(self._counts.groups),
                targets=tallies(self._counts.targets),
                outstanding=running,
            )
        )

    async def _sweep(self) -> None:
        """Ends what doesn't move: one look at everything now and then costs less than a timer for each request."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for exchange in tuple(self.running):
                if now - exchange.last_moved > exchange.idle_timeout:
                    exchange.timed_out()
            if self._table is not None:
                self._table.close_idle(now)
            self._leaving = [door for door in self._leaving if door.connections]
            for door in (*self._doors.values(), *self._leaving, self._proxy):
                for connection in tuple(door.connections):
                    connection.end_if_idle(now - CLIENT_IDLE_SECONDS)


async def main() -> None:
    await control.serve(Plane(int(sys.argv[1])))


if __name__ == "__main__":
    control.run(main)
