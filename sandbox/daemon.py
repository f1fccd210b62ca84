"""A sandbox's life: started, found again, stopped. Imports nothing heavy: the cloud runs in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.running import LOG, Lock, read_running, write_running

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class SandboxError(Exception):
    """What happened, why, and what to do next."""

    def __init__(self, what: str, why: str, next: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what, self.why, self.next = what, why, next


@dataclass(frozen=True)
class Running:
    """A sandbox that lives. `started`: seconds since the epoch."""

    endpoint: str
    proxy_url: str
    pid: int
    speed: float
    started: float
    home: Path
    account: str

    def environ(self, region: str | None = None) -> dict[str, str]:
        """What a process needs in its environment to use this sandbox for AWS."""
        values = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_BACKEND_URL": f"file://{self.home / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_HOME": str(self.home / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "BLUEGREEN_PROJECT": str(self.home / "project"),
            "BLUEGREEN_CLOCK_SPEED": f"{self.speed:g}",
            "BLUEGREEN_PROBE_PROXY": self.proxy_url,
        }
        return values | ({"AWS_REGION": region} if region else {})


def start(home: Path, *, speed: float = 1.0, port: int = 0, detach: bool = True) -> Running:
    """Returns when the sandbox is ready. One that isn't detached ends with this process. Raises SandboxError."""
    home = home.resolve()
    if not 0 < speed <= 1000:
        raise SandboxError(
            "the sandbox was not started",
            f"speed {speed:g} is not above 0 and at most 1000",
            "bluegreen sandbox start --speed 30",
        )
    if running := find(home):
        raise _already(running)
    _look_at(home)
    _clear_dead(home)
    if port:
        _check_port(port)
    process = _spawn(home, speed, port, detach)
    answer = _first_line(process)
    if "ready" in answer:
        assert process.stdout is not None
        process.stdout.close()
        if not detach:
            _attached.append(process)  # its stdin closes with us, and that ends it
        return _running(answer["ready"])
    process.wait(5)
    if answer.get("refused") == "already running" and (found := _wait_for(home)):
        raise _already(found)
    if answer.get("refused") == "port":
        raise SandboxError("the sandbox was not started", answer["reason"], "bluegreen sandbox start --port 0")
    raise SandboxError("the sandbox was not started", answer["reason"], f"$ tail {home / LOG}")


def find(home: Path) -> Running | None:
    """The sandbox of that home, if it lives."""
    home = home.resolve()
    found = read_running(home)
    return _running(found) if found and Lock(home).held else None


def died(home: Path) -> int | None:
    """The process id of a sandbox that ended without being stopped (killed, or the machine restarted)."""
    home = home.resolve()
    found = read_running(home)
    return int(found["pid"]) if found and not Lock(home).held else None


def stop(home: Path) -> Running:
    """Ends the sandbox of that home, and says which it was. Raises SandboxError: none runs."""
    home = home.resolve()
    running = find(home)
    if running is None:
        pid = died(home)
        _clear_dead(home)
        why = f"none runs in {home}" if pid is None else f"process {pid} is dead; cleaned up"
        raise SandboxError("no sandbox to stop", why, "bluegreen sandbox start")
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(running.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise SandboxError(
                "the sandbox was not stopped", f"process {running.pid} belongs to another user", "ask them to stop it"
            ) from error
        if _released(home):
            break
    _clear_dead(home)
    return running


_attached: list["subprocess.Popen[bytes]"] = []


def _spawn(home: Path, speed: float, port: int, detach: bool) -> "subprocess.Popen[bytes]":
    arguments = ["--home", str(home), "--speed", repr(speed), "--port", str(port)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with (home / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.daemon_process", *arguments, *([] if detach else ["--attached"])],
            stdin=subprocess.DEVNULL if detach else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd=home,
            env={**_neutral_environ(), "PYTHONPATH": path},
        )


def _neutral_environ() -> dict[str, str]:
    """Ours, without a person's AWS settings: their profile or account mean nothing there. The region may stay."""
    kept = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith(("AWS_", "MOTO_"))}


def _first_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """What the new process says; where it says nothing, its death or silence is the reason."""
    import select

    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if line.endswith(b"\n"):
        answer: dict[str, Any] = json.loads(line)
        return answer
    if not ready:
        process.kill()
        return {"reason": f"it wasn't ready after {START_SECONDS:g} s"}
    return {"reason": f"its process ended with {process.wait(5)}"}


def _look_at(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / LOG).touch(mode=0o600)
    except OSError as error:
        raise SandboxError(
            "the sandbox was not started", f"{home} can't be used: {error.strerror}", "choose another --home"
        ) from error


def _check_port(port: int) -> None:
    """Sooner and in clearer words than the daemon could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SandboxError(
                "the sandbox was not started", f"port {port}: {error}", "bluegreen sandbox start --port 0"
            ) from error


def _clear_dead(home: Path) -> None:
    if died(home) is not None:
        write_running(home, None)


def _released(home: Path) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while Lock(home).held:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _wait_for(home: Path) -> Running | None:
    """The one that another start is just bringing up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and Lock(home).held:
        if running := find(home):
            return running
        time.sleep(0.05)
    return None


def _running(found: dict[str, Any]) -> Running:
    return Running(
        endpoint=found["endpoint"],
        proxy_url=found["proxy_url"],
        pid=int(found["pid"]),
        speed=float(found["speed"]),
        started=float(found["started"]),
        home=Path(found["home"]),
        account=found["account"],
    )


def _already(running: Running) -> SandboxError:
    return SandboxError(
        "the sandbox was not started",
        f"one runs already in {running.home}: {running.endpoint}, process {running.pid}, speed {running.speed:g}",
        "bluegreen sandbox env, or bluegreen sandbox stop",
    )
