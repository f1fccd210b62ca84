"""What the planner knows: the old resources, and what has been decided about each URN so far."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.engine.graph import Graph
from sandbox.engine.resource import Resource


class State:
    """The old state, which a refresh may rebuild, and the sets that planning fills."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.rebuild(resources)
        self.seen: set[str] = set()
        self.sames: set[str] = set()
        self.creates: set[str] = set()
        self.updates: set[str] = set()
        self.replaces: set[str] = set()
        self.deletes: set[str] = set()
        self.reads: set[str] = set()
        self.imports: set[str] = set()
        self.skipped_creates: set[str] = set()
        self.pending_deletes: set[Resource] = set()
        self.replace_keys: dict[str, tuple[str, ...]] = {}
        self.former: dict[str, str] = {}
        """URN now -> the alias it was found under."""
        self.renamed: dict[str, str] = {}
        """Alias -> URN now."""
        self.queued: set[str] = set()

    def rebuild(self, resources: Iterable[Resource]) -> None:
        self.all = list(resources)
        self.olds = {one.urn: one for one in self.all if not one.delete}
        self.providers = {f"{one.urn}::{one.id}": one for one in self.all if one.is_provider}
        self.graph = Graph(self.all)

    def is_planned(self, urn: str) -> bool:
        """Whether a step for it has been made."""
        sets = (self.sames, self.updates, self.deletes, self.replaces, self.creates, self.reads, self.imports)
        return any(urn in one for one in sets)

    def survives(self, urn: str) -> bool:
        """Whether the program still wants it: such a resource is not deleted in the end."""
        sets = (self.sames, self.updates, self.replaces, self.creates, self.reads, self.imports)
        return any(urn in one for one in sets) or urn in self.renamed

    def decided(self) -> set[str]:
        """What a replacement can't cascade to any more."""
        return self.reads | self.creates | self.sames | self.updates | self.deletes | self.replaces
