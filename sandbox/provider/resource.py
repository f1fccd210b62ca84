"""The shape of every resource: its schema as data, and the few calls that make, read, change and delete it."""

# ruff: noqa: ARG002 - these are the calls' usual answers
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider.clients import Clients
from sandbox.provider.comparing import Changes
from sandbox.provider.refusals import error_code
from sandbox.provider.schema import Fields, Naming, text


@dataclass(frozen=True)
class Job:
    """One operation on one resource: what is wanted, what is there, and the clients to do it with."""

    clients: Clients
    region: str
    news: Properties = field(default_factory=dict)
    olds: Properties = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    timeout: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def client(self, service: str) -> Any:
        return self.clients(service, self.region)

    def account(self) -> str:
        return self.clients.account(self.region)

    def given(self, key: str) -> Any:
        """A new input; in a read or a deletion, where there are no new ones, what is known of it."""
        return (self.news or self.olds).get(key)

    def changes(self, *keys: str) -> bool:
        return any(key in self.changed for key in keys)

    def wait(self, done: Callable[[], bool], *, for_what: str, seconds: float) -> None:
        """Asks until it is so. Raises ProviderError when the time is up, or the update was cancelled."""
        limit = self.timeout or seconds
        until, pause = time.monotonic() + limit, 0.05
        while not done():
            if time.monotonic() > until:
                raise ProviderError(f"timeout while waiting for {for_what} (timeout: {limit:g}s)")
            if self.cancelled.wait(pause):
                raise ProviderError(f"cancelled while waiting for {for_what}")
            pause = min(pause * 1.5, 1.0)


class Resource:
    """Subclasses say what they are in class attributes and make the calls in the five methods."""

    token: ClassVar[str]
    label: ClassVar[str]
    """As AWS's provider calls it in errors, e.g. "EC2 Subnet"."""
    inputs: ClassVar[Fields]
    computed: ClassVar[tuple[str, ...]] = ()
    moving: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Computed outputs that an update changes, and the inputs whose change does it."""
    naming: ClassVar[Naming | None] = None
    regional: ClassVar[bool] = True
    one_at_a_time: ClassVar[bool] = False
    """AWS takes no second one beside the first, so a replacement deletes before it creates."""
    gone: ClassVar[frozenset[str]] = frozenset()
    """AWS's codes for "there is none"."""

    def fields(self) -> Fields:
        return {**self.inputs, "region": text(kept=True, replaces=True)} if self.regional else self.inputs

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        """What is wrong with inputs taken together: (property, reason)."""
        return []

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        """Changes that AWS does not make, or only in a new resource."""
        return changes

    def moved(self, news: Properties, changed: frozenset[str]) -> set[str]:
        """The outputs that AWS will choose anew in an update that changes those inputs."""
        return {key for key, causes in self.moving.items() if changed & causes}

    def create(self, job: Job) -> str:
        """Makes it with one call and answers its id."""
        raise NotImplementedError

    def settle(self, job: Job, id_: str) -> None:
        """What needs calls of its own after the first; if it fails, the resource is there all the same."""

    def read(self, job: Job, id_: str) -> Properties | None:
        """What is there, under the names of its outputs; None where it is gone."""
        raise NotImplementedError

    def update(self, job: Job, id_: str) -> None:
        raise NotImplementedError

    def delete(self, job: Job, id_: str) -> None:
        raise NotImplementedError

    def says_gone(self, error: Exception) -> bool:
        return error_code(error) in self.gone


def ordered_like(
    items: list[Any], before: list[Any] | None, key: Callable[[Any], Any] = lambda item: item
) -> list[Any]:
    """A set that AWS answers in any order, in the order in which it was asked for; the rest sorted behind."""
    places = {key(item): place for place, item in enumerate(before or [])} if before else {}
    return sorted(items, key=lambda item: (places.get(key(item), len(places)), str(key(item))))
