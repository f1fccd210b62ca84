"""Requests through the balancer, as a client sends them; by an HTTP proxy where one is named."""

from __future__ import annotations

import http.client
import os
from urllib.parse import urlsplit

from driver.ports import Answers, Fetched

PATIENCE = 3.0
"""Seconds for one connection: longer than a healthy balancer takes, shorter than a person waits for a hint."""

_MOST = 1 << 20
"""Bytes of an answer that are read: a check looks for a word, not for a download."""


class HttpProbe:
    """`BLUEGREEN_PROBE_PROXY` names a proxy that takes absolute-form requests, e.g. a sandbox's."""

    def __init__(self, proxy: str | None = None) -> None:
        self.proxy = proxy if proxy is not None else os.environ.get("BLUEGREEN_PROBE_PROXY", "")

    def ask(self, url: str, times: int) -> Answers:
        if not url:
            return Answers(False, why="the record names no address")
        statuses: list[int] = []
        colors: list[str] = []
        for _ in range(times):
            try:
                status, color = self._once(url)
            except (OSError, http.client.HTTPException) as error:
                if not statuses:
                    return Answers(False, why=f"{url} can't be reached from here: {error or type(error).__name__}")
                status, color = 0, ""
            statuses.append(status)
            colors.append(color)
        return Answers(True, tuple(statuses), tuple(colors))

    def fetch(self, url: str) -> Fetched:
        try:
            status, _, body = self._get(url)
        except (OSError, http.client.HTTPException) as error:
            return Fetched(0, why=str(error) or type(error).__name__)
        return Fetched(status, body.decode(errors="replace"))

    def _once(self, url: str) -> tuple[int, str]:
        status, color, _ = self._get(url)
        return status, color

    def _get(self, url: str) -> tuple[int, str, bytes]:
        connection, path = self._connect(url)
        try:
            connection.request("GET", path, headers={"Host": urlsplit(url).netloc, "User-Agent": "bluegreen-probe"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("X-Service-Color", ""), answer.read(_MOST)
        finally:
            connection.close()

    def _connect(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self.proxy:
            proxy = urlsplit(self.proxy)
            absolute = f"{parts.scheme}://{parts.netloc}{path}"
            return http.client.HTTPConnection(proxy.hostname or "", proxy.port or 80, timeout=PATIENCE), absolute
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=PATIENCE), path
