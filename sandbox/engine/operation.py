"""preview, up, refresh and destroy: one operation from the lock to the history entry."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping
from concurrent.futures import wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.engine import config, ending, events, lock
from sandbox.engine.checkpoint import Codec, Snapshot
from sandbox.engine.deployment import Deployment
from sandbox.engine.display import Display
from sandbox.engine.events import Emitter, Sink
from sandbox.engine.execution import Stopped
from sandbox.engine.failure import CommandFailed
from sandbox.engine.journal import Journal
from sandbox.engine.monitor import Monitor, Run
from sandbox.engine.options import Options, PlanError, Stack
from sandbox.engine.program import Program, ProgramFailed, serving
from sandbox.engine.protocol import Secret
from sandbox.engine.registry import Registry
from sandbox.engine.session import Session
from sandbox.engine.threads import DaemonPool

_TIDYING = 2.0
"""Seconds that an operation which was told to end at once has for leaving its program."""


@dataclass(frozen=True)
class Operation:
    """What is asked for. `client`: the address of the language host that runs the program."""

    kind: str  # update, preview, refresh, destroy
    options: Options
    client: str = ""
    event_log: str = ""
    message: str = ""
    expect_no_changes: bool = False
    clear_pending_creates: bool = False
    flags: Mapping[str, str] = field(default_factory=dict)
    exec_kind: str = ""

    @property
    def label(self) -> str:
        preview, name = self.options.preview, {"update": "update", "preview": "update"}.get(self.kind, self.kind)
        if preview:
            return f"Previewing {name}"
        return {"update": "Updating", "refresh": "Refreshing", "destroy": "Destroying"}[self.kind]


def run(session: Session, operation: Operation) -> None:
    """Raises CommandFailed."""
    stack, preview = session.stack, operation.options.preview
    with ExitStack() as held:
        if not preview:
            held.enter_context(lock.held(session.backend, session.project.name, stack))
            session.forget_state()
        started = time.time()
        work = _Work(session, operation)
        session.out(f"{operation.label} ({stack}):\n")
        if operation.kind == "destroy":
            work.refuse_unknown_targets()
        failure = work.carry_out()
        if not preview:
            _add_history(session, operation, work, started, failed=failure)
    if failure:
        raise CommandFailed("")
    if operation.expect_no_changes and any(work.emitter.changes[op] for op in work.emitter.changes if op != "same"):
        raise CommandFailed(f"no changes were expected for {operation.kind} but changes were proposed", code=7)


class _Work:
    def __init__(self, session: Session, operation: Operation) -> None:
        self.session = session
        self.operation = operation
        self.config = session.config(decrypt=True)
        crypter = session.crypter
        self._codec = session.codec()
        base = session.load(self._codec)
        if operation.clear_pending_creates:
            base = replace(base, pending=tuple(one for one in base.pending if one.kind != "creating"))
        if crypter.state != session.state_salt:
            # Secrets are written with the key that the configuration names from here on.
            self._codec = Codec(crypter)
            for resource in base.resources:
                resource.change()
        secrets_provider = {"type": "passphrase", "state": {"salt": crypter.state}}
        base = replace(base, version=f"v{session.version}", secrets_provider=secrets_provider)
        self.display = Display(session.out, operation.kind, preview=operation.options.preview)
        self._closing = ExitStack()
        sinks: list[Sink] = [self.display]
        if operation.event_log:
            log = events.open_log(operation.event_log)
            self._closing.callback(log.close)
            sinks.append(log)
        self.emitter = Emitter(sinks, preview=operation.options.preview)
        self.journal = Journal(base, None if operation.options.preview else self._save)
        self.stack = Stack(session.stack, session.project.name)
        self.deployment = Deployment(
            self.stack, operation.options, base, self.journal, Registry(session.factories), self.emitter
        )
        self._base = base

    def _save(self, snapshot: Snapshot) -> None:
        session = self.session
        deployment = self._codec.deployment_text(snapshot)
        name = f"organization/{session.project.name}/{session.stack}"
        text = f'{{"version": 3,\n"checkpoint": {{"stack": "{name}",\n"latest": {deployment}}}}}\n'
        session.backend.save_state(session.project.name, session.stack, text)

    def refuse_unknown_targets(self) -> None:
        known = {one.urn for one in self.deployment.state.all}
        for urn in self.operation.options.targets.literals:
            if urn not in known:
                raise CommandFailed(f"no resource named '{urn}' found")

    def carry_out(self) -> bool:
        """Whether it failed."""
        started = time.time()
        deployment, session = self.deployment, self.session
        shown = {key: config.HIDDEN if value.secret else value.text for key, value in self.config.items()}
        self.emitter.prelude(shown)
        try:
            with session.interrupt(deployment.cancel):
                self._say_how_it_ended(by_step=self._watched())
                with suppress(Stopped):
                    deployment.finish_outputs()
            self.journal.close()
        except OSError as error:
            deployment.fail(f"the state could not be saved: {error}")
        finally:
            self.journal.seal()
            failed = not deployment.succeeded
            self.emitter.summary(time.time() - started, failed=failed)
            self.emitter.close()
            self.display.close(time.time() - started)
            self._closing.close()
        return failed

    def _watched(self) -> bool:
        """The steps in a thread that can be left behind: a provider that hangs holds them for ever."""
        pool = DaemonPool(1)
        steps = pool.submit(self._steps)
        pool.shutdown()
        try:
            self.deployment.join([steps])
        except Stopped:
            wait([steps], timeout=_TIDYING)
        except KeyboardInterrupt:
            self.deployment.stop()
            with suppress(Stopped):
                self.deployment.join([steps])
            raise
        return steps.result() if steps.done() else True

    def _steps(self) -> bool:
        """Whether, if it failed, a step did; else what was wrong has been said."""
        deployment, operation = self.deployment, self.operation
        by_step = True
        try:
            self._warn_of_pending()
            if operation.options.refresh or operation.kind == "refresh":
                ending.refresh(deployment)
            if operation.kind != "refresh" and not deployment.stopped:
                if operation.kind == "destroy":
                    ending.delete_rest(deployment)
                else:
                    self._run_program()
        except PlanError as error:
            deployment.failed = True
            by_step = deployment.planner.errored and error.said
            if not error.said:
                deployment.report("error", error.message, error.urn)
        except ProgramFailed:
            by_step = False
        except Stopped:
            pass
        return by_step

    def _say_how_it_ended(self, *, by_step: bool) -> None:
        deployment = self.deployment
        if deployment.abandoned:
            self._say_what_was_left()
        noun = "preview" if self.operation.options.preview else "update"
        if not deployment.succeeded and by_step and not deployment.plan_failed:
            canceled = deployment.canceled and not (deployment.failed or deployment.planner.errored)
            deployment.report("error", f"{noun} {'canceled' if canceled else 'failed'}")

    def _say_what_was_left(self) -> None:
        left = "".join(f"\n  * {one.resource.urn}, interrupted while {one.kind}" for one in self.journal.running())
        if left:
            self.deployment.report(
                "warning",
                "Terminated at once. The state names what was in progress as pending operations; look at what came of "
                f"them, then `pulumi refresh`:{left}",
            )

    def _run_program(self) -> None:
        deployment, operation = self.deployment, self.operation
        run_info = Run(
            stack=self.stack,
            config={key: value.text for key, value in self.config.items()},
            secret_keys=tuple(key for key, value in self.config.items() if value.secret),
            preview=operation.options.preview,
            parallel=operation.options.parallel,
        )
        provider_config = {
            key: Secret(value.text) if value.secret else value.text for key, value in self.config.items()
        }
        monitor = Monitor(run_info, deployment, provider_config)
        if not operation.client:
            raise CommandFailed("no language host runs the program: name one by --client")
        with serving(monitor, deployment):
            program = Program(operation.client, monitor, deployment, run_info, str(self.session.project.root))
            try:
                program.wait()
                if not deployment.stopped:
                    targets_missing = _targets_problem(deployment)
                    ending.delete_rest(deployment)
                    if targets_missing:
                        raise targets_missing
            finally:
                deployment.drain()
                program.close()

    def _warn_of_pending(self) -> None:
        pending = self._base.pending
        options = self.operation.options
        if not pending or options.preview or options.refresh or self.operation.kind == "refresh":
            return
        lines = "".join(f"  * {one.resource.urn}, interrupted while {one.kind}\n" for one in pending)
        self.deployment.report(
            "warning",
            f"Attempting to deploy or update resources with {len(pending)} pending operations from previous "
            f"deployment.\n{lines}These resources are in an unknown state because the Pulumi CLI was interrupted while "
            "waiting for changes to these resources to complete. You should confirm whether or not the operations "
            "listed completed successfully by checking the state of the appropriate provider.\n\nOnce you have "
            "confirmed the status of the interrupted operations, you can repair your stack using `pulumi refresh` "
            "which will refresh the state from the provider you are using and clear the pending operations if there "
            "are any.\n\nNote that `pulumi refresh` will need to be run interactively to clear pending CREATE "
            "operations.",
        )


def _targets_problem(deployment: Deployment) -> PlanError | None:
    try:
        ending.check_targets(deployment)
    except PlanError as error:
        return error
    return None


def _add_history(session: Session, operation: Operation, work: _Work, started: float, *, failed: bool) -> None:
    environment = {
        **({"exec.kind": operation.exec_kind} if operation.exec_kind else {}),
        "pulumi.arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        **{f"pulumi.env.{name}": "set" for name in sorted(session.environ) if name.startswith("PULUMI_")},
        **{f"pulumi.flag.{name}": value for name, value in sorted(operation.flags.items())},
        "pulumi.os": sys.platform,
        "pulumi.version": f"v{session.version}",
        **({"runtime.name": "client"} if operation.client else {}),
        "stack.environments": "[]",
        "updatePlan": "false",
    }
    entry: dict[str, Any] = {
        "kind": operation.kind,
        "startTime": int(started),
        "message": operation.message,
        "environment": environment,
        "config": {key: config.raw(value.node) for key, value in work.config.items()},
        "version": 0,
        "result": "failed" if failed else "succeeded",
        "endTime": int(time.time()),
        "resourceChanges": dict(sorted(work.emitter.changes.items())),
    }
    name, stack = session.project.name, session.stack
    try:
        session.backend.finish_state(name, stack)
        session.backend.add_history(name, stack, entry)
    except OSError as error:
        if not failed:
            raise CommandFailed(f"saving update info: {error}") from error
