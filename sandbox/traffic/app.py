"""One demo app: answers who it is on any path, is healthy or not by its behaviour, and stops as a good app should.

Besides: `/sleep/<ms>` answers that much later, `/bytes/<n>` with that many bytes, `/status/<code>` with that status,
`/env-names` with the names of the variables in its environment. Several replicas behind one address are one process
that says which of them answered.
"""

import asyncio
import json
import socket
from collections import deque
from http import HTTPStatus

from sandbox.traffic.app_connection import Answer, AppConnection, Asked
from sandbox.traffic.behaviours import Behaviour
from sandbox.traffic.replicas import Replicas
from sandbox.traffic.wire import App

LAME_DUCK_SECONDS = 0.2
BIGGEST_BODY = 1 << 30
SECONDS_PER_LINE = 1.0  # of the log of requests: at a thousand a second nobody would read the rest
STATUSES = frozenset(int(status) for status in HTTPStatus)


class DemoApp:
    def __init__(self, app: App, behaviour: Behaviour, sock: socket.socket) -> None:
        self.app = app
        self.behaviour = behaviour
        self.log: deque[str] = deque(maxlen=200)
        self._news: deque[tuple[int, str]] = deque(maxlen=200)
        self._told_at = float("-inf")
        self._untold = 0
        self._replicas = Replicas(app.replicas)
        self._checks = frozenset({"/health", "/health/deep", app.health_path})
        self.connections: set[AppConnection] = set()
        self.stopping = False
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self.address: tuple[str, int] = sock.getsockname()
        self._server: asyncio.AbstractServer | None = None
        self._listening_since = 0.0
        self._asked = 0
        self._timers: list[asyncio.TimerHandle] = []
        about = {"service": app.service, "version": app.version, "color": app.color, "instance": app.id}
        self._about = {**about, "image": app.image}
        self._names = Answer(200, json.dumps({"names": sorted(app.variables)}).encode() + b"\n")
        headers = "".join(
            f"X-Service-{name}: {value}\r\n"
            for name, value in (("Version", app.version), ("Color", app.color), ("Instance", app.id))
        )
        numbers = [""] + [f"X-Service-Replica: {number}\r\n" for number in range(1, app.replicas + 1)]
        self._headers = [(headers + number).encode() for number in numbers]
        self._plain = Answer(200, json.dumps(self._about).encode() + b"\n")

    async def listen(self) -> None:
        if self.app.start_delay > 0:
            self.say(f"starting {self.app.image}, {self.app.start_delay:g} s")
            await asyncio.sleep(self.app.start_delay)
        if self.stopping or self.ended:
            return
        self._server = await self._loop.create_server(lambda: AppConnection(self), sock=self._sock, backlog=1024)
        self._listening_since = self._loop.time()
        self.say(f"{self.app.version} listens on {self.address[0]}:{self.address[1]}")
        if self.behaviour.kind == "dies":
            self._timers.append(self._loop.call_later(self.behaviour.amount, self._die))

    def stop(self, grace: float) -> None:
        """No new connections; what runs may end. An idle connection is closed a moment later than it could be:
        a request may be on its way on it already, and is still answered."""
        if self.stopping or self.ended:
            return
        self.stopping = True
        self.say(f"stopping, {self.busy} requests are running, {grace:g} s for them")
        self._close_listener()
        self._timers.append(self._loop.call_later(min(LAME_DUCK_SECONDS, grace / 2), self._close_idle))
        self._timers.append(self._loop.call_later(grace, self.kill))

    def kill(self) -> None:
        if self.ended:
            return
        if self.connections or not self.stopping:
            self.say(f"killed, {self.busy} requests were running")
        self._close_listener()
        for connection in tuple(self.connections):
            connection.reset()
        self._end()

    @property
    def busy(self) -> int:
        return sum(connection.busy for connection in self.connections)

    def say(self, text: str) -> None:
        self.log.append(text)
        self._news.append((1, text))

    def news(self) -> list[tuple[int, str]]:
        """What was said since the last time, by whom of the replicas."""
        news = list(self._news)
        self._news.clear()
        return news

    def gone(self, connection: AppConnection) -> None:
        self.connections.discard(connection)
        if self.stopping and not self.ended and not self.connections:
            self.say("stopped")
            self._end()

    def answer(self, asked: Asked) -> Answer:
        answer = self._answer(asked)
        if self._replicas.several:
            answer = Answer(answer.status, answer.body, answer.delay, answer.filler, self._replicas.take())
        self._tell(asked, answer)
        return answer

    def answered(self, answer: Answer) -> None:
        if answer.replica:
            self._replicas.give_back(answer.replica)

    def _tell(self, asked: Asked, answer: Answer) -> None:
        """A line about this request, and how many there were since the last one. Checks that pass are left out."""
        if answer.status == 200 and asked.path in self._checks:
            return
        now = self._loop.time()
        if now - self._told_at < SECONDS_PER_LINE:
            self._untold += 1
            return
        line = {"method": asked.method.decode("latin-1"), "path": asked.path, "status": answer.status}
        self._news.append((answer.replica or 1, json.dumps({**line, "unlogged": self._untold})))
        self._told_at, self._untold = now, 0

    def _answer(self, asked: Asked) -> Answer:
        path = asked.path
        uptime = self._loop.time() - self._listening_since
        if path == "/health":
            return Answer(200, b'{"status": "up"}\n')
        if path in self._checks:
            if self.behaviour.healthy(uptime):
                return Answer(200, b'{"status": "healthy"}\n')
            return Answer(503, b'{"status": "unhealthy"}\n')
        if path == "/env-names":
            return self._names
        if not self.behaviour.warm(uptime):
            return Answer(503, b'{"error": "still starting"}\n')
        self._asked += 1
        if self.behaviour.fails(self._asked - 1):
            return Answer(500, b'{"error": "this release fails on purpose"}\n')
        return self._on_request(asked)

    def head(self, answer: Answer, close: bool) -> bytes:
        reason = HTTPStatus(answer.status).phrase
        return b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s\r\n" % (
            answer.status,
            reason.encode(),
            answer.length,
            self._headers[answer.replica],
            b"Connection: close\r\n" if close else b"",
        )

    def _on_request(self, asked: Asked) -> Answer:
        delay = self.behaviour.delay
        if asked.received:
            return Answer(200, json.dumps({**self._about, "received": asked.received}).encode() + b"\n", delay)
        word, _, number = asked.path[1:].partition("/")
        if number.isdecimal():
            amount = int(number)
            if word == "sleep":
                return Answer(200, self._plain.body, delay + amount / 1000)
            if word == "bytes" and amount <= BIGGEST_BODY:
                return Answer(200, b"", delay, amount)
            if word == "status" and 200 <= amount < 600 and amount in STATUSES:
                return Answer(amount, self._plain.body, delay)
        return self._plain if not delay else Answer(200, self._plain.body, delay)

    def _die(self) -> None:
        self.say("dies, as its image's tag says")
        self.kill()

    def _close_idle(self) -> None:
        for connection in tuple(self.connections):
            connection.close_if_idle()
        if not self.connections and not self.ended:
            self.say("stopped")
            self._end()

    def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()
        self._sock.close()

    def _end(self) -> None:
        self.ended = True
        for timer in self._timers:
            timer.cancel()
