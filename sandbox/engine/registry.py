"""Providers: made, configured and looked up. A provider is itself a resource, with its configuration as inputs."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping

from sandbox.engine import urn as urns
from sandbox.engine import values
from sandbox.engine.protocol import (
    Change,
    Checked,
    Difference,
    Failure,
    Made,
    Properties,
    Provider,
    ProviderError,
)
from sandbox.engine.resource import Resource
from sandbox.engine.unconfigured import Unconfigured

Factories = Mapping[str, Callable[[], Provider]]
_INTERNAL = "__internal"
UNKNOWN_ID = values.UNKNOWN_STRING


class Registry:
    """All providers of one update."""

    def __init__(self, factories: Factories) -> None:
        self._factories = factories
        self._checked: dict[str, Provider] = {}
        self._configured: dict[str, Provider] = {}
        self._lock = threading.RLock()

    def make(self, type_: str) -> Provider:
        package = urns.package_of(type_)
        factory = self._factories.get(package)
        if factory is None:
            raise ProviderError(
                f"no resource plugin 'pulumi-resource-{package}' found in the workspace or on your $PATH; this engine "
                f"has {', '.join(sorted(self._factories)) or 'none'}"
            )
        return factory()

    def get(self, reference: str) -> Provider:
        """Raises ProviderError for one that is not there."""
        try:
            return self._configured[reference]
        except KeyError:
            raise ProviderError(f"unknown provider '{reference}'") from None

    def __contains__(self, reference: str) -> bool:
        return reference in self._configured

    def all(self) -> Iterable[Provider]:
        # Without the lock: it is held by a provider that hangs while it is configured.
        return [*list(self._configured.values()), *list(self._checked.values())]

    def ensure(self, reference: str, known: Mapping[str, Resource]) -> Provider:
        """Like get, but configures what only the state (`known`, by reference) knows yet."""
        with self._lock:
            if reference not in self._configured:
                resource = known.get(reference)
                if resource is None:
                    raise ProviderError(f"could not find provider {reference} in the state")
                self.same(resource)
            return self._configured[reference]

    def check(self, urn: str, type_: str, news: Properties) -> Checked:
        provider = self.make(type_)
        answer = provider.check_config(_config(news))
        with self._lock:
            self._checked[urn] = provider
        kept = {key: news[key] for key in ("version", _INTERNAL) if key in news}
        return Checked({**values.keep_secrets(answer.inputs, news), **kept}, answer.failures)

    def diff(self, old: Resource, news: Properties) -> Difference:
        changed = values.changed_keys(old.outputs, _config(news))
        return Difference(bool(changed), detailed=dict.fromkeys(changed, Change.UPDATE))

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool) -> Made:
        id_ = UNKNOWN_ID if preview else str(uuid.uuid4())
        self._configure(urn, type_, id_, news)
        return Made(id_, _config(news))

    def update(self, resource: Resource, news: Properties) -> Properties:
        self._configure(resource.urn, resource.type, resource.id, news)
        return _config(news)

    def same(self, resource: Resource) -> None:
        """A provider that has not changed is configured with what it was configured with before."""
        with self._lock:
            if f"{resource.urn}::{resource.id}" not in self._configured:
                self._configure(resource.urn, resource.type, resource.id, resource.inputs)

    def alias(self, old: Resource, new_urn: str) -> None:
        """The state still refers to a provider by its former name."""
        with self._lock:
            provider = self._configured.get(f"{new_urn}::{old.id}")
            if provider is not None:
                self._configured[f"{old.urn}::{old.id}"] = provider

    def _configure(self, urn: str, type_: str, id_: str, inputs: Properties) -> None:
        with self._lock:
            provider = self._checked.pop(urn, None) or self.make(type_)
        config = _config(inputs)
        if values.is_unknown(config):
            provider = Unconfigured(provider)
        else:
            provider.configure(config)
        with self._lock:
            self._configured[f"{urn}::{id_}"] = provider


def _config(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != _INTERNAL}


def invalid(failure: Failure, type_: str, name: str, inputs: Properties) -> str:
    """A refused input, in the real engine's words."""
    if not failure.property:
        return f"{type_} resource '{name}' has a problem: {failure.reason}"
    value = inputs.get(failure.property)
    return f"{type_} resource '{name}': property {failure.property} value {{{value}}} has a problem: {failure.reason}"
