"""One command's surroundings: working directory, environment, project, backend, stack, secrets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.engine import checkpoint, config, crypto
from sandbox.engine import project as projects
from sandbox.engine.backend import ORGANIZATION, FileBackend, open_backend
from sandbox.engine.checkpoint import Codec, CorruptCheckpoint, Snapshot
from sandbox.engine.crypto import Crypter
from sandbox.engine.failure import CommandFailed, stack_not_found
from sandbox.engine.registry import Factories
from sandbox.engine.stackfile import StackFile

Write = Callable[[str], None]
_NO_PASSPHRASE = (
    "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
)


@dataclass
class Session:
    """Everything is looked up when it is first needed, so that a command fails only over what it uses."""

    cwd: Path
    environ: Mapping[str, str]
    factories: Factories
    version: str
    out: Write
    err: Write
    stack_option: str = ""
    config_file: str = ""
    interrupt: Callable[[Callable[[], None]], AbstractContextManager[None]] = lambda _: nullcontext()
    """Within it an interrupt calls what it is given."""

    @functools.cached_property
    def project(self) -> projects.Project:
        return projects.find(self.cwd)

    @functools.cached_property
    def backend(self) -> FileBackend:
        backend = open_backend(self.environ.get("PULUMI_BACKEND_URL", ""))
        backend.ensure()
        return backend

    @functools.cached_property
    def selection(self) -> projects.Selection:
        home = self.environ.get("PULUMI_HOME") or str(Path.home() / ".pulumi")
        return projects.Selection(Path(home), self.project, self.backend.url)

    @functools.cached_property
    def stack(self) -> str:
        """The stack that is worked on; it exists. Raises CommandFailed."""
        name = self.plain_name(self.stack_option) or self.environ.get("PULUMI_STACK", "") or self.selection.get()
        if not name:
            raise CommandFailed(
                "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"
            )
        if not self.backend.exists(self.project.name, name):
            raise stack_not_found(name)
        return name

    def plain_name(self, name: str) -> str:
        """`organization/project/stack` shortened to the stack. Raises CommandFailed."""
        *owners, plain = name.split("/")
        if owners and owners[0] != ORGANIZATION:
            raise CommandFailed(f"organization name must be '{ORGANIZATION}'")
        if len(owners) > 1 and owners[1] != self.project.name:
            raise CommandFailed(f"provided project name {owners[1]!r} doesn't match Pulumi.yaml")
        return plain

    @functools.cached_property
    def stack_file(self) -> StackFile:
        return self.stack_file_of(self.stack)

    def stack_file_of(self, stack: str) -> StackFile:
        if self.config_file:
            return StackFile(self.cwd / self.config_file)
        return StackFile(self.project.stack_file(stack))

    @property
    def passphrase(self) -> str:
        """Raises CommandFailed where there is none; an empty one counts."""
        if "PULUMI_CONFIG_PASSPHRASE" in self.environ:
            return self.environ["PULUMI_CONFIG_PASSPHRASE"]
        named = self.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
        if not named:
            raise CommandFailed(_NO_PASSPHRASE)
        try:
            return Path(named).expanduser().read_text().strip()
        except OSError as error:
            raise CommandFailed(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error

    @functools.cached_property
    def state(self) -> Mapping[str, Any] | None:
        """The stack's deployment as it lies in its file."""
        try:
            return checkpoint.parse(self.backend.read_state(self.project.name, self.stack))[1]
        except CorruptCheckpoint as error:
            path = self.backend.state_path(self.project.name, self.stack)
            raise CommandFailed(f"failed to load checkpoint: {error}\n{path} was left as it is") from error

    def forget_state(self) -> None:
        """Another may have written it since, or this command has."""
        self.__dict__.pop("state", None)

    @property
    def state_salt(self) -> str:
        provider = (self.state or {}).get("secrets_providers") or {}
        return str((provider.get("state") or {}).get("salt") or "")

    @functools.cached_property
    def crypter(self) -> Crypter:
        """For configuration and new state. A stack without a salt gets one, written into its file."""
        salt = self.stack_file.salt or self.state_salt
        if salt:
            return self.restore(salt)
        crypter = crypto.new(self.passphrase)
        self.stack_file.salt = crypter.state
        self.stack_file.save()
        return crypter

    def restore(self, salt: str) -> Crypter:
        try:
            return crypto.restore(self.passphrase, salt)
        except (crypto.WrongPassphrase, ValueError) as error:
            raise CommandFailed(str(error)) from error

    def codec(self, *, show_secrets: bool = False) -> Codec:
        """For the state: opened with the salt it was written with."""
        salt = self.state_salt
        return Codec(self.restore(salt) if salt else None, show_secrets=show_secrets)

    def load(self, codec: Codec) -> Snapshot:
        try:
            return checkpoint.load(self.state, codec)
        except crypto.WrongPassphrase as error:
            raise CommandFailed(str(error)) from error
        except CorruptCheckpoint as error:
            path = self.backend.state_path(self.project.name, self.stack)
            raise CommandFailed(f"{error}\n{path} was left as it is") from error

    def config(self, *, decrypt: bool) -> dict[str, config.Value]:
        """The stack's configuration over the project's; secrets hidden unless they are to be decrypted."""
        entries = self.stack_file.entries()
        if decrypt and config.holds_secrets(entries):
            return config.read(self._with_project(entries), self.project.name, self._decrypt)
        return config.read(self._with_project(entries), self.project.name, lambda _: config.HIDDEN)

    def _with_project(self, entries: Mapping[str, Any]) -> dict[str, Any]:
        shared = {}
        for key, declared in self.project.config.items():
            node = declared
            if isinstance(node, dict) and node.keys() & {"value", "default", "type"}:
                node = node.get("value", node.get("default"))
            if node is not None:
                shared[config.full_key(str(key), self.project.name)] = node
        own = {config.full_key(str(key), self.project.name): node for key, node in entries.items()}
        return {**shared, **own}

    def _decrypt(self, ciphertext: str) -> str:
        try:
            return self.crypter.decrypt(ciphertext)
        except (crypto.WrongPassphrase, ValueError) as error:
            raise CommandFailed(f"could not decrypt configuration value: {error}") from error
