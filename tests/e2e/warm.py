"""The command, or the look-alike `pulumi`, in a process that has its modules loaded: that is half of what a verb takes.

A server without threads has loaded them. For each call it forks a keeper, and the keeper forks the driver, waits for it
and tells how it ended. So a driver is a process of its own as ever, with its own pid, environment, folder and signals;
only what happens before `main` is not played, and what libraries find out anew in each process is known already.
`Play.bare` starts the command as a user does.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import re
import select
import signal
import socket
import subprocess
import sys
import time
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
_USED = re.compile(r"\baws\.(\w+)\.(\w+)")
_SALT = re.compile(r"^encryptionsalt: (\S+)", re.MULTILINE)
_SERVICES = (
    "application-autoscaling",
    "autoscaling",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "iam",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "ssm",
    "sts",
)


class Driver:
    """As much of `subprocess.Popen` as plays use. `program`: `bluegreen`, or `pulumi` for the look-alike."""

    def __init__(self, argv: list[str], environ: dict[str, str], cwd: Path, program: str = "bluegreen") -> None:
        self.args, self.returncode = argv, None
        out, err, self._told = (os.pipe() for _ in range(3))
        call = json.dumps({"argv": argv, "environ": environ, "cwd": str(cwd), "program": program}).encode()
        with contextlib.ExitStack() as closing:
            for _, write in (out, err, self._told):
                closing.callback(os.close, write)
            server = _server()
            socket.send_fds(server, [f"{len(call):08}".encode()], [out[1], err[1], self._told[1]])
            server.sendall(call)
        self.stdout = os.fdopen(out[0], "r", encoding="utf-8")
        self.stderr = os.fdopen(err[0], "r", encoding="utf-8")
        self._keeper = os.fdopen(self._told[0], "r", encoding="utf-8")
        self.pid = int(self._keeper.readline())

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        until = None if timeout is None else time.monotonic() + timeout
        said: dict[int, bytes] = {self.stdout.fileno(): b"", self.stderr.fileno(): b""}
        open_ = set(said)
        while open_:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select(open_, [], [], left)
            if not ready:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            for one in ready:
                said[one] += (more := os.read(one, 65536))
                if not more:
                    open_.discard(one)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        out, err = (text.decode() for text in said.values())
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._keeper], [], [], timeout)[0]:
            self.returncode = int(self._keeper.readline())
        return self.returncode


@functools.cache
def _server() -> socket.socket:
    """One for each process of the test run; it ends when that does."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "tests.e2e.warm", str(theirs.fileno())]
        subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return ours


def serve(calls: socket.socket) -> None:
    """Forks a keeper for each call until nobody is there to call."""
    _load()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, files, _, _ = socket.recv_fds(calls, 8, 3)
        if not head:
            return
        text = b""
        while len(text) < int(head):
            text += calls.recv(int(head) - len(text))
        call = json.loads(text)
        _derive_key(call)
        if os.fork() == 0:
            calls.close()
            _keep(call, *files)
        for file in files:
            os.close(file)


def _derive_key(call: dict[str, Any]) -> None:
    """The key of the stack's secrets, which takes a third of a second by design: derived once for all that follow."""
    from sandbox.engine import crypto

    with contextlib.suppress(OSError, ValueError, crypto.WrongPassphrase):
        option = "--stack" if call["program"] == "pulumi" else "-s"
        stack = call["argv"][call["argv"].index(option) + 1]
        salt = _SALT.search((Path(call["cwd"]) / f"Pulumi.{stack}.yaml").read_text())
        passphrase = call["environ"].get("PULUMI_CONFIG_PASSPHRASE")
        if salt and passphrase is not None:
            crypto.restore(passphrase, salt[1])


def _keep(call: dict[str, Any], out: int, err: int, told: int) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        os.dup2(out, 1)
        os.dup2(err, 2)
        for file in (out, err):
            os.close(file)
        _drive(call)
    for file in (out, err, 1, 2):
        os.close(file)
    os.write(told, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _drive(call: dict[str, Any]) -> NoReturn:
    os.environ.clear()
    os.environ.update(call["environ"])
    os.chdir(call["cwd"])
    sys.argv = [call["program"], *call["argv"]]
    gc.unfreeze()
    try:
        if call["program"] == "pulumi":
            from sandbox.lookalike.command import main as look_alike

            sys.exit(look_alike(call["argv"], os.environ))
        from driver.cli import main

        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 0 if end.code is None else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _load() -> None:
    """What verbs load, and from pulumi_aws what the program names."""
    import pulumi_aws

    for package in ("driver", "infra", "sandbox.engine", "sandbox.provider", "sandbox.lookalike"):
        found = importlib.import_module(package)
        for one in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not one.name.endswith("__main__"):
                importlib.import_module(one.name)
    for name in ("boto3", "pulumi.automation", "sandbox.embedded", "sandbox.provider"):
        importlib.import_module(name)
    used = set()
    for file in (ROOT / "infra").rglob("*.py"):
        for module, name in _USED.findall(file.read_text()):
            used.add(getattr(getattr(pulumi_aws, module, None), name, None))
    _load_types(used)
    _load_models()
    # What every release's digest takes in beside its own values, by which it is the same for all.
    importlib.import_module("infra.bundle").sources()


def _load_types(classes: Iterable[Any]) -> None:
    """What pulumi knows of its classes: their properties and those of what these hold, out of the annotations. And none
    looks up the source of each frame for each resource, which no engine here reads."""
    from pulumi import _types
    from pulumi.runtime import resource
    from pulumi.runtime.proto import source_pb2

    resource._get_stack_trace = source_pb2.StackTrace
    left, seen = list(classes), set()
    while left:
        one = left.pop()
        left.extend(typing.get_args(one))
        if isinstance(one, type) and one not in seen and one.__module__.startswith("pulumi_aws."):
            seen.add(one)
            left.extend(_types._types_from_py_properties(one).values())
            _types._py_properties(one)


def _load_models() -> None:
    """What botocore knows of each service: each file is read once, whichever loader of a session asks for it."""
    import botocore.hooks
    import botocore.loaders
    import botocore.session

    from sandbox.provider import clients

    reader = botocore.loaders.JSONFileLoader
    read = reader.load_file
    once = functools.cache(lambda path: read(reader(), path))
    reader.load_file = lambda _, path: once(path)
    # The names of events are those of every session.
    known = botocore.hooks.EventAliaser(botocore.hooks.HierarchicalEmitter())
    alias = botocore.hooks.EventAliaser._alias_event_name
    botocore.hooks.EventAliaser._alias_event_name = lambda _, name: alias(known, name)
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *_: loader
    session = botocore.session.Session()
    for service in _SERVICES:
        session.create_client(service, "eu-central-1", aws_access_key_id="none", aws_secret_access_key="none")
    clients.session()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as calls:
        serve(calls)
