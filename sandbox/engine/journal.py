"""The state while an update runs: what is done so far over what was there before, saved after every step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from sandbox.engine.checkpoint import Snapshot
from sandbox.engine.resource import Operation, Resource

Save = Callable[[Snapshot], None]


class Journal:
    """Thread-safe. `save` is called with the lock held, so saves come one after another."""

    def __init__(self, base: Snapshot, save: Save | None) -> None:
        self._base = base
        self._save = save
        self._lock = threading.RLock()
        self._new: list[Resource] = []
        self._gone: set[Resource] = set()
        self._running: dict[Resource, Operation] = {}
        self._elided = True

    def begin(self, resource: Resource, kind: str) -> None:
        """Writes down that an operation is about to start: after a crash nobody knows how it ended."""
        with self._lock:
            self._running[resource] = Operation(resource, kind)
            self._write()

    def failed(self, resource: Resource) -> None:
        with self._lock:
            self._running.pop(resource, None)
            self._write()

    def done(
        self,
        *,
        new: Resource | None = None,
        old: Resource | None = None,
        started: Resource | None = None,
        dirty: bool = True,
    ) -> None:
        """`new` is there now, `old` no longer, and the operation on `started` has ended."""
        with self._lock:
            if started is not None:
                self._running.pop(started, None)
            if old is not None:
                self._gone.add(old)
            if new is not None:
                self._new.append(new)
            if dirty:
                self._write()
            else:
                self._elided = True

    def changed(self) -> None:
        """An entry was changed in place."""
        with self._lock:
            self._write()

    def rebase(self, resources: Iterable[Resource]) -> None:
        """A refresh has looked at what was there: this is the base from now on, and what was pending is known."""
        with self._lock:
            pending = tuple(operation for operation in self._base.pending if operation.kind == "creating")
            self._base = replace(self._base, resources=tuple(resources), pending=pending)
            self._new.clear()
            self._gone.clear()
            self._write()

    def close(self) -> None:
        """Saves what was put off because nothing that matters had changed."""
        with self._lock:
            if self._elided:
                self._write()

    def seal(self) -> None:
        """Nothing is saved from here on: who still comes has lost the lock on the state."""
        with self._lock:
            self._save = None

    def running(self) -> list[Operation]:
        with self._lock:
            return list(self._running.values())

    def snapshot(self) -> Snapshot:
        with self._lock:
            resources = [one for one in (*self._new, *self._base.resources) if one not in self._gone]
            # A pending creation is kept until a person has looked: its resource may exist and be known to nobody.
            unclear = [operation for operation in self._base.pending if operation.kind == "creating"]
            pending = (*self._running.values(), *unclear)
            return replace(self._base, resources=tuple(renamed(resources)), pending=pending)

    def _write(self) -> None:
        if self._save is not None:
            self._save(self.snapshot())
            self._elided = False


def renamed(resources: list[Resource]) -> list[Resource]:
    """References to a resource's former names, replaced by its name."""
    names = {alias: one.urn for one in resources for alias in one.aliases if alias != one.urn}
    if not names:
        return resources

    def name(urn: str) -> str:
        return names.get(urn, urn)

    def provider(reference: str) -> str:
        urn, _, id_ = reference.rpartition("::")
        return f"{name(urn)}::{id_}" if reference else ""

    return [
        replace(
            one,
            parent=name(one.parent),
            dependencies=tuple(map(name, one.dependencies)),
            property_dependencies={key: tuple(map(name, urns)) for key, urns in one.property_dependencies.items()},
            deleted_with=name(one.deleted_with),
            replace_with=tuple(map(name, one.replace_with)),
            provider=provider(one.provider),
        )
        for one in resources
    ]
