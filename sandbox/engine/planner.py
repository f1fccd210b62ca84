"""From what the program asks for and what there is to steps: one registration at a time, in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from sandbox.engine import aliases, paths, values
from sandbox.engine import urn as urns
from sandbox.engine.goal import Goal, unmet
from sandbox.engine.options import Options, PlanError, Stack
from sandbox.engine.protocol import Checked, Difference, Properties, Provider, ProviderError
from sandbox.engine.registry import Registry, invalid
from sandbox.engine.replacement import Replacements, with_replace_on_changes
from sandbox.engine.resource import Resource
from sandbox.engine.state import State
from sandbox.engine.steps import Op, Step
from sandbox.engine.targeting import Targeting

Report = Callable[[str, str, str], None]
"""severity, URN, message"""


class Planner:
    def __init__(self, stack: Stack, options: Options, state: State, registry: Registry, report: Report) -> None:
        self.stack = stack
        self.options = options
        self.state = state
        self.registry = registry
        self.report = report
        self.errored = False
        self.targeting = Targeting(options, state, registry)
        self.replacements = Replacements(options, state, registry, self.error)

    def error(self, message: str, urn: str = "") -> PlanError:
        """Reports it; the caller raises it, or goes on in a preview."""
        self.errored = True
        self.report("error", urn, message)
        return PlanError(message, urn, said=True)

    def name(self, parent: str, type_: str, name: str) -> str:
        """The URN of a new registration. Raises PlanError for an unknown parent and for a URN that is taken."""
        if parent and parent not in self.state.seen:
            raise PlanError(f"could not find parent resource {parent}")
        urn = urns.make(self.stack.name, self.stack.project, parent, type_, name)
        if urn in self.state.seen:
            raise self.error(f"Duplicate resource URN '{urn}'; try giving it a unique name", urn)
        self.state.seen.add(urn)
        return urn

    def register(self, goal: Goal) -> list[Step]:
        """The steps of one registration, the one that answers the program among them."""
        urn = self.name(goal.parent, goal.type, goal.name)
        # A state that says so would be refused by whoever reads it next: nothing may be made first.
        if wrong := unmet(goal, urn, self.state.seen):
            raise self.error(wrong, urn)
        old, alias = aliases.find(self.stack, self.state, urn, goal, self.error)
        new = _wanted(urn, goal, old, alias)
        provider = self._provider(urn, goal)
        seed = os.urandom(32)
        recreating = urn in self.state.deletes
        if goal.custom and goal.import_id and not recreating and _is_import(goal, old):
            self.state.imports.add(urn)
            return self._import_steps(goal, old, new, seed)
        fresh = recreating or old is None or old.external or self.replacements.is_asked_for(old)
        targeted = new.is_provider or new.type == urns.STACK_TYPE or self.targeting.includes(new)
        inputs = goal.inputs
        if old is not None:
            inputs = self._ignoring(urn, inputs, old.inputs, goal.ignore_changes)
        if goal.custom and targeted:
            inputs = self._checked(new, provider, None if fresh else old, goal.inputs if fresh else inputs, seed)
        elif goal.custom and old is not None:
            inputs = old.inputs
        new.change(inputs=inputs)
        carried = self.targeting.carry_dependencies(new) if targeted else []
        steps = self._decide(goal, old, new, provider, seed, recreating=recreating, targeted=targeted)
        return self.targeting.refuse_skipped(carried + steps, self.error)

    def _decide(
        self,
        goal: Goal,
        old: Resource | None,
        new: Resource,
        provider: Provider | None,
        seed: bytes,
        *,
        recreating: bool,
        targeted: bool,
    ) -> list[Step]:
        state, urn = self.state, new.urn
        if recreating and old is not None:
            state.deletes.discard(urn)
            state.replaces.add(urn)
            keys = state.replace_keys.get(urn, ())
            return [Step(Op.REPLACE, urn, old, new), Step(Op.CREATE_REPLACEMENT, urn, old, new, keys=keys)]
        if old is not None and old.external:
            state.creates.add(urn)
            return [
                Step(Op.CREATE_REPLACEMENT, urn, old, new, pending_delete=True),
                Step(Op.REPLACE, urn, old, new, pending_delete=True),
            ]
        if targeted:
            self.targeting.note(new)
        if old is None:
            if not targeted:
                state.sames.add(urn)
                state.skipped_creates.add(urn)
                return [Step(Op.SAME, urn, new, new, skipped_create=True)]
            state.creates.add(urn)
            return [Step(Op.CREATE, urn, None, new)]
        if not targeted:
            return self.targeting.keep(old, urn)
        return self._from_difference(goal, old, new, provider, seed)

    def _from_difference(
        self, goal: Goal, old: Resource, new: Resource, provider: Provider | None, seed: bytes
    ) -> list[Step]:
        urn = new.urn
        found = self.difference(goal, old, new, provider)
        found, replaces = with_replace_on_changes(found, goal.replace_on_changes, bool(old.init_errors))
        diffs = tuple(sorted(found.detailed)) if found.detailed else ()
        if (found.changes and replaces) or old.pending_replacement:
            return self._replace(goal, old, new, provider, seed, replace(found, replaces=replaces), diffs)
        if found.changes or old.init_errors:
            self.state.updates.add(urn)
            return [
                Step(
                    Op.UPDATE,
                    urn,
                    old,
                    new,
                    diffs=_tops(diffs),
                    detailed=found.detailed,
                    ignore_changes=goal.ignore_changes,
                )
            ]
        self.state.sames.add(urn)
        return [Step(Op.SAME, urn, old, new)]

    def _replace(
        self,
        goal: Goal,
        old: Resource,
        new: Resource,
        provider: Provider | None,
        seed: bytes,
        found: Difference,
        diffs: tuple[str, ...],
    ) -> list[Step]:
        urn = new.urn
        if new.protect and old.protect:
            error = self.error(
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the '
                "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
                urn,
            )
            if not self.options.preview:
                raise error
        if goal.import_id and not self.options.preview:
            raise PlanError(
                "previously-imported resources that still specify an ID may not be replaced; please remove the "
                "`import` declaration from your program",
                urn,
            )
        self.state.replaces.add(urn)
        if goal.custom and not self.replacements.is_asked_for(old):
            # Without its old inputs, so that a name that the provider chose is chosen anew.
            new.change(inputs=self._checked(new, provider, None, goal.inputs, seed))
        before = found.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        make = Step(
            Op.CREATE_REPLACEMENT,
            urn,
            old,
            new,
            keys=found.replaces,
            diffs=_tops(diffs),
            detailed=found.detailed,
            pending_delete=not before,
        )
        say = replace(make, op=Op.REPLACE)
        if not before:
            return [make, say]
        return [*self.replacements.delete_first(old), say, make]

    def difference(self, goal: Goal, old: Resource, new: Resource, provider: Provider | None) -> Difference:
        """What separates the old resource from the new, and whether that needs another resource."""
        if self.replacements.is_asked_for(old):
            return Difference(True, replaces=("id",))
        if forced := self.replacements.forced(old, new):
            return Difference(True, replaces=(forced,))
        if new.is_provider:
            return self.registry.diff(old, new.inputs)
        if provider is None:
            return Difference(not values.equal(old.inputs, new.inputs))
        return provider.diff(new.urn, new.type, old.id, old.inputs, old.outputs, new.inputs, list(goal.ignore_changes))

    def _checked(
        self, new: Resource, provider: Provider | None, old: Resource | None, news: Properties, seed: bytes
    ) -> Properties:
        """The inputs as the provider completes them. Raises PlanError where it refuses them."""
        answer: Checked
        if new.is_provider:
            answer = self.registry.check(new.urn, new.type, news)
        else:
            assert provider is not None
            olds = old.inputs or None if old else None
            answer = provider.check(new.urn, new.type, olds, news, seed)
        for failure in answer.failures:
            self.error(invalid(failure, new.type, new.name, news), new.urn)
        if answer.failures:
            raise PlanError(f"resource {new.urn} is invalid", new.urn, said=True)
        return values.keep_secrets(values.checked(answer.inputs), news)

    def _provider(self, urn: str, goal: Goal) -> Provider | None:
        if not goal.custom or urns.is_provider(goal.type):
            return None
        try:
            return self.registry.ensure(goal.provider, self.state.providers)
        except ProviderError:
            raise self.error(f"unknown provider '{goal.provider}' for resource '{urn}'", urn) from None

    def _ignoring(self, urn: str, inputs: Properties, old: Properties, ignore: tuple[str, ...]) -> Properties:
        misfits = []
        for text in ignore:
            inputs, fits = paths.reset(old, inputs, paths.parse(text))
            if not fits:
                misfits.append(text)
        if misfits:
            listed = ", ".join(misfits)
            self.report("info", urn, f'cannot ignore changes in added or removed elements of the path: "{listed}"')
        return inputs

    def _import_steps(self, goal: Goal, old: Resource | None, new: Resource, seed: bytes) -> list[Step]:
        # What lies there is read first; `imported` goes on from that.
        new.change(import_id=goal.import_id)
        if old is None:
            return [Step(Op.IMPORT, new.urn, None, new, random_seed=seed, ignore_changes=goal.ignore_changes)]
        make = Step(
            Op.IMPORT_REPLACEMENT,
            new.urn,
            old,
            new,
            random_seed=seed,
            ignore_changes=goal.ignore_changes,
            pending_delete=True,
        )
        return [make, Step(Op.REPLACE, new.urn, old, new, pending_delete=True)]

    def imported(self, goal: Goal, read: Resource) -> list[Step]:
        """After an import: what the program says differs from what was read is an update; nothing: no more steps."""
        provider = self._provider(read.urn, goal)
        assert provider is not None
        inputs = self._ignoring(read.urn, goal.inputs, read.inputs, goal.ignore_changes)
        new = _wanted(read.urn, goal, read, "")
        new.change(inputs=self._checked(new, provider, read, inputs, os.urandom(32)))
        found = self.difference(goal, read, new, provider)
        if not found.changes:
            return []
        if found.replaces:
            raise PlanError(
                "inputs to import do not match the existing resource; importing this resource will fail", read.urn
            )
        diffs = _tops(tuple(sorted(found.detailed)))
        return [Step(Op.UPDATE, read.urn, read, new, diffs=diffs, detailed=found.detailed)]


def _tops(paths_: tuple[str, ...]) -> tuple[str, ...]:
    """The top-level properties of property paths."""
    return tuple(dict.fromkeys(str(paths.parse(path)[0]) for path in paths_))


def _is_import(goal: Goal, old: Resource | None) -> bool:
    return old is None or old.external or (old.import_id or old.id) != goal.import_id


def _wanted(urn: str, goal: Goal, old: Resource | None, alias: str) -> Resource:
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.inputs,
        parent=goal.parent,
        protect=goal.protect,
        dependencies=goal.dependencies,
        provider=goal.provider,
        property_dependencies=goal.property_dependencies,
        secret_outputs=goal.secret_outputs,
        aliases=(alias,) if alias else (),
        timeouts=goal.timeouts,
        import_id=goal.import_id,
        retain_on_delete=goal.retain_on_delete,
        deleted_with=goal.deleted_with,
        replace_with=goal.replace_with,
        created=old.created if old else "",
        modified=old.modified if old else "",
        source_position=goal.source_position,
        ignore_changes=goal.ignore_changes,
        replace_on_changes=goal.replace_on_changes,
    )
