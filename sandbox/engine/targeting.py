"""What an update that is limited by `--target` or `--exclude` does with the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.engine import urn as urns
from sandbox.engine.options import Options, PlanError
from sandbox.engine.protocol import ProviderError
from sandbox.engine.registry import Registry
from sandbox.engine.resource import Resource
from sandbox.engine.state import State
from sandbox.engine.steps import Op, Step


class Targeting:
    def __init__(self, options: Options, state: State, registry: Registry) -> None:
        self._options = options
        self._state = state
        self._registry = registry
        self._actual: set[str] = set()
        self._excluded: set[str] = set()

    def includes(self, resource: Resource) -> bool:
        options = self._options
        if options.targets:
            return self._is_target(resource)
        return not (options.excludes and self._is_excluded(resource))

    def _is_target(self, resource: Resource) -> bool:
        if resource.urn in self._options.targets:
            return True
        return self._options.target_dependents and any(urn in self._actual for urn in _all_needs(resource))

    def _is_excluded(self, resource: Resource) -> bool:
        hit = resource.urn in self._options.excludes or (
            self._options.exclude_dependents and any(urn in self._excluded for urn in _all_needs(resource))
        )
        if hit:
            self._excluded.add(resource.urn)
        return hit

    def note(self, resource: Resource) -> None:
        """It is part of the update, so with --target-dependents what depends on it is, too."""
        if self._options.targets and self._is_target(resource):
            self._actual.add(resource.urn)

    def keep(self, old: Resource, urn: str) -> list[Step]:
        """The steps that carry a resource, and what it still depends on, unchanged into the new state."""
        if old.provider and old.provider not in self._registry:
            try:
                self._registry.ensure(old.provider, self._state.providers)
            except ProviderError:
                raise PlanError(
                    f"provider {old.provider} for resource {urn} has not been registered yet, this is due to a change "
                    "of providers mixed with --target. Change your program back to the original providers",
                    urn,
                ) from None
        return list(self._keep(old, urn))

    def _keep(self, old: Resource, urn: str) -> Iterator[Step]:
        state = self._state
        state.seen.add(old.urn)
        state.sames.update((urn, old.urn))
        provider = old.provider_urn
        if provider and not state.is_planned(provider) and provider in state.olds:
            yield from self._keep(state.olds[provider], provider)
        for dependency in old.all_dependencies():
            if state.is_planned(dependency):
                continue
            if dependency not in state.olds:
                raise PlanError(f"dependency {dependency} of untargeted resource {urn} has no old state", urn)
            yield from self._keep(state.olds[dependency], dependency)
        yield Step(Op.SAME, old.urn, old, copy(old), untargeted=True)

    def carry_dependencies(self, new: Resource) -> list[Step]:
        """A targeted resource may depend on what the program hasn't registered in this run: that is kept as it is."""
        return list(self._carry(new)) if self._options.targets else []

    def _carry(self, resource: Resource) -> Iterator[Step]:
        state = self._state
        for urn in resource.all_dependencies():
            old = state.olds.get(urn)
            if old is None or state.is_planned(urn) or urn in state.queued or urn in state.seen:
                continue
            state.queued.add(urn)
            yield from self._carry(old)
            state.seen.add(urn)
            state.sames.add(urn)
            yield Step(Op.SAME, urn, old, copy(old), untargeted=True)

    def refuse_skipped(self, steps: list[Step], error: Callable[[str, str], PlanError]) -> list[Step]:
        """What is done may not depend on a resource that isn't there and that the targets leave out."""
        if not self._options.targets and not self._options.replace:
            return steps
        for step in steps:
            if step.new is None or step.skipped_create:
                continue
            for urn in _all_needs(step.new):
                if urn in self._state.skipped_creates:
                    refusal = error(
                        f"Resource '{step.urn}' depends on '{urn}' which was was not specified in --target list.",
                        step.urn,
                    )
                    if not self._options.preview:
                        raise refusal
                    self._state.skipped_creates.discard(urn)
        return steps

    def deletable(self) -> Callable[[Resource], bool]:
        """Which of the old resources may be deleted, now that the program has said what it wants."""
        options = self._options
        if options.targets:
            allowed: set[str] = set()
            for one in self._state.all:
                if one.urn in options.targets and one.urn not in allowed:
                    allowed.add(one.urn)
                    graph = self._state.graph
                    allowed.update(other.urn for other in graph.dependents(one, children=True))
            return lambda resource: resource.urn in allowed
        if options.excludes:
            kept: set[str] = set()
            for one in self._state.all:
                if one.urn in options.excludes:
                    kept.add(one.urn)
                    kept.update(other.urn for other in self._state.graph.everything_needed(one))
            return lambda resource: resource.urn not in kept
        return lambda _: True


def _all_needs(resource: Resource) -> Iterator[str]:
    yield from resource.all_dependencies()
    if resource.provider:
        yield urns.ProviderRef.parse(resource.provider).urn


def copy(resource: Resource) -> Resource:
    """The same resource as an entry of its own."""
    return replace(resource)
