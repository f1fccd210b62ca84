"""What comes after the program, and instead of it: deletions, and looking at what is really there."""

from __future__ import annotations

from dataclasses import replace

from sandbox.engine.deployment import Deployment
from sandbox.engine.graph import antichains
from sandbox.engine.options import PlanError
from sandbox.engine.protocol import ProviderError
from sandbox.engine.resource import Resource
from sandbox.engine.steps import Op, Step
from sandbox.engine.targeting import copy


def check_targets(deployment: Deployment) -> None:
    """Every exact target must have existed before or exist now. Raises PlanError."""
    state = deployment.state
    known = {one.urn for one in state.all} | state.seen
    missing = False
    for targets in (deployment.options.targets, deployment.options.excludes, deployment.options.replace):
        for urn in targets.literals:
            if urn not in known:
                missing = True
                hint = "" if "$" in urn else " Did you forget to escape $ in your shell?"
                deployment.planner.error(f"Target '{urn}' could not be found in the stack.{hint}")
    if missing:
        raise PlanError("one or more targets could not be found in the stack", said=True)


def delete_rest(deployment: Deployment) -> None:
    """Deletes what the program no longer wants, dependents first. Raises PlanError."""
    sames, deletions = _deletions(deployment)
    for step in sames:
        deployment.execute(step)
    steps = {step.old: step for step in deletions if step.old is not None}
    order = [one for one in deployment.state.all if one in steps]
    spared: set[Resource] = set()
    for group in antichains(order, deployment.state.graph):
        if deployment.stopped:
            return
        runnable = [steps[one] for one in group if one not in spared]
        failed_before = deployment.failed
        deployment.each(runnable)
        if deployment.options.continue_on_error and deployment.failed and not failed_before:
            for one in group:
                spared |= deployment.state.graph.everything_needed(one)


def _deletions(deployment: Deployment) -> tuple[list[Step], list[Step]]:
    state, options = deployment.state, deployment.options
    may_go = deployment.planner.targeting.deletable()
    spared = _spared(deployment)
    sames: list[Step] = []
    deletions: list[Step] = []
    for one in state.all:
        if one in spared or not may_go(one):
            if not one.delete and not state.survives(one.urn):
                sames.append(Step(Op.SAME, one.urn, one, copy(one), untargeted=True))
            continue
        if one.delete:
            if one not in state.pending_deletes:
                op = Op.DISCARD_REPLACED if one.external else Op.DELETE_REPLACED
                deletions.append(Step(op, one.urn, one))
        elif not state.survives(one.urn):
            state.deletes.add(one.urn)
            if one.pending_replacement:
                op = Op.REMOVE_PENDING_REPLACE
            else:
                op = Op.READ_DISCARD if one.external else Op.DELETE
            deletions.append(Step(op, one.urn, one))
    if options.targets and not options.target_dependents:
        _refuse_untargeted(deployment, deletions)
    return sames, deletions


def _spared(deployment: Deployment) -> set[Resource]:
    """With --exclude-protected: what is protected, and what that needs."""
    if not deployment.options.exclude_protected:
        return set()
    protected = [one for one in deployment.state.all if one.protect]
    return {*protected, *(one for kept in protected for one in deployment.state.graph.everything_needed(kept))}


def _refuse_untargeted(deployment: Deployment, deletions: list[Step]) -> None:
    refused = False
    for step in deletions:
        if step.urn not in deployment.options.targets:
            refused = True
            deployment.planner.error(
                f"Resource '{step.urn}' will be destroyed but was not specified in --target list.\n"
                "Either include resource in --target list or pass --target-dependents to proceed.",
                step.urn,
            )
    if refused and not deployment.options.preview:
        raise PlanError("delete untargeted resource", said=True)


def refresh(deployment: Deployment) -> None:
    """Reads every resource (or the targeted ones) and makes what was found the base of all that follows."""
    state, targeting, options = deployment.state, deployment.planner.targeting, deployment.options
    check_targets(deployment)
    steps = {}
    for one in state.all:
        if not targeting.includes(one):
            continue
        targeting.note(one)
        try:
            if one.provider:
                deployment.registry.ensure(one.provider, state.providers)
        except ProviderError as error:
            raise PlanError(f"could not load provider for resource {one.urn}: {error}", one.urn) from error
        steps[one] = Step(Op.REFRESH, one.urn, one, copy(one))
    # Whatever can be read is read; what comes after a refresh waits until all of it could be.
    deployment.keep_going = True
    deployment.each(list(steps.values()))
    deployment.keep_going = options.continue_on_error
    if deployment.failed:
        _forget_unread(steps)
    state.rebuild(_rebuilt(state.all, steps))
    if not options.preview:
        deployment.journal.rebase(state.all)
    if deployment.failed:
        deployment.stop()


def _forget_unread(steps: dict[Resource, Step]) -> None:
    """What could not be read stays as it was."""
    for one in [one for one, step in steps.items() if step.result is None]:
        del steps[one]


def _rebuilt(resources: list[Resource], steps: dict[Resource, Step]) -> list[Resource]:
    """The resources as they were found, without references to what has gone."""
    rebuilt: list[Resource] = []
    there: set[str] = set()
    parents: dict[str, str] = {}
    for one in resources:
        found = steps[one].new if one in steps else one
        parents[one.urn] = one.parent
        if found is None:
            continue
        parent = found.parent
        while parent and parent not in there:
            parent = parents.get(parent, "")
        gone = any(urn not in there for urn in found.all_dependencies())
        if gone:
            found = replace(
                found,
                parent=parent,
                dependencies=tuple(urn for urn in found.dependencies if urn in there),
                property_dependencies={
                    key: tuple(urn for urn in urns if urn in there) for key, urns in found.property_dependencies.items()
                },
                deleted_with=found.deleted_with if found.deleted_with in there else "",
                replace_with=tuple(urn for urn in found.replace_with if urn in there),
            )
        rebuilt.append(found)
        there.add(found.urn)
    return rebuilt
