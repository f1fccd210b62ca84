"""The file backend: where stacks, their history, backups and locks lie under `.pulumi/`."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.engine.failure import CommandFailed

ORGANIZATION = "organization"


def open_backend(url: str) -> FileBackend:
    """Raises CommandFailed for anything but a `file://` URL of a directory that exists."""
    if not url:
        raise CommandFailed("PULUMI_BACKEND_URL must be set in non-interactive mode", code=1)
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise CommandFailed(f"unknown backend cloudUrl format '{url}' (this engine keeps state in file://… only)")
    path = unquote(parts.netloc + parts.path)
    root = Path(path).expanduser()
    if not root.is_dir():
        raise CommandFailed(f"unable to open bucket {url}: stat {root}: no such file or directory")
    return FileBackend(root.absolute(), url)


class FileBackend:
    """Reads and writes files only; knows the layout, not what the state means."""

    def __init__(self, root: Path, url: str) -> None:
        self.url = url
        self.home = root / ".pulumi"

    def ensure(self) -> None:
        """Writes the marker that says which layout this is."""
        if not (self.home / "meta.yaml").exists():
            self.write("meta.yaml", b"version: 1\n")

    def key(self, name: str) -> Path:
        return self.home / name

    def exists(self, project: str, stack: str) -> bool:
        return self.state_path(project, stack).exists()

    def state_path(self, project: str, stack: str) -> Path:
        return self.home / "stacks" / project / f"{stack}.json"

    def stacks(self) -> Iterator[tuple[str, str]]:
        """Project and name of each stack."""
        for path in sorted((self.home / "stacks").glob("*/*.json")):
            yield path.parent.name, path.name.removesuffix(".json")

    def read_state(self, project: str, stack: str) -> bytes:
        return self.state_path(project, stack).read_bytes()

    def save_state(self, project: str, stack: str, text: str) -> None:
        """Replaces the state in one step, so that a crash leaves the old or the new one, never half of it."""
        path = self.state_path(project, stack)
        if path.exists():
            # A hard link to what is about to be replaced costs nothing, whatever the size of the state.
            _relink(path, path.with_name(path.name + ".bak"))
        self.write(f"stacks/{project}/{stack}.json", text.encode(), attributes=False)

    def finish_state(self, project: str, stack: str) -> None:
        """After an update: the attributes beside the state, and a copy in `backups/`."""
        path = self.state_path(project, stack)
        data = path.read_bytes()
        _write_attributes(path, data)
        self.write(f"backups/{project}/{stack}/{stack}.{time.time_ns()}.json", data)

    def remove(self, project: str, stack: str, *, keep_backups: bool = True) -> None:
        path = self.state_path(project, stack)
        if keep_backups and path.exists():
            _relink(path, path.with_name(path.name + ".bak"))
        for leftover in (path, _attributes(path)):
            leftover.unlink(missing_ok=True)
        shutil.rmtree(self.home / "history" / project / stack, ignore_errors=True)

    def add_history(self, project: str, stack: str, entry: Mapping[str, Any]) -> None:
        prefix = f"history/{project}/{stack}/{stack}-{time.time_ns()}"
        self.write(f"{prefix}.history.json", json.dumps(entry, indent=1).encode())
        self.write(f"{prefix}.checkpoint.json", self.read_state(project, stack))

    def history(self, project: str, stack: str) -> list[Path]:
        """The entries' files, newest first."""
        return sorted((self.home / "history" / project / stack).glob("*.history.json"), reverse=True)

    def lock_directory(self, project: str, stack: str) -> Path:
        return self.home / "locks" / ORGANIZATION / project / stack

    def write(self, name: str, data: bytes, *, attributes: bool = True) -> None:
        """Writes a file through a temporary one beside it. Raises OSError, and then nothing has changed."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        if attributes:
            _write_attributes(path, data)
        else:
            _attributes(path).unlink(missing_ok=True)


def _attributes(path: Path) -> Path:
    return path.with_name(path.name + ".attrs")


def _write_attributes(path: Path, data: bytes) -> None:
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    record = {
        "user.cache_control": "",
        "user.content_disposition": "",
        "user.content_encoding": "",
        "user.content_language": "",
        "user.content_type": "text/plain; charset=utf-8",
        "user.metadata": None,
        "md5": digest,
    }
    _attributes(path).write_text(json.dumps(record, separators=(",", ":")) + "\n")


def _relink(path: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
