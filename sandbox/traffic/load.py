"""The load generator: `python -m sandbox.traffic.load` on the command line, `Load` as a handle on such a process.

It sends GET at a fixed rate whatever becomes of the requests before, and counts each one's outcome: ok (below 400),
4xx, 5xx, refused, reset, timeout, garbled. Each second one line of JSON says what was sent and what ended in it; the
last line, with "final", says the same of the whole. Latencies count from when a request should have been sent.
"""

import argparse
import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from sandbox.traffic import control
from sandbox.traffic.child import TrafficError, end, spawn
from sandbox.traffic.load_loop import Aim, LoadLoop
from sandbox.traffic.load_report import Report


class Load:
    """`latest` is the last second's line, once there is one."""

    def __init__(self, process: "subprocess.Popen[bytes]", on_second: Callable[[dict[str, Any]], None] | None) -> None:
        self.latest: dict[str, Any] | None = None
        self._process = process
        self._on_second = on_second
        self._final: dict[str, Any] | None = None
        self._reader = threading.Thread(target=self._read, name="load", daemon=True)
        self._reader.start()

    @classmethod
    def start(
        cls,
        connect: str,
        host: str,
        path: str = "/",
        rate: float = 200,
        *,
        seconds: float = 0,
        timeout: float = 5,
        on_second: Callable[[dict[str, Any]], None] | None = None,
    ) -> "Load":
        """`connect`: ADDRESS:PORT; `host`: what the Host header says. `on_second` runs in a thread of its own."""
        arguments = {"connect": connect, "host": host, "path": path, "rate": rate, "seconds": seconds}
        flags = [f"--{name}={value}" for name, value in {**arguments, "timeout": timeout}.items()]
        return cls(spawn("sandbox.traffic.load", *flags), on_second)

    def wait(self) -> Report:
        """Until the `seconds` it was started for are over. Raises TrafficError: it died."""
        self._reader.join()
        return self._close()

    def stop(self) -> Report:
        """Sends no more, lets running requests end. Raises TrafficError: it had died."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()
        return self._close()

    def _close(self) -> Report:
        end(self._process)
        if self._final is None:
            raise TrafficError(f"the load generator ended without a report (exit {self._process.returncode})")
        return Report.of(self._final)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = json.loads(text)
            if line.get("final"):
                self._final = line
                return
            self.latest = line
            if self._on_second is not None:
                self._on_second(line)


async def _main(aim: Aim) -> None:
    loop = asyncio.get_running_loop()
    load = LoadLoop(aim)
    loop.add_signal_handler(signal.SIGTERM, load.stop)
    loop.add_signal_handler(signal.SIGINT, load.stop)
    # A terminal or /dev/null says nothing about whether somebody still wants this load; a pipe does.
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: load.stop() if not os.read(0, 4096) else None)
    orphaned = asyncio.create_task(control.parent_gone())
    orphaned.add_done_callback(lambda _: load.stop())
    await load.run()
    orphaned.cancel()
    loop.remove_reader(0)


def _aim(arguments: list[str]) -> Aim:
    parser = argparse.ArgumentParser(prog="python -m sandbox.traffic.load", description=__doc__)
    parser.add_argument("--connect", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--host", required=True, help="what the Host header says")
    parser.add_argument("--path", default="/")
    parser.add_argument("--rate", type=float, default=200, help="requests per second")
    parser.add_argument("--seconds", type=float, default=0, help="0: until it is stopped")
    parser.add_argument("--timeout", type=float, default=5, help="seconds that a request may take")
    given = parser.parse_args(arguments)
    address, _, port = given.connect.rpartition(":")
    if not address or not port.isdecimal():
        parser.error(f"--connect is ADDRESS:PORT, not {given.connect!r}")
    if given.rate <= 0:
        parser.error("--rate is more than 0")
    return Aim(address, int(port), given.host, given.path, given.rate, given.seconds, given.timeout)


if __name__ == "__main__":
    aim = _aim(sys.argv[1:])
    control.run(lambda: _main(aim))
