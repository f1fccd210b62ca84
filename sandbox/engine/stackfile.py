"""`Pulumi.<stack>.yaml`: read, edited in place (comments, order and style stay) and replaced in one step."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from sandbox.engine.failure import CommandFailed


class StackFile:
    """One stack's settings file; it may not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 10_000
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self.document = self._read()

    def _read(self) -> CommentedMap:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return CommentedMap()
        try:
            document = self._yaml.load(text)
        except YAMLError as error:
            raise CommandFailed(f"getting stack configuration: invalid YAML file {self.path}: {error}") from error
        if document is None:
            return CommentedMap()
        if not isinstance(document, CommentedMap) or not isinstance(document.get("config") or {}, dict):
            raise CommandFailed(
                f"getting stack configuration: invalid YAML file {self.path}: `config` must be a map of keys to values"
            )
        return document

    @property
    def salt(self) -> str:
        return str(self.document.get("encryptionsalt") or "")

    @salt.setter
    def salt(self, state: str) -> None:
        self.document["encryptionsalt"] = state

    @property
    def config(self) -> CommentedMap:
        """The `config` block, made when it is missing."""
        if not isinstance(self.document.get("config"), CommentedMap):
            self.document["config"] = CommentedMap()
        block: CommentedMap = self.document["config"]
        return block

    def entries(self) -> dict[str, Any]:
        return dict(self.document.get("config") or {})

    def save(self) -> None:
        if "config" in self.document and not self.document["config"]:
            del self.document["config"]
        if self.path.suffix == ".json":
            text = json.dumps(self.document, indent=4) + "\n"
        else:
            stream = io.StringIO()
            if self.document:
                self._yaml.dump(self.document, stream)
            text = stream.getvalue()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o644
            # mkstemp makes files that only their owner may read.
            Path(temporary).chmod(mode)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def quoted(text: str) -> Any:
    """A string that stays one for every YAML reader: what reads as a number, a bool or null is put in quotes."""
    plain = YAML(typ="safe", pure=True)
    try:
        reads_back = plain.load(text) if text and "\n" not in text else None
    except YAMLError:
        reads_back = text
    return text if isinstance(reads_back, str) or "\n" in text else DoubleQuotedScalarString(text)
