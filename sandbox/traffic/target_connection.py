"""One connection to a target: carries one request at a time, kept for the next one while both sides want that."""

import asyncio
import sys
import time
import traceback
from typing import TYPE_CHECKING, cast

import httptools

from sandbox.traffic.live import LiveTarget
from sandbox.traffic.request import Headers

if TYPE_CHECKING:
    from sandbox.traffic.exchange import Exchange

# A load balancer's limit for the head of an answer, in bytes.
MAX_RESPONSE_HEAD = 32 * 1024

CONNECT_TIMEOUT_SECONDS = 10.0


async def dial(target: LiveTarget) -> "TargetConnection":
    """Raises OSError; TimeoutError is one."""
    async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: TargetConnection(target), target.address, target.port
        )
    return connection


class TargetConnection(asyncio.Protocol):
    def __init__(self, target: LiveTarget) -> None:
        self._target = target
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self.tunnelling = False
        self.silent = True  # no byte of an answer yet
        self.idle_since = 0.0
        self._paused = False
        self._over = False
        self._reset()

    def begin(self, exchange: "Exchange", data: bytes) -> None:
        """Sends the first bytes of a request."""
        self._exchange = exchange
        self.silent = True
        self._reset()
        self._transport.write(data)

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def keep(self) -> None:
        """The exchange is over: waits for another, or closes where the target is on its way out."""
        self._exchange = None
        self.pause(False)
        if self._target.leaving or self._transport.is_closing():
            self._transport.close()
        else:
            self.idle_since = time.monotonic()
            self._target.idle.append(self)

    def close(self) -> None:
        self._exchange = None
        self._transport.close()

    def abort(self) -> None:
        self._exchange = None
        self._transport.abort()

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def pause(self, on: bool) -> None:
        """Stops reading its answer, or goes on."""
        if on != self._paused and not self._transport.is_closing():
            self._paused = on
            if on:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:  # an answer that nobody asked for must not become the next request's
            self._transport.abort()
            return
        if self.tunnelling:
            exchange.to_client(data)
            return
        self.silent = False
        if not self._head_seen:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.tunnelling and (rest := data[upgrade.args[0] :]):
                exchange.to_client(rest)
        except httptools.HttpParserCallbackError:
            traceback.print_exc(file=sys.stderr)
            exchange.target_failed()
        except httptools.HttpParserError:
            if self._exchange is exchange:
                exchange.target_failed()
            else:
                self._transport.abort()
        else:
            if not self._head_seen and self._head_size > MAX_RESPONSE_HEAD:
                exchange.target_failed()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.target_gone(ended=exc is None and self._head_seen and self._until_close)
        elif self in self._target.idle:
            self._target.idle.remove(self)

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.target_is_slow(True)

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.target_is_slow(False)

    def on_message_begin(self) -> None:
        if self._exchange is None:  # right behind an answer, before anybody could have asked for another
            self._transport.abort()

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_seen:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._exchange is None or self._over:
            return
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._interim = True
            return
        self._head_seen = True
        keys = {name.lower(): value for name, value in self._headers}
        length = keys.get(b"content-length")
        self._until_close = length is None and b"transfer-encoding" not in keys and status not in (204, 304)
        if status == 101:
            self._over = True
            self.tunnelling = self._exchange.switched(self._headers)
            return
        without_body = self._exchange.request.method == b"HEAD"
        if without_body:
            # The parser can't be told and would wait for a body. Whatever the target sends after this is a mistake.
            self._until_close = False
            self._over = True
        self._exchange.answer_begins(status, self._reason, self._headers, length)
        if without_body and self._exchange is not None:
            keep_alive = self._parser.should_keep_alive() or b"close" not in keys.get(b"connection", b"").lower()
            self._parser = httptools.HttpResponseParser(self)
            self._exchange.answer_ends(keep_alive)

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None and not self._over:
            self._exchange.answer_goes_on(body)

    def on_message_complete(self) -> None:
        if self._interim:
            self._reset()
        elif self._exchange is not None and not self._over:
            self._over = True
            self._exchange.answer_ends(self._parser.should_keep_alive())

    def _reset(self) -> None:
        self._reason = b""
        self._headers: Headers = []
        self._head_size = 0
        self._over = self._head_seen = self._interim = self._until_close = False
