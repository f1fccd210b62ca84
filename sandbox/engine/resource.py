"""One resource as the engine knows it: what the checkpoint holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.protocol import Properties


@dataclass(eq=False)
class Resource:
    """Compared by identity: two entries of one URN (one of them to be deleted) are two resources.

    Nothing is assigned from outside: what changes about an entry of the state goes through `change`.
    """

    urn: str
    type: str
    custom: bool = False
    id: str = ""
    delete: bool = False
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending_replacement: bool = False
    secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    timeouts: Mapping[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    created: str = ""
    modified: str = ""
    source_position: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the checkpoint that this engine has no use for, kept as they are."""

    version: int = field(default=0, init=False, repr=False)
    written: tuple[int, str] = field(default=(-1, ""), init=False, repr=False)
    """The entry as it was last written, and of which version."""

    def change(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)
        self.version += 1

    @property
    def name(self) -> str:
        return urns.name_of(self.urn)

    @property
    def is_provider(self) -> bool:
        return urns.is_provider(self.type)

    @property
    def provider_urn(self) -> str:
        return urns.ProviderRef.parse(self.provider).urn if self.provider else ""

    def all_dependencies(self) -> Iterator[str]:
        """Every URN that must exist for this resource to: parent, dependencies, what it is deleted with."""
        if self.parent:
            yield self.parent
        yield from self.dependencies
        for of_property in self.property_dependencies.values():
            yield from of_property
        if self.deleted_with:
            yield self.deleted_with
        yield from self.replace_with


@dataclass(frozen=True)
class Operation:
    """What was being done to a resource when the state was saved."""

    resource: Resource
    kind: str  # creating, updating, deleting, reading, importing


def now() -> str:
    """The time as Pulumi writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
