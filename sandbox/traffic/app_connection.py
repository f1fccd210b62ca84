"""One connection to a demo app: parses requests, sends answers in their order, keeps alive until told to stop."""

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import Protocol, cast

import httptools

PIECE = b"0123456789abcdef" * 4096


@dataclass(frozen=True)
class Asked:
    method: bytes
    path: str
    received: int
    keep_alive: bool


class Answer:
    """`filler`: instead of a body that many bytes, made while they are sent. `delay` in seconds.

    `replica`: which of several gives it, from 1; 0 where there is one.
    """

    __slots__ = ("body", "delay", "filler", "replica", "status")

    def __init__(self, status: int, body: bytes, delay: float = 0.0, filler: int = 0, replica: int = 0) -> None:
        self.status = status
        self.replica = replica
        self.body = body
        self.delay = delay
        self.filler = filler

    @property
    def length(self) -> int:
        return self.filler or len(self.body)


class Owner(Protocol):
    stopping: bool
    connections: set["AppConnection"]

    def answer(self, asked: Asked) -> Answer: ...

    def head(self, answer: Answer, close: bool) -> bytes: ...

    def answered(self, answer: Answer) -> None: ...

    def gone(self, connection: "AppConnection") -> None: ...


class AppConnection(asyncio.Protocol):
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Asked] = deque()
        self._answering = False
        self._receiving = False
        self._closing = False
        self._paused = False
        self._filler = 0
        self._replied: Answer | None = None
        self._url = b""
        self._received = 0

    @property
    def busy(self) -> bool:
        return self._answering or self._receiving

    def reset(self) -> None:
        """Ends it with RST instead of FIN, as the kernel does for a process killed with data unread."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close_if_idle(self) -> None:
        if not self.busy:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._closing = True
        self._end()
        self._owner.gone(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Not on offer: that request was answered as it is, and what follows is the next one.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._transport.close()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._filler:
            self._fill()

    def on_message_begin(self) -> None:
        self._receiving = True
        self._url = b""
        self._received = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._received += len(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        path = self._url.partition(b"?")[0].decode("latin-1")
        keep_alive = self._parser.should_keep_alive()
        self._waiting.append(Asked(self._parser.get_method(), path, self._received, keep_alive))
        if not self._answering:
            self._next()

    def _next(self) -> None:
        if not self._waiting or self._closing:
            return
        asked = self._waiting.popleft()
        self._answering = True
        answer = self._replied = self._owner.answer(asked)
        if answer.delay:
            self._loop.call_later(answer.delay, self._send, asked, answer)
        else:
            self._send(asked, answer)

    def _send(self, asked: Asked, answer: Answer) -> None:
        if self._closing:
            return
        self._last = not asked.keep_alive or self._owner.stopping
        head = self._owner.head(answer, self._last)
        if asked.method == b"HEAD" or answer.status in (204, 304):
            self._transport.write(head)
        else:
            self._transport.write(head + answer.body)
            self._filler = answer.filler
        self._fill()

    def _end(self) -> None:
        if self._replied is not None:
            answer, self._replied = self._replied, None
            self._owner.answered(answer)

    def _fill(self) -> None:
        while self._filler and not self._paused and not self._closing:
            piece = min(self._filler, len(PIECE))
            self._filler -= piece
            self._transport.write(PIECE[:piece])
        if self._filler:
            return
        self._answering = False
        self._end()
        if self._last:
            self._transport.close()
        else:
            self._next()
