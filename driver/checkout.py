"""The project's directory: which stack, its config, and the record written back into its file."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from driver.errors import Invalid
from driver.room import writing
from infra.record import RECORD_KEYS, Deployed, Record, precise, to_data

_PREFIX = "bluegreen:"


class Checkout:
    """A directory with Pulumi.yaml, and one stack of it."""

    def __init__(self, root: Path, stack: str) -> None:
        self.root = root
        self.stack = stack

    @property
    def file(self) -> Path:
        return self.root / f"Pulumi.{self.stack}.yaml"

    @cached_property
    def project(self) -> str:
        return str(_project(self.root)["name"])

    def data(self) -> dict[str, Any]:
        """The stack's file as it is now. Raises Invalid where there is none or it can't be read."""
        if not self.file.is_file():
            raise self._unknown()
        data = _read(self.file)
        if not isinstance(data.get("config") or {}, dict):
            raise Invalid(f"{self.file} can't be used", "its `config` is not a mapping of keys to values")
        return data

    def config(self) -> dict[str, Any]:
        """Config by full key: the project's defaults, then the stack's own."""
        found: dict[str, Any] = {}
        for key, value in (_project(self.root).get("config") or {}).items():
            if isinstance(value, Mapping) and ("value" in value or "default" in value):
                value = value.get("value", value.get("default"))  # noqa: PLW2901
            found[self._full(key)] = value
        found.update({self._full(key): value for key, value in (self.data().get("config") or {}).items()})
        return found

    def texts(self) -> dict[str, str]:
        """The same, as a program sees it: everything as text, objects as JSON."""
        return {key: _text(value) for key, value in self.config().items() if not _secret(value)}

    @contextlib.contextmanager
    def private(self, record: Record | None = None, based_on: str = "") -> Any:
        """A config file of this process alone: the checkout's settings with other record keys, or as they are.

        Another driver in the same checkout then can't deploy our wish, nor we its.
        """
        import tempfile

        data = self.data()
        if record is not None:
            config = {key: value for key, value in (data.get("config") or {}).items() if not self._is_record(key)}
            config.update(_keys(record, based_on))
            data["config"] = config
        with writing("the update's own config"):
            made = tempfile.TemporaryDirectory(prefix="bluegreen-")
        with made as directory:
            file = Path(directory) / f"Pulumi.{self.stack}.yaml"
            with writing("the update's own config"):
                file.write_text(json.dumps(data, default=_plain, indent=1), encoding="utf-8")  # JSON is YAML as well
            yield file

    def adopt(self, deployed: Deployed) -> bool:
        """Writes the deployed record into the stack's file; whether that changed it."""
        return self._rewrite(_keys(deployed.record, deployed.basis))

    def forget(self) -> bool:
        """Takes the record keys out of the stack's file; whether there were any."""
        return self._rewrite({})

    def _rewrite(self, keys: Mapping[str, Any]) -> bool:
        from driver.stackfile import rewritten

        if not self.file.is_file():
            return False
        before = self.file.read_text(encoding="utf-8")
        after = rewritten(before, keys, self._is_record)
        if after == before:
            return False
        with writing(self.file.name):
            _replace(self.file, after)
        return True

    def _full(self, key: str) -> str:
        return key if ":" in key else f"{self.project}:{key}"

    def _is_record(self, key: str) -> bool:
        full = self._full(key)
        return full.startswith(_PREFIX) and full.removeprefix(_PREFIX) in RECORD_KEYS

    def _unknown(self) -> Invalid:
        names = sorted(path.name.split(".")[1] for path in self.root.glob("Pulumi.*.yaml"))
        known = f"there are files for: {', '.join(names)}" if names else "there is no stack file at all"
        commands = (f"-s {names[0]} status",) if names else ("init .",)
        return Invalid(f"unknown stack {self.stack!r}", f"{self.file} does not exist; {known}", commands)


def find(directory: str | None) -> Path:
    """The project's root: the directory named, or the nearest one above with Pulumi.yaml. Raises Invalid."""
    start = Path(directory or os.environ.get("BLUEGREEN_PROJECT") or ".").resolve()
    candidates = [start] if directory or os.environ.get("BLUEGREEN_PROJECT") else [start, *start.parents]
    for candidate in candidates:
        if (candidate / "Pulumi.yaml").is_file():
            return candidate
    where = f"{start} has none" if len(candidates) == 1 else f"neither {start} nor a directory above it has one"
    raise Invalid("there is no Pulumi.yaml", where, ("--project DIR status", "init ."))


def selected(root: Path) -> str | None:
    """The stack that the Pulumi CLI has selected in this directory, if any."""
    import hashlib

    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    key = hashlib.sha1(str(root / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    file = home / "workspaces" / f"{_project(root)['name']}-{key}-workspace.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # Newer CLIs remember one stack for each backend, older ones a single stack.
    by_backend = data.get("stacks") or {}
    backend = os.environ.get("PULUMI_BACKEND_URL") or (next(iter(by_backend)) if len(by_backend) == 1 else "")
    found = by_backend.get(backend) or data.get("stack")
    return str(found).rpartition("/")[2] if found else None


def _project(root: Path) -> dict[str, Any]:
    data = _read(root / "Pulumi.yaml")
    if not data.get("name"):
        raise Invalid(f"{root / 'Pulumi.yaml'} names no project", "the key `name` is missing")
    return data


def _read(file: Path) -> dict[str, Any]:
    from ruamel.yaml.error import YAMLError

    try:
        data = _parsed(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise Invalid(f"{file} can't be read", " ".join(str(error).split())) from error
    if data is not None and not isinstance(data, dict):
        raise Invalid(f"{file} can't be used", "it is not a mapping")
    return copy.deepcopy(data or {})


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """What YAML holds. A verb reads its files again and again, and this takes longer than all else that it does."""
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


def _keys(record: Record, based_on: str) -> dict[str, Any]:
    return {_PREFIX + key: value for key, value in {**to_data(record), "basedOn": based_on}.items()}


def _secret(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=_plain)
    return "" if value is None else _plain(value)


def _plain(value: Any) -> str:
    return precise(value) if isinstance(value, datetime) else str(value)


def _replace(file: Path, text: str) -> None:
    """Atomically: a reader sees the old file or the new one, also after a crash."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(file.stat().st_mode & 0o777)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
