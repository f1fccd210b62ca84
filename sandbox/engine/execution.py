"""Carries out steps side by side, saves what each did, and knows whether to go on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from sandbox.engine import values
from sandbox.engine.apply import Applier, StepFailed
from sandbox.engine.events import Emitter
from sandbox.engine.journal import Journal
from sandbox.engine.options import Options
from sandbox.engine.protocol import Properties
from sandbox.engine.resource import Resource
from sandbox.engine.steps import CREATES, DELETES, IMPORTS, READS, Op, Step
from sandbox.engine.threads import DaemonPool


class Stopped(Exception):
    """The operation is ending: nothing new is begun."""


class Execution:
    """Thread-safe: steps are carried out in the threads that ask for it."""

    def __init__(self, options: Options, journal: Journal, events: Emitter, applier: Applier) -> None:
        self.options = options
        self.journal = journal
        self.events = events
        self.failed = False
        self.canceled = False
        self.keep_going = options.continue_on_error
        """A failed step doesn't end the operation."""
        self.broken: Exception | None = None
        """The state could not be saved."""
        self.on_stop: Callable[[], None] = lambda: None
        self.failures: set[str] = set()
        self.made: dict[str, Resource] = {}
        """What is there by now, by URN."""
        self.pending: dict[str, Step] = {}
        """Steps whose resources may still get outputs."""
        self._applier = applier
        self._stop = threading.Event()
        self._abandoned = threading.Event()
        self._slots = threading.Semaphore(options.parallel)
        self._idle = threading.Condition()
        self._running = 0
        self._steps = 0

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()
        self.on_stop()

    @property
    def abandoned(self) -> bool:
        """Nobody waits for what is in progress any more: it stays pending in the state."""
        return self._abandoned.is_set()

    def abandon(self) -> None:
        self._abandoned.set()
        self._wake()

    def _wake(self) -> None:
        with self._idle:
            self._idle.notify_all()

    def report(self, severity: str, message: str, urn: str = "") -> None:
        self.events.diagnostic(severity, urn, message)

    def fail(self, message: str, urn: str = "") -> None:
        """Reports an error and ends the operation."""
        self.failed = True
        self.report("error", message, urn)
        self.stop()

    def run(self, steps: Sequence[Step]) -> None:
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
        """Returns when nothing is being carried out any more, or nobody wants to wait for it."""
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0 or self.abandoned)

    def join(self, work: Sequence[Future[Any]]) -> None:
        """Returns when all of it is done. Raises Stopped when it is abandoned before, and what the work raised."""
        for future in work:
            future.add_done_callback(lambda _: self._wake())
        with self._idle:
            self._idle.wait_for(lambda: self.abandoned or all(future.done() for future in work))
        if not all(future.done() for future in work):
            raise Stopped
        for future in work:
            future.result()

    def execute(self, step: Step) -> None:
        """Carries out one step and saves what it did. Raises Stopped."""
        self.events.before(step)
        started = self._begin(step)
        try:
            self._applier.apply(step)
        except StepFailed as failure:
            if not self.abandoned:
                self._failed(step, started, failure)
            raise Stopped from failure
        if self.abandoned:
            raise Stopped
        if step.logical and step.new is not None:
            self.pending[step.urn] = step
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
        self.failures.add(step.urn)
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
        if not self.keep_going:
            self.stop()

    def each(self, steps: Sequence[Step]) -> None:
        """Carries out steps that don't depend on each other. Failures are in `failed`."""

        def one(step: Step) -> None:
            try:
                self.run([step])
            except Stopped:
                return

        if steps:
            pool = DaemonPool(min(len(steps), self.options.parallel))
            try:
                self.join([pool.submit(one, step) for step in steps])
            finally:
                pool.shutdown()

    def complete(self, step: Step, outputs: Properties) -> None:
        changed = step.old is None or not values.equal(step.old.outputs, outputs)
        if not step.untargeted or changed:
            step.state.change(outputs=outputs)
        self.events.after(step)
        if changed:
            self._saving(self.journal.changed)


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
