"""A real nginx with the rendered configuration, four demo apps, and one that says what it was sent."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from infra.bundle import nginx
from infra.compose_release import ComposeRelease
from sandbox.traffic.apphost import AppHost
from sandbox.traffic.load import Load
from sandbox.traffic.wire import App
from tests.infra.templates import tools
from tests.infra.templates.releases import PLAIN

HOST = "127.0.0.1"
PINNED = tools.nginx_is(1, 27, 4)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


class Nginx:
    def __init__(self, folder: Path, upstreams: tuple[str, ...], of: ComposeRelease = PLAIN) -> None:
        self.port, self.alive, self.folder = free_port(), free_port(), folder
        (folder / "run").mkdir(mode=0o777)
        folder.chmod(0o777)
        self.conf = folder / "nginx.conf"
        text = nginx(
            of,
            listen=f"{HOST}:{self.port}",
            alive=f"{HOST}:{self.alive}",
            run=str(folder / "run"),
            access_log=str(folder / "access.log"),
            error_log=str(folder / "error.log"),
            upstreams=upstreams,
        )
        # The one thing that instances' nginx knows and an older one doesn't.
        self.conf.write_text(text if PINNED else text.replace("    keepalive_min_timeout 10s;\n", ""))
        # As root it would make its workers another user, who can't enter the test's folders.
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        self._command = [str(tools.nginx()), "-e", str(folder / "error.log"), "-c", str(self.conf), *user]

    def test(self) -> str:
        """What `nginx -t` says. Raises CalledProcessError."""
        said = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        return said.stderr

    def __enter__(self) -> Nginx:
        self.process = subprocess.Popen(self._command)
        until(lambda: self.get("/", port=self.alive)[0] == 200)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)

    def reload(self) -> None:
        self.test()
        self.process.send_signal(signal.SIGHUP)

    def get(
        self, path: str, *, port: int = 0, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(HOST, port or self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def log(self, lines: int = 0) -> list[dict[str, Any]]:
        """At least that many lines: nginx writes them after the answer."""
        until(lambda: len((self.folder / "access.log").read_text().splitlines()) >= lines)
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def load(self, rate: float = 300, seconds: float = 3) -> Load:
        return Load.start(f"{HOST}:{self.port}", HOST, rate=rate, seconds=seconds)


def until(claim: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if claim():
                return
        assert time.monotonic() < end
        time.sleep(0.02)


class Apps:
    """Four of them, as on an instance."""

    def __init__(self, host: AppHost, *behaviours: str) -> None:
        self.host, self.ids = host, [f"app{number}-{time.monotonic_ns()}" for number in range(1, 5)]
        asked = (*behaviours, *["ok"] * (4 - len(behaviours)))
        places = [
            host.boot(App(id, HOST, 0, "shop", "1.0.0", "blue", "shop:1.0.0", behaviour))
            for id, behaviour in zip(self.ids, asked, strict=True)
        ]
        self.upstreams = tuple(f"{address}:{port}" for address, port in places)


class Echo(BaseHTTPRequestHandler):
    """Says what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            time.sleep(1.5)
        if self.path == "/hangs" or self.path.startswith("/health/deep"):
            time.sleep(5)
        if self.path == "/breaks":
            self.server.broke.append(self.command)  # type: ignore[attr-defined]
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.dumps({**{name.lower(): self.headers[name] for name in self.headers}, "path": self.path}).encode()
        self.send_response(200)
        if self.path == "/heads":
            for number in range(4):
                self.send_header(f"X-Long-{number}", "x" * 7000)
        self.send_header("Content-Length", str(len(body + sent)))
        self.end_headers()
        self.wfile.write(body + sent)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass
