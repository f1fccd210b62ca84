"""One operation on one stack: takes registrations, plans them in turn and carries them out side by side."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sandbox.engine import urn as urns
from sandbox.engine import values
from sandbox.engine.apply import Applier, StepFailed
from sandbox.engine.checkpoint import Snapshot
from sandbox.engine.events import Emitter
from sandbox.engine.goal import Goal
from sandbox.engine.journal import Journal
from sandbox.engine.options import Options, PlanError, Stack
from sandbox.engine.planner import Planner
from sandbox.engine.protocol import Properties, ProviderError
from sandbox.engine.registry import Registry
from sandbox.engine.resource import Resource
from sandbox.engine.state import State
from sandbox.engine.steps import CREATES, DELETES, IMPORTS, READS, Op, Step


class Stopped(Exception):
    """The operation is ending: nothing new is begun."""


@dataclass(frozen=True)
class Result:
    """What a registration came to. `unknown`: it was left out of a targeted update."""

    resource: Resource
    unknown: bool = False


class Deployment:
    def __init__(
        self,
        stack: Stack,
        options: Options,
        base: Snapshot,
        journal: Journal,
        registry: Registry,
        events: Emitter,
    ) -> None:
        self.stack = stack
        self.options = options
        self.state = State(base.resources)
        self.journal = journal
        self.registry = registry
        self.events = events
        self.planner = Planner(stack, options, self.state, registry, events.diagnostic)
        self.failed = False
        self.plan_failed = False
        self.canceled = False
        self.broken: Exception | None = None
        """The state could not be saved."""
        self.on_stop: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._planning = threading.RLock()
        self._slots = threading.Semaphore(options.parallel)
        self._idle = threading.Condition()
        self._running = 0
        self._pending: dict[str, Step] = {}
        self._outputs: Properties | None = None
        self._failures: set[str] = set()
        self.made: dict[str, Resource] = {}
        """What this operation has come to, by URN."""
        self._applier = Applier(
            options, registry, self.state.deletes, lambda reference: registry.ensure(reference, self.state.providers)
        )
        self._steps = 0

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def succeeded(self) -> bool:
        return not (self.failed or self.canceled or self.planner.errored or self.broken)

    def stop(self) -> None:
        self._stop.set()
        self.on_stop()

    def cancel(self) -> None:
        """Lets what is running end and begins nothing new."""
        self.canceled = True
        self.stop()
        for provider in self.registry.all():
            provider.cancel()

    def report(self, severity: str, message: str, urn: str = "") -> None:
        self.events.diagnostic(severity, urn, message)

    def fail(self, message: str, urn: str = "") -> None:
        """Reports an error and ends the operation."""
        self.failed = True
        self.report("error", message, urn)
        self.stop()

    def register(self, goal: Goal) -> Result:
        """Raises Stopped."""
        with self._planning:
            steps = self._planned(lambda: self.planner.register(goal), goal)
        if self.options.continue_on_error and self._skip(steps):
            raise Stopped
        self._run(steps)
        answer = next((step for step in steps[::-1] if step.urn == steps[-1].urn and _answers(step)), steps[-1])
        if answer.op in IMPORTS:
            return self._continue_import(goal, answer.state)
        return Result(answer.state, unknown=answer.skipped_create)

    def _continue_import(self, goal: Goal, read: Resource) -> Result:
        with self._planning:
            steps = self._planned(lambda: self.planner.imported(goal, read), goal)
        self._run(steps)
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
            if step.new is not None and any(urn in self._failures for urn in step.new.all_dependencies()):
                self._failures.add(step.urn)
                return True
        return False

    def read(self, wanted: Resource) -> Resource:
        """A resource that the program looks up by its id. Raises Stopped."""
        with self._planning:
            steps = self._planned(lambda: self._plan_read(wanted), _as_goal(wanted))
        self._run(steps)
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
        step = self._pending.pop(urn, None)
        if step is None:
            raise ValueError(f"cannot complete a resource '{urn}' whose registration isn't pending")
        if not step.skipped_create:
            self._complete(step, outputs)

    def _complete(self, step: Step, outputs: Properties) -> None:
        changed = step.old is None or not values.equal(step.old.outputs, outputs)
        if not step.untargeted or changed:
            step.state.change(outputs=outputs)
        self.events.after(step)
        if changed:
            self._saving(self.journal.changed)

    def _run(self, steps: Sequence[Step]) -> None:
        """Carries out a chain of steps. Raises Stopped when one fails."""
        with self._slots, self._counted():
            for step in steps:
                if self.stopped:
                    raise Stopped
                self.execute(step)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def drain(self) -> None:
        """Returns when nothing is being carried out any more."""
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0)

    def execute(self, step: Step) -> None:
        """Carries out one step and saves what it did. Raises Stopped."""
        self.events.before(step)
        started = self._begin(step)
        try:
            self._applier.apply(step)
        except StepFailed as failure:
            self._failed(step, started, failure)
            raise Stopped from failure
        if step.logical and step.new is not None:
            self._pending[step.urn] = step
        self._succeeded(step)
        self._end(step, started)

    def _begin(self, step: Step) -> Resource | None:
        kind, resource = "", step.new
        if step.op in CREATES:
            kind = "creating"
        elif step.op is Op.UPDATE:
            kind = "updating"
        elif step.op in DELETES:
            kind, resource = "deleting", step.old
        elif step.op in READS:
            kind = "reading"
        elif step.op in IMPORTS:
            kind = "importing"
        if not kind or resource is None:
            return None
        self._saving(lambda: self.journal.begin(resource, kind))
        return resource

    def _end(self, step: Step, started: Resource | None) -> None:
        old, new = step.old, step.new
        if step.op is Op.SAME:
            if not step.skipped_create:
                dirty = old is not None and new is not None and _differs(old, new)
                self._saving(lambda: self.journal.done(new=new, old=old, dirty=dirty))
        elif step.op in CREATES:
            gone = old if old is not None and old.pending_replacement else None
            self._saving(lambda: self.journal.done(new=new, old=gone, started=started))
        elif step.op is Op.UPDATE or step.op is Op.READ:
            self._saving(lambda: self.journal.done(new=new, old=old, started=started))
        elif step.op in DELETES:
            gone = None if old is not None and old.pending_replacement else old
            self._saving(lambda: self.journal.done(old=gone, started=started))
        elif step.op in IMPORTS or step.op is Op.READ_REPLACEMENT:
            self._saving(lambda: self.journal.done(new=new, started=started))
        elif step.op is Op.REMOVE_PENDING_REPLACE:
            self._saving(lambda: self.journal.done(old=old))

    def _saving(self, save: Callable[[], None]) -> None:
        try:
            save()
        except OSError as error:
            if self.broken is None:
                self.broken = error
                self.fail(f"the state could not be saved: {error}; what is in progress ends, nothing new is begun")
            raise Stopped from error

    def _succeeded(self, step: Step) -> None:
        if step.new is not None:
            self.made[step.urn] = step.new
        op, counted = step.op, step.logical
        if step.op is Op.REFRESH:
            counted = self.options.refresh_only
            op = step.result if step.result and counted else op
        if step.op is Op.READ:
            counted = step.old is not None and not values.equal(step.old.outputs, step.state.outputs)
        if counted and not step.internal:
            self._steps += 1
            self.events.count(op)
        shown = step.state.custom or step.op in (Op.REFRESH, Op.DELETE) or self.options.preview
        if shown:
            self.events.after(step, op)

    def _failed(self, step: Step, started: Resource | None, failure: StepFailed) -> None:
        self.failed = True
        self._failures.add(step.urn)
        urn = "" if step.internal else step.urn
        prefix = "Preview failed: " if self.options.preview else ""
        self.report("error", prefix + failure.message, urn)
        if not self.options.preview:
            self.events.maybe_corrupt = self.events.maybe_corrupt or not failure.kept
            self.events.failed(step, self._steps)
        if failure.kept:
            self._end(step, started)
        elif started is not None:
            self._saving(lambda: self.journal.failed(started))
        if not self.options.continue_on_error:
            self.stop()

    def each(self, steps: Sequence[Step]) -> None:
        """Carries out steps that don't depend on each other. Failures are in `failed`."""

        def one(step: Step) -> None:
            try:
                self._run([step])
            except Stopped:
                return

        if len(steps) == 1:
            one(steps[0])
        elif steps:
            with ThreadPoolExecutor(max_workers=min(len(steps), self.options.parallel)) as pool:
                list(pool.map(one, steps))

    def finish_outputs(self) -> None:
        """The stack's outputs, once everything else is done; after a failure the old ones that it lacks stay."""
        if self._outputs is None:
            return
        for urn, step in self._pending.items():
            if urns.type_of(urn) == urns.STACK_TYPE:
                old = step.old.outputs if step.old is not None else {}
                outputs = self._outputs if self.succeeded else {**old, **self._outputs}
                self._complete(step, outputs)
                return


def _answers(step: Step) -> bool:
    return step.op is not Op.REPLACE and step.new is not None


def _as_goal(resource: Resource) -> Goal:
    return Goal(resource.type, urns.name_of(resource.urn), True, resource.inputs, parent=resource.parent)


def _differs(old: Resource, new: Resource) -> bool:
    """Whether a resource that stays the same must be written all the same."""
    names = (
        *("urn", "type", "custom", "provider", "parent", "protect", "retain_on_delete", "deleted_with"),
        *("replace_with", "timeouts"),
    )
    if any(getattr(old, name) != getattr(new, name) for name in names):
        return True
    if not values.equal(old.inputs, new.inputs) or not values.equal(old.outputs, new.outputs):
        return True
    return sorted(old.dependencies) != sorted(new.dependencies)
