"""A balancer and a host of demo apps for the tests, and a site to put behind one listener."""

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from sandbox.traffic.apphost import AppHost
from sandbox.traffic.balancer import Balancer
from sandbox.traffic.wire import Action, App, Group, Listener, Rule, Share, Table, Target

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def balancer() -> Iterator[Balancer]:
    started = Balancer.start()
    yield started
    said = started._child.last_words()
    started.close()
    assert said == ""


@pytest.fixture(scope="session")
def apps() -> Iterator[AppHost]:
    started = AppHost.start()
    yield started
    said = started._child.last_words()
    started.close()
    assert said == ""


class Site:
    """One listener over the groups it is given; each change is applied at once."""

    def __init__(self, balancer: Balancer, apps: AppHost) -> None:
        self.balancer = balancer
        self.apps = apps
        self.number = next(_numbers)
        self.groups: dict[str, Group] = {}
        self.action = Action("fixed-response", status=404)
        self.rules: tuple[Rule, ...] = ()
        self.listener = Listener(
            f"listener-{self.number}", "web", f"web-{self.number}.elb.test", "127.0.0.1", 0, 80, "HTTP", (), self.action
        )
        self.address = ("", 0)

    def arn(self, name: str) -> str:
        return f"group-{self.number}-{name}"

    def boot(self, id: str, color: str = "blue", **more: object) -> Target:
        app = App(f"{id}-{self.number}", "127.0.0.1", 0, "web", f"v-{color}", color, "repo@sha256:0")
        app = replace(app, **more)  # type: ignore[arg-type]
        return Target(app.id, *self.apps.boot(app), "healthy")

    def group(self, name: str, *targets: Target, **more: object) -> str:
        self.groups[name] = replace(Group(self.arn(name), targets), **more)  # type: ignore[arg-type]
        return self.arn(name)

    def weigh(self, *, sticky: int = 0, **weights: int) -> None:
        shares = tuple(Share(self.arn(name), weight) for name, weight in weights.items())
        self.serve(Action("forward", shares, sticky_seconds=sticky))

    def serve(self, action: Action | None = None) -> None:
        self.action = action or self.action
        listener = replace(self.listener, rules=self.rules, default=self.action)
        bound = self.balancer.apply(Table(next(_numbers), (listener,), tuple(self.groups.values())))
        self.address = bound[self.listener.arn]

    @property
    def connect(self) -> str:
        return "{}:{}".format(*self.address)

    def get(
        self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=5)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response, data

    def color(self, **headers: str) -> str | None:
        return self.get(**headers)[0].headers["X-Service-Color"]

    def raw(self, data: bytes) -> bytes:
        """All that comes back until the balancer closes."""
        with self.open() as sock:
            sock.sendall(data)
            return read_all(sock)

    def open(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=5)

    def wait_for_requests(self, n: int) -> None:
        until = time.monotonic() + 20
        while self.balancer.counters().listeners[self.listener.arn].requests < n:
            assert time.monotonic() < until
            time.sleep(0.02)

    def elb(self) -> dict[str, int]:
        return self.balancer.counters().listeners[self.listener.arn].elb_codes


def read_all(sock: socket.socket) -> bytes:
    pieces = []
    with suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def site(balancer: Balancer, apps: AppHost) -> Iterator[Site]:
    made = Site(balancer, apps)
    yield made
    for target in itertools.chain.from_iterable(group.targets for group in made.groups.values()):
        apps.kill(target.id)
    balancer.apply(Table(next(_numbers), (), ()))


class Rogue:
    """A target that does to each connection what the test says. `seen`: what came in, by connection."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._act = act
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._server]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def target(self) -> Target:
        return Target(f"rogue-{next(_numbers)}", *self.target_address, "healthy")

    @property
    def target_address(self) -> tuple[str, int]:
        host, port = self._server.getsockname()
        return host, port

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                self.connections += 1
                self._sockets.append(sock)
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with suppress(OSError):
            self._act(sock)
        sock.close()


def read_head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise OSError("closed")
        data += piece
    return data


class Rogues:
    """Makes targets that misbehave."""

    def __init__(self) -> None:
        self.made: list[Rogue] = []

    def acting(self, act: Callable[[socket.socket], None]) -> Rogue:
        self.made.append(Rogue(act))
        return self.made[-1]

    def answering(self, *answers: bytes) -> Rogue:
        """On each connection: reads a head, sends an answer, for each of them; then closes."""

        def act(sock: socket.socket) -> None:
            for answer in answers:
                self.read_head(sock)
                sock.sendall(answer)

        return self.acting(act)

    def echoing(self) -> Rogue:
        """Answers each request with what it got of it, head and body by Content-Length."""

        def act(sock: socket.socket) -> None:
            while True:
                data = self.read_head(sock)
                head, _, body = data.partition(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
                while len(body) < wanted:
                    body += sock.recv(65536)
                seen = head + b"\r\n\r\n" + body
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(seen), seen))

        return self.acting(act)

    read_head = staticmethod(read_head)


@pytest.fixture
def rogues() -> Iterator[Rogues]:
    made = Rogues()
    yield made
    for one in made.made:
        one.close()
