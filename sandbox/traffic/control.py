"""The process's own end: an event loop that answers lines of JSON on stdin until they stop, or the parent has gone."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sandbox.traffic.wire import WireError, line

PARENT_VARIABLE = "SANDBOX_TRAFFIC_PARENT"
PARENT_WATCH_SECONDS = 1.0
OPEN_FILES = 8192


class Refusal(Exception):
    """What was asked can't be done; the text is for the person who reads the parent's error."""


class Service(Protocol):
    verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]

    async def open(self) -> dict[str, Any]: ...

    async def close(self) -> None: ...


class _Lines(asyncio.Protocol):
    """stdin, cut into lines. A table may be longer than any stream reader's limit."""

    def __init__(self, queue: "asyncio.Queue[bytes | None]") -> None:
        self._queue = queue
        self._rest: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for text in whole:
            self._queue.put_nowait(b"".join((*self._rest, text)))
            self._rest.clear()
        if rest:
            self._rest.append(rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._queue.put_nowait(None)


async def serve(service: Service) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGTERM, lines.put_nowait, None)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what some library prints must not get between the answers
    transport, _ = await loop.connect_read_pipe(lambda: _Lines(lines), sys.stdin)
    orphaned = asyncio.create_task(parent_gone())
    orphaned.add_done_callback(lambda _: lines.put_nowait(None))
    try:
        answers.write(line({"answer": await service.open()}))
    except Refusal as refusal:
        answers.write(line({"error": str(refusal)}))
        lines.put_nowait(None)
    while (text := await lines.get()) is not None:
        answers.write(line(await _answer(service, text)))
    orphaned.cancel()
    transport.close()
    await service.close()


async def _answer(service: Service, text: bytes) -> dict[str, Any]:
    try:
        request = json.loads(text)
        return {"answer": await service.verbs[request["verb"]](request)}
    except (Refusal, WireError) as refusal:
        return {"error": str(refusal)}
    except Exception as error:  # the data plane goes on serving whatever was wrong with one line
        return {"error": f"{type(error).__name__}: {error}"}


async def parent_gone() -> None:
    """Returns when the process that started this one has ended; never, where nobody of this package did.

    Some other child of the parent may have inherited our stdin's other end, so that EOF alone doesn't tell.
    """
    # Told, not asked for: a parent that died while we were starting isn't the one we would be given now.
    parent = int(os.environ.get(PARENT_VARIABLE, "0"))
    while not parent or os.getppid() == parent:
        await asyncio.sleep(PARENT_WATCH_SECONDS)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """On uvloop where there is one."""

    async def entry() -> None:
        await main()

    _allow_many_files()
    try:
        import uvloop
    except ImportError:
        asyncio.run(entry())
    else:
        uvloop.run(entry())


def _allow_many_files() -> None:
    """Each connection is one, and some systems' first limit is 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
