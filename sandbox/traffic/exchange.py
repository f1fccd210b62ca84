"""One request's life: where it goes, what it gets sent, what comes back, and what is said when something breaks."""

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from sandbox.traffic import answers, cookies, forwarding
from sandbox.traffic.counting import Count, answered
from sandbox.traffic.forwarding import Framing
from sandbox.traffic.live import LiveRule, LiveRules, LiveTarget
from sandbox.traffic.request import Headers, Request
from sandbox.traffic.routing import route
from sandbox.traffic.target_connection import TargetConnection, dial

if TYPE_CHECKING:
    from sandbox.traffic.client_connection import ClientConnection

BUFFERED_WHILE_CONNECTING = 64 * 1024


class Room(Protocol):
    """What an exchange needs of the data plane around it."""

    seal: cookies.Seal
    running: set["Exchange"]
    tasks: set["asyncio.Task[None]"]


class Exchange:
    def __init__(self, client: "ClientConnection", request: Request, room: Room) -> None:
        self.request = request
        self.last_moved = time.monotonic()
        self.idle_timeout = 60.0
        self._client = client
        self._room = room
        self._places: tuple[Count, ...] = ()
        self.target: LiveTarget | None = None
        self._connection: TargetConnection | None = None
        self._reused = False
        self._unsent: list[bytes] = []
        self._asked = not request.has_body  # all of the request is here
        self._begun = False  # the client has got the head of an answer
        self._answered = False  # all of the answer is out
        self._over = False
        self._set_cookies = b""
        self._framing = Framing.NONE

    def start(self, listener: LiveRules) -> None:
        self._listener = listener
        rule = listener.match(self.request)
        self._places = (listener.count, rule.count)
        action = rule.action
        if action.kind == "forward":
            self._forward(rule)
            return
        spec = listener.spec
        for count in self._places:
            count.redirects += action.kind == "redirect"
            count.fixed_responses += action.kind != "redirect"
        head, body = answers.own(action, self.request, spec.protocol, spec.listen_port)
        self._say(action.status, head, body)

    def refuse(self, status: int, why: str = "") -> None:
        """Answers with an error of the balancer's own, or cuts the answer short when that has begun."""
        self._drop_connection()
        if self._begun:
            # Where the end of the connection is the answer's end, only a reset can say that this isn't it.
            self._client.abort(reset=self._framing == Framing.CLOSE)
            self._finish()
            return
        for count in self._places:
            count.elb_codes[str(status)] += 1
        self._say(status, *answers.error(status, why))

    # What the client does.

    def body(self, data: bytes) -> None:
        if self._answered:  # whoever answered before he had heard all doesn't want the rest
            return
        self.last_moved = time.monotonic()
        piece = forwarding.chunk(data) if self.request.chunked else data
        if self._connection is not None:
            self._connection.write(piece)
            return
        self._unsent.append(piece)
        if sum(map(len, self._unsent)) > BUFFERED_WHILE_CONNECTING:
            self._client.hold(self, True)

    def asked(self) -> None:
        if self._asked:
            return
        self._asked = True
        if self.request.chunked and not self._answered:
            if self._connection is not None:
                self._connection.write(forwarding.LAST_CHUNK)
            else:
                self._unsent.append(forwarding.LAST_CHUNK)
        if self._answered:
            self._finish()

    def to_target(self, data: bytes) -> None:
        """After a switch of protocols: bytes as they are."""
        self.last_moved = time.monotonic()
        if self._connection is not None:
            self._connection.write(data)

    def broke_off(self) -> None:
        """What the client sends is no request any more, in the middle of a body."""
        self._asked = True
        self.refuse(400)

    def client_gone(self) -> None:
        if not self._begun:
            for count in self._places:
                count.elb_codes["460"] += 1
        if self._connection is not None and self._connection.tunnelling:
            self._connection.close()  # what is still on its way to the target gets there
            self._connection = None
        self._drop_connection()
        self._finish()

    def client_is_slow(self, slow: bool) -> None:
        if self._connection is not None:
            self._connection.pause(slow)

    # What the target does.

    def target_is_slow(self, slow: bool) -> None:
        self._client.hold(self, slow)

    def answer_begins(self, status: int, reason: bytes, headers: Headers, length: bytes | None) -> None:
        now = time.monotonic()
        answered(self._places, status, now - self._sent_at)
        self.last_moved = now
        self._begun = True
        self._framing = forwarding.framing(self.request, status, length)
        if self._framing == Framing.CLOSE:
            self._client.close_after()
        close = self._client.closes_after(self.request)
        self._client.write(
            forwarding.response_head(status, reason, headers, self._framing, close=close, more=self._set_cookies)
        )

    def answer_goes_on(self, data: bytes) -> None:
        self.last_moved = time.monotonic()
        self._client.write(forwarding.chunk(data) if self._framing == Framing.CHUNKED else data)

    def answer_ends(self, keep_alive: bool) -> None:
        if self._framing == Framing.CHUNKED:
            self._client.write(forwarding.LAST_CHUNK)
        connection, self._connection = self._connection, None
        if connection is not None:
            if not self._asked:
                connection.abort()  # rather than wait until it has taken what it doesn't want
            elif keep_alive and not self.request.upgrade:
                connection.keep()
            else:
                connection.close()
        self._answer_is_out()

    def switched(self, headers: Headers) -> bool:
        """101: from now on bytes go both ways as they are. False: nobody had asked for that."""
        if not self.request.upgrade:
            self.target_failed()
            return False
        answered(self._places, 101, time.monotonic() - self._sent_at)
        self._begun = True
        self._client.write(forwarding.switching_head(headers))
        self._client.tunnel(self)
        return True

    def to_client(self, data: bytes) -> None:
        self.last_moved = time.monotonic()
        self._client.write(data)

    def target_failed(self) -> None:
        """It said something that is no answer, or nothing, or ended before its answer's end."""
        if self._begun:
            for count in self._places:
                count.cut_short += 1
        self.refuse(502)

    def target_gone(self, ended: bool) -> None:
        """`ended`: the answer was of the kind that ends with its connection."""
        connection, self._connection = self._connection, None
        if self._over or connection is None:
            return
        if ended:
            self.answer_ends(False)
        elif connection.tunnelling:
            self._client.close_after()
            self._asked = True
            self._answer_is_out()
        elif self._reused and connection.silent and self.request.may_repeat:
            # It had closed the connection before this request reached it: no failure of the target's.
            self._dial()
        else:
            self.target_failed()

    def timed_out(self) -> None:
        """Nothing has moved for longer than the idle timeout."""
        status = 504 if self._asked else 408
        if not self._asked:
            self._client.close_after()
            self._asked = True
        self.refuse(status)

    # Inside.

    def _forward(self, rule: LiveRule) -> None:
        way = route(rule, self.request, self._room.seal)
        if way is None:
            self.refuse(503)
            return
        target = way.target
        self._set_cookies = way.set_cookies
        self.idle_timeout = way.group.idle_timeout
        self._places += (way.group.count, target.count)
        for count in self._places:
            count.requests += 1
        self.target = target
        target.outstanding += 1
        self._room.running.add(self)
        spec = self._listener.spec
        proto = spec.protocol.lower().encode()
        self._head = forwarding.request_head(self.request, self._client.peer, proto, spec.listen_port)
        if self.request.expects_continue:
            self._client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while target.idle:
            connection = target.idle.pop()
            if connection.usable:
                self._reused = True
                self._send(connection)
                return
        self._dial()

    def _dial(self) -> None:
        self._reused = False
        task = asyncio.get_running_loop().create_task(self._connect())
        self._room.tasks.add(task)
        task.add_done_callback(self._room.tasks.discard)

    async def _connect(self) -> None:
        target = self.target
        assert target is not None
        try:
            connection = await dial(target)
        except OSError as error:  # TimeoutError is one
            if not self._over:
                for count in self._places:
                    count.connection_errors += 1
                self.refuse(504 if isinstance(error, TimeoutError) else 502)
            return
        if self._answered or self._over:
            connection.keep()
        else:
            self._send(connection)

    def _send(self, connection: TargetConnection) -> None:
        self._connection = connection
        unsent, self._unsent = self._unsent, []
        self._sent_at = time.monotonic()
        if unsent:
            self._client.hold(self, False)  # before it is sent: sending may find the target slow and hold it again
        connection.begin(self, b"".join((self._head, *unsent)) if unsent else self._head)

    def _say(self, status: int, head: bytes, body: bytes) -> None:
        self._begun = True
        if not self._asked and self.request.expects_continue and self.target is None:
            self._client.close_after()  # nobody told the client to go on, so what comes next could be body or request
        close = self._client.closes_after(self.request)
        bodiless = self.request.method == b"HEAD"
        self._client.write(answers.whole(status, head, body, close=close, bodiless=bodiless))
        self._answer_is_out()

    def _answer_is_out(self) -> None:
        self._answered = True
        self._leave_target()
        if self._asked:
            self._finish()
        else:
            # The rest of the request is read and dropped: a client that is still sending might not read the answer.
            self._client.hold(self, False)

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        self._leave_target()
        self._client.done(self)

    def _leave_target(self) -> None:
        if self.target is not None and self in self._room.running:
            self._room.running.discard(self)
            self.target.outstanding -= 1
