"""Finding a resource's old state under its name or one that it used to have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.engine import urn as urns
from sandbox.engine.goal import Alias, Goal
from sandbox.engine.options import PlanError, Stack
from sandbox.engine.resource import Resource
from sandbox.engine.state import State


def find(
    stack: Stack, state: State, urn: str, goal: Goal, error: Callable[[str, str], PlanError]
) -> tuple[Resource | None, str]:
    """The old resource, and the alias that it was found under. Raises PlanError where two resources claim one."""
    if urn in state.renamed:
        raise error(
            f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN '{state.renamed[urn]}'", urn
        )
    if urn in state.olds:
        return state.olds[urn], ""
    for alias in former_names(stack, state, goal):
        old = state.olds.get(alias)
        if old is None:
            continue
        other = state.renamed.get(alias) or (urn if alias in state.seen else "")
        if other:
            raise error(
                f"Duplicate resource alias '{alias}' applied to resource with URN '{urn}' conflicting with resource "
                f"with URN '{other}'",
                urn,
            )
        state.renamed[alias] = urn
        state.former[urn] = alias
        return old, alias
    return None, ""


def former_names(stack: Stack, state: State, goal: Goal) -> Iterator[str]:
    """The aliases that were given, and those that come with a parent that has another name now."""
    own = [_resolve(stack, state, goal, alias) for alias in goal.aliases]
    yield from own
    parent = state.former.get(goal.parent)
    if parent:
        yield _inherited(stack, goal.type, goal.name, goal.parent, parent)
        for alias in own:
            yield _inherited(stack, urns.type_of(alias), urns.name_of(alias), goal.parent, parent)


def _resolve(stack: Stack, state: State, goal: Goal, alias: Alias) -> str:
    if alias.urn:
        return alias.urn
    parent = state.former.get(alias.parent, alias.parent) if alias.parent else goal.parent
    return urns.make(
        alias.stack or stack.name,
        alias.project or stack.project,
        "" if alias.no_parent else parent,
        alias.type or goal.type,
        alias.name or goal.name,
    )


def _inherited(stack: Stack, type_: str, name: str, parent: str, former_parent: str) -> str:
    """A child whose name began with its parent's is taken to have been renamed with it."""
    parent_name = urns.name_of(parent)
    if name.startswith(parent_name):
        name = urns.name_of(former_parent) + name.removeprefix(parent_name)
    return urns.make(stack.name, stack.project, former_parent, type_, name)
