"""One operation on one stack: takes registrations, plans them in turn and carries them out side by side."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.engine import threads
from sandbox.engine import urn as urns
from sandbox.engine.apply import Applier
from sandbox.engine.checkpoint import Snapshot
from sandbox.engine.events import Emitter
from sandbox.engine.execution import Execution, Stopped
from sandbox.engine.goal import Goal
from sandbox.engine.journal import Journal
from sandbox.engine.options import Options, PlanError, Stack
from sandbox.engine.planner import Planner
from sandbox.engine.protocol import Properties, Provider, ProviderError
from sandbox.engine.registry import Registry
from sandbox.engine.resource import Resource
from sandbox.engine.state import State
from sandbox.engine.steps import IMPORTS, Op, Step


@dataclass(frozen=True)
class Result:
    """What a registration came to. `unknown`: it was left out of a targeted update."""

    resource: Resource
    unknown: bool = False


class Deployment(Execution):
    def __init__(
        self,
        stack: Stack,
        options: Options,
        base: Snapshot,
        journal: Journal,
        registry: Registry,
        events: Emitter,
    ) -> None:
        state = State(base.resources)
        applier = Applier(options, registry, state.deletes, lambda wanted: registry.ensure(wanted, state.providers))
        super().__init__(options, journal, events, applier)
        self.stack = stack
        self.state = state
        self.registry = registry
        self.planner = Planner(stack, options, state, registry, events.diagnostic)
        self.plan_failed = False
        self._planning = threading.RLock()
        self._outputs: Properties | None = None

    @property
    def succeeded(self) -> bool:
        return not (self.failed or self.canceled or self.planner.errored or self.broken)

    def cancel(self) -> None:
        """Lets what is running end and begins nothing new; asked again, waits no longer for what is running."""
        if self.canceled:
            self.abandon()
            return
        self.canceled = True
        self.stop()
        for provider in self.registry.all():
            # Each in its own thread: one that hangs must not keep the others from being told.
            threads.start(functools.partial(_tell, provider))

    def register(self, goal: Goal) -> Result:
        """Raises Stopped."""
        with self._planning:
            steps = self._planned(lambda: self.planner.register(goal), goal)
        if self.options.continue_on_error and self._skip(steps):
            raise Stopped
        self.run(steps)
        answer = next((step for step in steps[::-1] if step.urn == steps[-1].urn and _answers(step)), steps[-1])
        if answer.op in IMPORTS:
            return self._continue_import(goal, answer.state)
        return Result(answer.state, unknown=answer.skipped_create)

    def _continue_import(self, goal: Goal, read: Resource) -> Result:
        with self._planning:
            steps = self._planned(lambda: self.planner.imported(goal, read), goal)
        self.run(steps)
        return Result(steps[-1].state if steps else read)

    def _planned(self, plan: Callable[[], list[Step]], goal: Goal) -> list[Step]:
        if self.stopped:
            raise Stopped
        try:
            return plan()
        except PlanError as error:
            if not error.said:
                self.report("error", error.message, error.urn)
        except ProviderError as error:
            self.report("error", error.message, self._urn_of(goal))
        except Exception as error:
            # A provider's bug in check or diff; the resource that it happened to must be named.
            self.report("error", f"{type(error).__name__}: {error}", self._urn_of(goal))
        self.failed = self.plan_failed = True
        self.stop()
        raise Stopped

    def _urn_of(self, goal: Goal) -> str:
        return urns.make(self.stack.name, self.stack.project, goal.parent, goal.type, goal.name)

    def _skip(self, steps: Sequence[Step]) -> bool:
        """With --continue-on-error, whatever depends on a failure is left alone."""
        for step in steps:
            if step.new is not None and any(urn in self.failures for urn in step.new.all_dependencies()):
                self.failures.add(step.urn)
                return True
        return False

    def read(self, wanted: Resource) -> Resource:
        """A resource that the program looks up by its id. Raises Stopped."""
        with self._planning:
            steps = self._planned(lambda: self._plan_read(wanted), _as_goal(wanted))
        self.run(steps)
        return steps[0].state

    def _plan_read(self, wanted: Resource) -> list[Step]:
        urn = self.planner.name(wanted.parent, wanted.type, urns.name_of(wanted.urn))
        old = self.state.olds.get(urn)
        if old is not None and not old.external and old.id != wanted.id:
            self.state.replaces.add(urn)
            return [
                Step(Op.READ_REPLACEMENT, urn, old, wanted),
                Step(Op.REPLACE, urn, old, wanted, pending_delete=True),
            ]
        self.state.reads.add(urn)
        return [Step(Op.READ, urn, old, wanted)]

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """What a component says of itself once its children are registered; the stack's own are kept to the end."""
        if urns.type_of(urn) == urns.STACK_TYPE:
            self._outputs = outputs
            return
        step = self.pending.pop(urn, None)
        if step is None:
            raise ValueError(f"cannot complete a resource '{urn}' whose registration isn't pending")
        if not step.skipped_create:
            self.complete(step, outputs)

    def finish_outputs(self) -> None:
        """The stack's outputs, once everything else is done; after a failure the old ones that it lacks stay."""
        if self._outputs is None:
            return
        for urn, step in self.pending.items():
            if urns.type_of(urn) == urns.STACK_TYPE:
                old = step.old.outputs if step.old is not None else {}
                outputs = self._outputs if self.succeeded else {**old, **self._outputs}
                self.complete(step, outputs)
                return


def _tell(provider: Provider) -> None:
    with contextlib.suppress(Exception):
        provider.cancel()


def _answers(step: Step) -> bool:
    return step.op is not Op.REPLACE and step.new is not None


def _as_goal(resource: Resource) -> Goal:
    return Goal(resource.type, urns.name_of(resource.urn), True, resource.inputs, parent=resource.parent)
