"""The process that runs all demo apps, each on an address of its own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.traffic import behaviours, control, wire
from sandbox.traffic.app import DemoApp


class Apps:
    def __init__(self) -> None:
        self._apps: dict[str, DemoApp] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self.verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "boot": self._boot,
            "stop": self._stop,
            "kill": self._kill,
            "log": self._log,
            "news": self._take_news,
            "running": self._running,
        }

    async def open(self) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        for app in self._apps.values():
            app.kill()

    async def _boot(self, request: dict[str, Any]) -> tuple[str, int]:
        app = wire.load(wire.App, request["app"])
        running = self._apps.get(app.id)
        if running is not None and not running.ended:
            raise control.Refusal(f"{app.id} runs already")
        try:
            behaviour = behaviours.parse(app.behaviour)
        except ValueError as error:
            raise control.Refusal(str(error)) from error
        demo = DemoApp(app, behaviour, _bind(app))
        self._apps[app.id] = demo
        if app.start_delay > 0:
            starting = asyncio.create_task(demo.listen())
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)
        else:
            await demo.listen()
        return demo.address

    async def _stop(self, request: dict[str, Any]) -> None:
        if app := self._apps.get(request["id"]):
            app.stop(request["grace"])

    async def _kill(self, request: dict[str, Any]) -> None:
        if app := self._apps.get(request["id"]):
            app.kill()

    async def _log(self, request: dict[str, Any]) -> list[str]:
        app = self._apps.get(request["id"])
        return list(app.log) if app else []

    async def _take_news(self, request: dict[str, Any]) -> dict[str, list[tuple[int, str]]]:
        asked = (self._apps.get(id) for id in request["ids"])
        return {app.app.id: news for app in asked if app and (news := app.news())}

    async def _running(self, _: dict[str, Any]) -> dict[str, int]:
        return {id: app.busy for id, app in self._apps.items() if not app.ended}


def _bind(app: wire.App) -> socket.socket:
    """Bound but not listening yet: its port is known, and who connects before the app has started is refused."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((app.address, app.port))
    except OSError as error:
        sock.close()
        raise control.Refusal(f"{app.id} can't listen on {app.address}:{app.port}: {error.strerror}") from error
    return sock


async def main() -> None:
    await control.serve(Apps())


if __name__ == "__main__":
    control.run(main)
