"""The stack's lock: a file that names user, host and pid, in the words of the real CLI."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sandbox.engine.backend import FileBackend
from sandbox.engine.failure import CommandFailed


@contextlib.contextmanager
def held(backend: FileBackend, project: str, stack: str) -> Iterator[None]:
    """Holds the stack's lock. Raises CommandFailed where another does; of two at once at most one gets it."""
    directory = backend.lock_directory(project, stack)
    own = directory / f"{uuid.uuid4()}.json"
    _refuse_if_locked(directory, own)
    backend.write(str(own.relative_to(backend.home)), json.dumps(_owner(), separators=(",", ":")).encode())
    try:
        # Both may have looked before either had written: who sees another's file now withdraws.
        _refuse_if_locked(directory, own)
        yield
    finally:
        for leftover in (own, own.with_name(own.name + ".attrs")):
            leftover.unlink(missing_ok=True)


def break_all(backend: FileBackend, project: str, stack: str) -> None:
    """Deletes every lock of the stack, whoever holds it."""
    for file in list(backend.lock_directory(project, stack).glob("*.json*")):
        file.unlink(missing_ok=True)


def _owner() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "username": getpass.getuser(),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }


def _refuse_if_locked(directory: Path, own: Path) -> None:
    others = sorted(file for file in directory.glob("*.json") if file != own)
    lines = [line for file in others if (line := _line(file))]
    if lines:
        raise CommandFailed(
            f"the stack is currently locked by {len(lines)} lock(s). Either wait for the other process(es) to end or "
            "delete the lock file with `pulumi cancel`." + "".join(lines)
        )


def _line(file: Path) -> str:
    try:
        owner = json.loads(file.read_text())
        when = datetime.fromisoformat(owner["timestamp"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        whose = f"created by {owner['username']}@{owner['hostname']} (pid {owner['pid']}) at {when}"
    except FileNotFoundError:
        return ""  # its owner has finished meanwhile
    except (ValueError, KeyError, TypeError):
        whose = "unreadable"
    return f"\n  file://{file}: {whose}"
