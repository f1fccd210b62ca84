"""Who depends on whom, over a list in which everything comes after what it depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sandbox.engine.resource import Resource


class Graph:
    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = resources
        self._index = {resource: position for position, resource in enumerate(resources)}
        self._needs = [frozenset(_needs(resource)) for resource in resources]

    def __contains__(self, resource: Resource) -> bool:
        return resource in self._index

    def dependents(
        self, resource: Resource, ignore: Collection[str] = (), *, children: bool = False
    ) -> Iterator[Resource]:
        """All that depends on it, directly or through others, in order; with `children` also what it is parent of."""
        found = {resource.urn}
        for position in range(self._index[resource] + 1, len(self._resources)):
            candidate = self._resources[position]
            if candidate.urn in ignore:
                continue
            if self._needs[position] & found or (children and candidate.parent in found):
                found.add(candidate.urn)
                yield candidate

    def dependencies(self, resource: Resource) -> set[Resource]:
        """What must not go before it: its own needs, its parent, and the children of components that it needs."""
        position = self._index[resource]
        needs = self._needs[position]
        earlier = self._resources[:position]
        found = {one for one in earlier if one.urn in needs or one.urn == resource.parent}
        components = {one.urn for one in found if not one.custom and one.urn in needs}
        for one in earlier:
            if one.parent in components:
                found.add(one)
                components.add(one.urn)
        return found

    def everything_needed(self, resource: Resource) -> set[Resource]:
        """Its dependencies, theirs, and so on."""
        found: set[Resource] = set()
        waiting = [resource]
        while waiting:
            for one in self.dependencies(waiting.pop()) - found:
                found.add(one)
                waiting.append(one)
        return found


def _needs(resource: Resource) -> Iterator[str]:
    yield from resource.dependencies
    for urns in resource.property_dependencies.values():
        yield from urns
    if resource.deleted_with:
        yield resource.deleted_with
    yield from resource.replace_with
    if resource.provider:
        yield resource.provider_urn


def antichains(doomed: Sequence[Resource], graph: Graph) -> list[list[Resource]]:
    """Deletions in groups: each group's members may go at the same time, once all before it have gone."""
    left = set(doomed)
    groups = []
    while left:
        group = [one for one in doomed if one in left and not graph.dependencies(one) & left]
        if not group:
            raise ValueError("the state's dependencies form a circle")
        groups.append(group)
        left.difference_update(group)
    return groups[::-1]
