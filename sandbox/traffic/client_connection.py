"""One connection of a client: parses its requests, answers them in their order, stays while both sides want that."""

import asyncio
import socket
import struct
import sys
import time
import traceback
from collections import deque
from typing import Protocol, cast

import httptools

from sandbox.traffic import answers
from sandbox.traffic.counting import Count
from sandbox.traffic.exchange import Exchange, Room
from sandbox.traffic.live import LiveRules
from sandbox.traffic.request import MAX_HEADER, MAX_HEADERS, MAX_REQUEST_LINE, BadRequest, Headers, Request

LINGER_SECONDS = 1.0

# Why nothing is read from a client for now.
BEHIND, PIPELINED, SWITCHING, BROKEN = 1, 2, 4, 8


class Door(Protocol):
    """Where clients come in: a listener, or the proxy."""

    closing: bool
    connections: set["ClientConnection"]
    connect_advice: str

    def rules(self, request: Request) -> LiveRules:
        """Raises BadRequest."""

    def count(self) -> Count | None: ...


class ClientConnection(asyncio.Protocol):
    def __init__(self, door: Door, room: Room) -> None:
        self._door = door
        self._room = room
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None  # the one that is being answered
        self._waiting: deque[Exchange] = deque()  # pipelined behind it
        self._incoming: Exchange | None = None  # the one that the parser is in
        self._tunnel: Exchange | None = None
        self._early = b""  # what came right after a request to switch protocols
        self._unsent: list[bytes] = []
        self._holds = 0
        self._slow = self._last = self._in_head = self._lingering = False
        self._broken: BadRequest | None = None
        self._url = b""
        self._headers: Headers = []
        self._head_size = 0
        self.moved = time.monotonic()

    # For the exchange that is being answered.

    def write(self, data: bytes) -> None:
        """Sent a moment later, together with what follows at once: a system call costs more than all the rest."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self.flush)
        self._unsent.append(data)

    def flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent and not self._transport.is_closing():
            self._transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))

    def close_after(self) -> None:
        self._last = True

    def closes_after(self, request: Request) -> bool:
        return self._last or not request.keep_alive or self._door.closing

    def hold(self, exchange: Exchange, behind: bool) -> None:
        """Whether to stop reading: its target takes no more for now."""
        if exchange is self._incoming or exchange is self._tunnel:
            self._hold(BEHIND, behind)

    def tunnel(self, exchange: Exchange) -> None:
        self._tunnel = exchange
        if self._early:
            exchange.to_target(self._early)
        self._hold(SWITCHING, False)

    def abort(self, *, reset: bool) -> None:
        """Ends it as it is; `reset`: so that the client can't take it for the end of the answer."""
        self.flush()
        if reset:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def done(self, exchange: Exchange) -> None:
        self._exchange = None
        self.moved = time.monotonic()
        self._hold(BEHIND, False)
        if self._transport.is_closing():
            return
        if self.closes_after(exchange.request):
            self._close()
        else:
            # Not at once: we may be deep in the parser, and a thousand pipelined requests deeper with each of them.
            asyncio.get_running_loop().call_soon(self._next)

    # For the listener.

    def close_gracefully(self) -> None:
        """Now, where nothing runs; else its running request is its last (the door is closing)."""
        if self._exchange is None and not self._waiting and not self._in_head:
            self._close()

    def end_if_idle(self, since: float) -> None:
        """Ends it where nothing has come since then and nothing runs on a target."""
        if self.moved > since or self._exchange in self._room.running or self._lingering:
            return
        if self._in_head and self._exchange is None:
            self._break_off(BadRequest(408, "the request did not come to its end"))
        else:
            self._close()

    # The transport's.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.peer: str = transport.get_extra_info("peername")[0]
        self._door.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._door.connections.discard(self)
        self._waiting.clear()
        if self._exchange is not None:
            self._exchange.client_gone()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._slow = True
        if self._exchange is not None:
            self._exchange.client_is_slow(True)

    def resume_writing(self) -> None:
        self._slow = False
        if self._exchange is not None:
            self._exchange.client_is_slow(False)
        else:
            self._next()

    def data_received(self, data: bytes) -> None:
        self.moved = time.monotonic()
        if self._tunnel is not None:
            self._tunnel.to_target(data)
            return
        if self._broken or (self._last and self._incoming is None):
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            traceback.print_exc(file=sys.stderr)
            self._break_off(BadRequest(500, "the balancer made a mistake"))
        except httptools.HttpParserError as error:
            # After a request that says "close" nothing may follow; the request itself was right.
            if self._incoming is not None or self._in_head or self._parser.should_keep_alive():
                self._break_off(BadRequest(400, str(error)))
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > MAX_HEADERS:
                self._break_off(BadRequest(400, "the headers are too large"))

    # The parser's.

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > MAX_REQUEST_LINE:
            self._break_off(BadRequest(414, "the request line is too long"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > MAX_HEADER:
            self._break_off(BadRequest(400, "a header is too large"))
        if self._in_head:  # else it is a trailer, which goes no further
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._broken:
            return
        parser = self._parser
        method = parser.get_method()
        http10 = parser.get_http_version() == "1.0"
        try:
            if method in (b"CONNECT", b"TRACE"):
                raise BadRequest(405, self._door.connect_advice if method == b"CONNECT" else "")
            request = Request(method, self._url, self._headers, http10=http10, keep_alive=parser.should_keep_alive())
        except BadRequest as error:
            self._break_off(error)
            return
        exchange = Exchange(self, request, self._room)
        self._incoming = exchange
        if self._exchange is None and not self._waiting and not self._slow:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self._hold(PIPELINED, True)

    def on_body(self, body: bytes) -> None:
        if self._incoming is not None:
            self._incoming.body(body)

    def on_message_complete(self) -> None:
        exchange, self._incoming = self._incoming, None
        if exchange is not None:
            exchange.asked()

    # Inside.

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        try:
            rules = self._door.rules(exchange.request)
        except BadRequest as error:
            self._last = True
            exchange.refuse(error.status, str(error))
        else:
            exchange.start(rules)

    def _next(self) -> None:
        if self._exchange is not None or self._slow or self._transport.is_closing():
            return
        if self._waiting:
            exchange = self._waiting.popleft()
            # Before it starts: the rest of its body may not have been read yet.
            self._hold(PIPELINED, bool(self._waiting))
            self._start(exchange)
        elif self._broken:
            self._say_broken(self._broken)

    def _upgrade(self, rest: bytes) -> None:
        if self._broken:
            return
        running = self._waiting[-1] if self._waiting else self._exchange
        if running is not None and running.request.upgrade:
            # Whether bytes or requests follow is the target's to say; if it declines, this parser can't go on.
            self._early = rest
            running.request.keep_alive = False
            self._hold(SWITCHING, True)
        else:
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self.data_received(rest)

    def _break_off(self, error: BadRequest) -> None:
        if self._broken:
            return
        self._broken = error
        self._in_head = False
        self._hold(BROKEN, True)
        if (count := self._door.count()) is not None and self._incoming is None:
            count.elb_codes[str(error.status)] += 1
        incoming, self._incoming = self._incoming, None
        if incoming is not None and incoming is self._exchange:
            self._last = True
            incoming.broke_off()
            return
        if incoming is not None:
            self._waiting.remove(incoming)
        if self._exchange is None:
            self._next()

    def _say_broken(self, error: BadRequest) -> None:
        head, body = answers.error(error.status, str(error))
        self._transport.write(answers.whole(error.status, head, body, close=True))
        # To close while bytes lie unread would reset the connection, and the client might never see the answer.
        self._transport.write_eof()
        self._lingering = True
        self._hold(BROKEN | PIPELINED | BEHIND | SWITCHING, False)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)

    def _close(self) -> None:
        self.flush()
        self._transport.close()

    def _hold(self, why: int, on: bool) -> None:
        before = self._holds
        self._holds = before | why if on else before & ~why
        if bool(before) != bool(self._holds) and not self._transport.is_closing():
            if self._holds:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
