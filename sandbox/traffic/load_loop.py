"""The open loop: sends at a fixed rate whatever becomes of what was sent before, as users do."""

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import dataclass

from sandbox.traffic.load_connection import LoadConnection
from sandbox.traffic.load_report import Outcome, Tally

# As many as a shell's usual limit of open files leaves room for. What finds none free waits, and its clock runs.
MAX_CONNECTIONS = 800
# Shorter than any server's patience, so that it is always we who close an idle connection, with no request on its way.
IDLE_SECONDS = 10.0
# The event loop's clock: to wait for less would make it spin.
CLOCK_GRAIN_SECONDS = 0.001
# What that clock is late by is not the server's latency. More is counted: a server that stalls us makes us late, too.
OWN_LATENESS_SECONDS = 0.002


@dataclass(frozen=True)
class Aim:
    """`seconds` 0: until it is stopped. `timeout` in seconds, from when a request should have been sent."""

    address: str
    port: int
    host: str
    path: str
    rate: float
    seconds: float = 0.0
    timeout: float = 5.0


class LoadLoop:
    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._bytes = f"GET {aim.path} HTTP/1.1\r\nHost: {aim.host}\r\nUser-Agent: bluegreen-load\r\n\r\n".encode()
        self._tally = Tally()
        self._idle: list[LoadConnection] = []
        self._open: set[LoadConnection] = set()
        self._dialling: dict[asyncio.Task[None], float] = {}
        self._waiting: deque[float] = deque()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self._stopped.set()

    async def run(self) -> None:
        started, self._start = time.time(), time.monotonic()
        printer = asyncio.create_task(self._print_seconds())
        await self._send_all()
        while self._running and time.monotonic() < self._end + self._aim.timeout:
            await asyncio.sleep(0.005)
            self._give_up()
        self._give_up(everything=True)
        printer.cancel()
        self._print(self._tally.final(time.monotonic() - self._start, started))

    @property
    def _running(self) -> int:
        return sum(connection.busy for connection in self._open) + len(self._dialling) + len(self._waiting)

    async def _send_all(self) -> None:
        aim, n = self._aim, 0
        total = round(aim.rate * aim.seconds) if aim.seconds else sys.maxsize
        while n < total and not self._stopped.is_set():
            now = time.monotonic()
            while n < total and (due := self._start + n / aim.rate) <= now:
                self._tally.sent()
                self._send(due if now - due > OWN_LATENESS_SECONDS else now)
                n += 1
            await asyncio.sleep(max(self._start + n / aim.rate - time.monotonic(), CLOCK_GRAIN_SECONDS))
        self._end = time.monotonic()

    def _send(self, due: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                connection.send(self._bytes, due)
                return
        if len(self._open) + len(self._dialling) >= MAX_CONNECTIONS:
            self._waiting.append(due)
            return
        task = asyncio.get_running_loop().create_task(self._dial(due))
        self._dialling[task] = due
        task.add_done_callback(lambda done: self._dialling.pop(done, None))

    async def _dial(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        left = max(due + self._aim.timeout - time.monotonic(), 0.001)
        try:
            async with asyncio.timeout(left):
                _, connection = await loop.create_connection(
                    lambda: LoadConnection(self._ended, self._open.discard), self._aim.address, self._aim.port
                )
        except TimeoutError:
            self._count("timeout", due)
        except OSError as error:
            self._count("reset" if isinstance(error, ConnectionResetError) else "refused", due)
        else:
            self._open.add(connection)
            connection.send(self._bytes, due)

    def _ended(
        self, connection: LoadConnection, kind: str, status: int, color: str, version: str, reusable: bool
    ) -> None:
        self._count(kind, connection.due, status, color, version)
        if not reusable:
            return
        if self._waiting:
            # Not from within the parser, which is still at the answer before.
            asyncio.get_running_loop().call_soon(self._reuse, connection)
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def _reuse(self, connection: LoadConnection) -> None:
        if self._waiting and connection.usable:
            connection.send(self._bytes, self._waiting.popleft())
        else:
            self._idle.append(connection)

    def _count(self, kind: str, due: float, status: int = 0, color: str = "", version: str = "") -> None:
        now = time.monotonic()
        self._tally.ended(Outcome(due - self._start, kind, status, color, version, now - due))

    def _give_up(self, everything: bool = False) -> None:
        """On requests that have had their time; `everything`: on all that still run."""
        limit = float("inf") if everything else time.monotonic() - self._aim.timeout
        for connection in [one for one in self._open if one.busy and one.due < limit]:
            connection.give_up()
        while self._waiting and self._waiting[0] < limit:
            self._count("timeout", self._waiting.popleft())
        if everything:
            for task, due in tuple(self._dialling.items()):
                task.cancel()
                self._count("timeout", due)

    async def _print_seconds(self) -> None:
        second = 0
        while True:
            second += 1
            for part in range(1, 11):
                await asyncio.sleep(max(self._start + second - 1 + part / 10 - time.monotonic(), 0))
                self._give_up()
            self._print(self._tally.next_second(time.monotonic() - self._start))
            while self._idle and time.monotonic() - self._idle[0].idle_since > IDLE_SECONDS:
                self._idle.pop(0).close()

    def _print(self, line: dict[str, object]) -> None:
        try:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # nobody listens any more
            self.stop()
