"""Health checks on the wire: one HTTP GET per check, on a connection of its own, as a load balancer does it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Check:
    """`timeout` in real seconds. `host` is what goes into the Host header: the target's own address and port."""

    address: str
    port: int
    path: str
    timeout: float


@dataclass(frozen=True)
class Outcome:
    """Of a check: a status, or why there was none."""

    status: int = 0
    timed_out: bool = False


class Prober(Protocol):
    def probe(self, check: Check, done: Callable[[Outcome], None]) -> None:
        """Begins a check; `done` may be called from another thread."""
        ...


class HttpProber:
    """Probes from an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="prober", daemon=True)
        self._thread.start()

    def probe(self, check: Check, done: Callable[[Outcome], None]) -> None:
        asyncio.run_coroutine_threadsafe(self._probe(check, done), self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)

    async def _probe(self, check: Check, done: Callable[[Outcome], None]) -> None:
        try:
            async with asyncio.timeout(check.timeout):
                outcome = Outcome(status=await _get(check))
        except TimeoutError:
            outcome = Outcome(timed_out=True)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            outcome = Outcome()
        done(outcome)


async def _get(check: Check) -> int:
    """The status of the answer. Raises OSError, ValueError (no HTTP) and asyncio's reading errors."""
    reader, writer = await asyncio.open_connection(check.address, check.port)
    try:
        writer.write(
            f"GET {check.path} HTTP/1.1\r\nHost: {check.address}:{check.port}\r\nConnection: close\r\n"
            "User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n".encode()
        )
        line = await reader.readuntil(b"\r\n")
        version, status, *_ = line.split(b" ", 2)
        if not version.startswith(b"HTTP/"):
            raise ValueError(f"not HTTP: {line!r}")
        return int(status)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
