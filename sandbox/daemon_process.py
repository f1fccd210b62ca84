"""The daemon's own process: starts the cloud and what it needs, says on stdout that it is ready, and serves."""

import argparse
import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sandbox.running import LOG, Lock, write_running

DEFAULT_REGION = "eu-central-1"
CHILD_WATCH = 1.0  # seconds


def main() -> int:
    given = _arguments()
    home = Path(given.home)
    lock = Lock(home)
    if not lock.acquire():
        return _refuse("already running", f"another sandbox runs in {home}")
    write_running(home, None)  # what a dead one left must not be taken for us
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with contextlib.ExitStack() as stack:
        children = _Children()
        try:
            about = _serve(stack, given, children)
        except OSError as error:
            return _refuse("port", f"port {given.port}: {error.strerror or error}")
        except RuntimeError as error:
            return _refuse("failed", str(error))
        running = {**about, "pid": os.getpid(), "speed": given.speed, "started": time.time(), "home": str(home)}
        stack.callback(write_running, home, None)
        write_running(home, running)
        print(json.dumps({"ready": running}), flush=True)
        if given.attached:
            threading.Thread(target=_end_with_parent, args=(stopping,), daemon=True).start()
        _log_to_file(home)
        while not stopping.wait(CHILD_WATCH):
            if dead := children.dead():
                print(f"the {dead} process has ended: the sandbox can't go on", flush=True)
                return 1
    return 0


class _Children:
    """The data plane and the apps, each in a process of its own, started while moto is imported, which takes longer."""

    def __init__(self) -> None:
        self._started: dict[str, Any] = {}
        self._starts = [
            threading.Thread(target=self._start, args=(name, module, handle))
            for name, module, handle in (
                ("apps", "sandbox.traffic.apphost", "AppHost"),
                ("plane", "sandbox.traffic.balancer", "Balancer"),
            )
        ]
        for start in self._starts:
            start.start()

    def ready(self, stack: contextlib.ExitStack) -> tuple[Any, Any]:
        """The apps' host and the data plane. Raises RuntimeError."""
        for start in self._starts:
            start.join()
        failed = [child for child in self._started.values() if isinstance(child, Exception)]
        for child in self._started.values():
            if child not in failed:
                stack.callback(child.close)
        if failed:
            raise RuntimeError(str(failed[0])) from failed[0]
        return self._started["apps"], self._started["plane"]

    def dead(self) -> str:
        return " and ".join(name for name, child in self._started.items() if not child.alive)

    def _start(self, name: str, module: str, handle: str) -> None:
        try:
            self._started[name] = getattr(importlib.import_module(module), handle).start()
        except Exception as error:
            self._started[name] = error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox.daemon_process")
    parser.add_argument("--home", required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--attached", action="store_true", help="end when stdin does")
    return parser.parse_args()


def _serve(stack: contextlib.ExitStack, given: argparse.Namespace, children: _Children) -> dict[str, Any]:
    """Starts everything; what it pushes onto the stack ends it again. Says where things are."""
    os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")  # no web page has business here
    # moto is three hundred thousand objects, which stay: nobody looks for garbage among them, now or ever after.
    gc.disable()
    try:
        from sandbox.cloud.clock import ScaledClock
        from sandbox.cloud.cloud import Cloud
        from sandbox.cloud.control import Control
        from sandbox.cloud.endpoint import Endpoint
        from sandbox.cloud.faulting import Faulting
        from sandbox.cloud.httpd import Server
        from sandbox.cloud.probing import HttpProber
        from sandbox.cloud.stores import ACCOUNT
        from sandbox.cloud.weather import Weather
    finally:
        gc.freeze()
        gc.enable()
        apps, plane = children.ready(stack)
    clock = ScaledClock(given.speed)
    prober = HttpProber()
    stack.callback(prober.close)
    cloud = Cloud(clock, apps, plane, prober)
    stack.callback(cloud.close)
    weather = Weather(clock)
    about: dict[str, Any] = {"account": ACCOUNT, "speed": given.speed, "proxy_url": plane.proxy_url}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    server = Server(Endpoint(cloud, Control(cloud, Faulting(cloud, weather), about, region), weather), given.port)
    about["endpoint"] = server.url
    stack.callback(server.close)
    cloud.run()
    server.run()
    return about


def _refuse(kind: str, reason: str) -> int:
    print(json.dumps({"refused": kind, "reason": reason}), flush=True)
    return 1


def _end_with_parent(stopping: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    stopping.set()


def _log_to_file(home: Path) -> None:
    """stdout was a pipe to who started us, and goes away with them."""
    log = os.open(home / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


if __name__ == "__main__":
    sys.exit(main())
