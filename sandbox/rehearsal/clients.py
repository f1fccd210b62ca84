"""The clients of a rehearsal: the load generator in a process of its own, and what it has counted so far."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.rehearsal.outcome import Tally


@dataclass
class Clients:
    """Load at a fixed rate, from `start` to `stop`. Safe to read from another thread."""

    process: subprocess.Popen[str]
    _sent: int = 0
    _failed: int = 0
    _by_color: dict[str, int] = field(default_factory=dict)
    _final: dict[str, Any] = field(default_factory=dict)
    _last: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reader: threading.Thread | None = None

    @classmethod
    def start(cls, address: str, port: int, host: str, rate: float, path: str = "/") -> Clients:
        """Begins to send `rate` requests a second to a balancer's listener on this machine."""
        argv = [sys.executable, "-m", "sandbox.traffic.load", "--connect", f"{address}:{port}"]
        argv += ["--host", host, "--path", path, "--rate", f"{rate:g}"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        clients = cls(process)
        clients._reader = threading.Thread(target=clients._read, daemon=True)
        clients._reader.start()
        return clients

    def tally(self) -> Tally:
        """What was counted up to the last full second."""
        with self._lock:
            return Tally(self._sent, self._failed, dict(self._by_color))

    def last_second(self) -> Mapping[str, Any]:
        """The generator's newest line."""
        with self._lock:
            return dict(self._last)

    def stop(self) -> Mapping[str, Any]:
        """Ends the load, waits for the requests under way, and gives the generator's final line."""
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._reader:
            self._reader.join(timeout=10)
        return self._final

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError), self._lock:
                self._count(json.loads(line))

    def _count(self, said: dict[str, Any]) -> None:
        if said.get("final"):
            self._final = said
            self._sent, self._failed = said.get("sent", self._sent), said.get("failed", self._failed)
            self._by_color = dict(said.get("by_color", self._by_color))
            return
        self._last = said
        self._sent += said["sent"]
        self._failed += said["failed"]
        for color, count in said["by_color"].items():
            self._by_color[color] = self._by_color.get(color, 0) + count
