"""Clients that say nothing: their connections end, those that are at work don't."""

import asyncio
from typing import Any

import pytest

from sandbox.traffic import plane, wire
from sandbox.traffic.wire import Action, Listener, Table

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many

IDLE = 0.5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "CLIENT_IDLE_SECONDS", IDLE)
    monkeypatch.setattr(plane, "SWEEP_SECONDS", 0.02)


async def conversation(sent: list[bytes], pause: float) -> bytes:
    """Sends these with a pause after each; returns what came back until the balancer closed."""
    room = plane.Plane(0)
    await room.open()
    fixed = Action("fixed-response", status=200, body="hello")
    listener = Listener("l", "web", "web.test", "127.0.0.1", 0, 80, "HTTP", (), fixed)
    bound: Any = await room.verbs["apply"]({"table": wire.dump(Table(1, (listener,), ()))})
    reader, writer = await asyncio.open_connection(*bound["l"])
    for data in sent:
        writer.write(data)
        await asyncio.sleep(pause)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await room.close()
    return answer


def test_an_idle_connection_is_closed(quick: None) -> None:
    assert asyncio.run(conversation([], 0)) == b""


def test_one_that_is_in_use_is_not(quick: None) -> None:
    get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert asyncio.run(conversation([get] * 4, IDLE * 0.4)).count(b"hello") == 4


def test_half_a_head_is_a_408(quick: None) -> None:
    assert asyncio.run(conversation([b"GET / HTTP/1.1\r\nHo"], 0)).startswith(b"HTTP/1.1 408 ")


def test_half_a_body_that_nobody_waits_for_is_closed(quick: None) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    assert asyncio.run(conversation([head], 0)).startswith(b"HTTP/1.1 200 ")
