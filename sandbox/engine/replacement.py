"""When a resource is replaced, and what has to go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.engine import paths
from sandbox.engine.options import Options, PlanError
from sandbox.engine.protocol import UNKNOWN, Change, Difference
from sandbox.engine.registry import Registry
from sandbox.engine.resource import Resource
from sandbox.engine.state import State
from sandbox.engine.steps import Op, Step

INIT_ERROR = "#initerror"
_FORCED = {
    Change.ADD: Change.ADD_REPLACE,
    Change.DELETE: Change.DELETE_REPLACE,
    Change.UPDATE: Change.UPDATE_REPLACE,
}


def with_replace_on_changes(
    found: Difference, patterns: Sequence[str], init_errors: bool
) -> tuple[Difference, tuple[str, ...]]:
    """The difference with the changes that the program wants a replacement for, and all keys that force one."""
    if not found.changes and not init_errors:
        return found, ()
    wanted = [paths.parse(text) for text in patterns]
    detailed = {
        path: _FORCED.get(change, change) if _matches(wanted, path) else change
        for path, change in found.detailed.items()
    }
    forced = {str(paths.parse(path)[0]) for path in found.detailed if _matches(wanted, path)}
    keys = tuple(dict.fromkeys((*found.replaces, *sorted(forced))))
    if init_errors and any(pattern in (["*"], [INIT_ERROR]) for pattern in wanted):
        return replace(found, changes=True, detailed=detailed), (*keys, INIT_ERROR)
    return replace(found, detailed=detailed), keys


def _matches(patterns: list[paths.Path], path: str) -> bool:
    return any(paths.contains(pattern, paths.parse(path)) for pattern in patterns)


class Replacements:
    def __init__(
        self, options: Options, state: State, registry: Registry, error: Callable[[str, str], PlanError]
    ) -> None:
        self._options = options
        self._state = state
        self._registry = registry
        self._error = error

    def is_asked_for(self, old: Resource | None) -> bool:
        """By `--replace` on the command line."""
        return old is not None and bool(self._options.replace) and old.urn in self._options.replace

    def forced(self, old: Resource, new: Resource) -> str:
        """Why it must be replaced, whatever its inputs say; empty: it needn't be."""
        if any(urn in self._state.replaces for urn in new.replace_with):
            return "replaceWith"
        if new.deleted_with and new.deleted_with in self._state.replaces:
            return "deletedWith"
        return "provider" if self._provider_changed(old, new) else ""

    @staticmethod
    def _provider_changed(old: Resource, new: Resource) -> bool:
        # Another provider of the same package takes over what the first one made.
        return bool(old.provider) != bool(new.provider)

    def delete_first(self, old: Resource) -> list[Step]:
        """The deletions that must come before the replacement: all that can't live through it, then the old itself."""
        steps = []
        for dependent, keys in reversed(self._cascade(old)):
            if dependent in self._state.pending_deletes:
                continue
            self._state.replace_keys[dependent.urn] = keys
            if dependent.delete:
                steps.append(Step(Op.DELETE, dependent.urn, dependent))
            else:
                if dependent.protect:
                    raise self._error(
                        f'unable to replace resource "{dependent.urn}" as part of replacing "{old.urn}" as it is '
                        "currently marked for protection. To unprotect the resource, remove the `protect` flag from "
                        "the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
                        f"`pulumi state unprotect '{dependent.urn}'`",
                        dependent.urn,
                    )
                steps.append(Step(Op.DELETE_REPLACED, dependent.urn, dependent, pending_replacement=True))
            self._state.deletes.add(dependent.urn)
            self._state.pending_deletes.add(dependent)
        if not old.pending_replacement:
            self._state.deletes.add(old.urn)
            self._state.pending_deletes.add(old)
            steps.append(Step(Op.DELETE_REPLACED, old.urn, old, pending_replacement=True))
        return steps

    def _cascade(self, root: Resource) -> list[tuple[Resource, tuple[str, ...]]]:
        """What depends on it through a property that forces a replacement, and so on; with the properties."""
        found: list[tuple[Resource, tuple[str, ...]]] = []
        doomed = {root.urn}
        if root not in self._state.graph:
            return found
        for one in self._state.graph.dependents(root, self._state.decided()):
            keys = self._needs_replacement(one, doomed)
            if keys is not None:
                found.append((one, keys))
                doomed.add(one.urn)
        return found

    def _needs_replacement(self, one: Resource, doomed: set[str]) -> tuple[str, ...] | None:
        if not one.custom or one.external:
            return None
        if one.provider and one.provider_urn in doomed:
            return ()
        if one.deleted_with in doomed or any(urn in doomed for urn in one.replace_with):
            return ()
        uncertain = {key for key in one.inputs if any(urn in doomed for urn in one.property_dependencies.get(key, ()))}
        if not uncertain:
            return None
        inputs = {key: UNKNOWN if key in uncertain else value for key, value in one.inputs.items()}
        if one.is_provider:
            found = self._registry.diff(one, inputs)
        else:
            provider = self._registry.ensure(one.provider, self._state.providers)
            found = provider.diff(one.urn, one.type, one.id, one.inputs, one.outputs, inputs, list(one.ignore_changes))
        _, keys = with_replace_on_changes(found, one.replace_on_changes, False)
        return keys or None
