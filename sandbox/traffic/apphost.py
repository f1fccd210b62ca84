"""The parent's handle on the one process that runs all demo apps."""

from collections.abc import Sequence

from sandbox.traffic import wire
from sandbox.traffic.child import Child


class AppHost:
    def __init__(self, child: Child) -> None:
        self._child = child

    @classmethod
    def start(cls) -> "AppHost":
        return cls(Child("sandbox.traffic.apps"))

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.alive

    def boot(self, app: wire.App) -> tuple[str, int]:
        """Where it listens, or will after its `start_delay`. Raises TrafficError: address taken, id running already."""
        address, port = self._child.ask("boot", app=wire.dump(app))
        return address, port

    def stop(self, id: str, grace: float) -> None:
        """Begins a graceful stop and returns: no new connections, running requests have `grace` seconds to end.

        An id that doesn't run is fine.
        """
        self._child.ask("stop", id=id, grace=grace)

    def kill(self, id: str) -> None:
        """Resets all its connections, now."""
        self._child.ask("kill", id=id)

    def log(self, id: str) -> list[str]:
        """What it has said since it was booted; stays readable after its end."""
        lines: list[str] = self._child.ask("log", id=id)
        return lines

    def news(self, ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
        """What those apps have said since they were last asked: of which replica, and the line."""
        answer = self._child.ask("news", ids=list(ids))
        return {id: [(int(replica), str(line)) for replica, line in lines] for id, lines in answer.items()}

    def running(self) -> dict[str, int]:
        """The apps that haven't ended, by id, with how many requests each is answering."""
        counts: dict[str, int] = self._child.ask("running")
        return counts

    def close(self) -> None:
        self._child.close()
