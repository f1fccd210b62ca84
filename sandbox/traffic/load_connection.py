"""One keep-alive connection of the load generator: one request at a time, and what became of it."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

# kind, status, color, version, and whether the connection can take another request
Ended = Callable[["LoadConnection", str, int, str, str, bool], None]


class LoadConnection(asyncio.Protocol):
    def __init__(self, ended: Ended, gone: Callable[["LoadConnection"], None]) -> None:
        self._ended = ended
        self._gone = gone
        self._parser = httptools.HttpResponseParser(self)
        self._busy = False
        self.due = 0.0  # when its request should have been sent
        self.idle_since = 0.0

    def send(self, data: bytes, due: float) -> None:
        self.due = due
        self._busy = True
        self._color = self._version = ""
        self._head_seen = self._framed = False
        self._transport.write(data)

    def give_up(self) -> None:
        """Its request has taken too long."""
        self._end("timeout", 0, False)
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    @property
    def busy(self) -> bool:
        return self._busy

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self._transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("garbled", 0, False)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy:
            if self._head_seen and not self._framed and exc is None:
                self._answered(False)
            else:
                self._end("reset", self._parser.get_status_code() if self._head_seen else 0, False)
        self._gone(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        if key == b"x-service-color":
            self._color = value.decode("latin-1")
        elif key == b"x-service-version":
            self._version = value.decode("latin-1")
        elif key in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        self._head_seen = True

    def on_message_complete(self) -> None:
        if self._busy:
            self._answered(self._parser.should_keep_alive())

    def _answered(self, keep_alive: bool) -> None:
        status = self._parser.get_status_code()
        self._end("ok" if status < 400 else f"{status // 100}xx", status, keep_alive)
        if not keep_alive:
            self._transport.close()

    def _end(self, kind: str, status: int, reusable: bool) -> None:
        self._busy = False
        self._ended(self, kind, status, self._color, self._version, reusable)
