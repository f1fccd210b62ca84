"""The Pulumi stack: the program run in this process, by the Automation API, on a config file of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pulumi import automation as auto

from driver.checkout import Checkout
from driver.errors import Failure, Invalid
from driver.interrupts import INTERRUPTS
from driver.ports import Changes, Wish
from driver.release.news import Notify
from driver.release.requests import Terms
from driver.stack.engine import command
from driver.stack.failures import Locked, Stopped, classified, refused
from driver.stack.lease import break_dead_locks
from driver.stack.settings import read
from driver.stack.terms import notify, terms
from driver.stack.watch import Watch
from infra.context import Context
from infra.digest import release_digest
from infra.program import Refusal, run
from infra.record import Deployed, Release
from infra.settings import Settings

Operation = Callable[..., Any]


class PulumiStack:
    """One stack of one checkout. `who` is written into records; `tell` hears what the engine says."""

    def __init__(self, checkout: Checkout, who: str, tell: Callable[[str], None] | None = None) -> None:
        self.checkout = checkout
        self.name = checkout.stack
        self.project = checkout.project
        self._who = who
        self._tell = tell
        self._refusal: Refusal | None = None
        self._ours = False

    def terms(self) -> Terms:
        return terms(self.settings)

    def notify(self) -> Notify:
        return notify(self.settings)

    def release(self, platform: str, image: str) -> Release:
        return Release(platform, image, release_digest(self.settings, platform, image))

    @cached_property
    def settings(self) -> Settings:
        return read(self.checkout)

    def preview(self, wish: Wish | None = None) -> Changes:
        return self._run("preview", wish)

    def update(self, wish: Wish | None = None) -> Changes:
        return self._run("up", wish)

    def refresh(self, targets: Sequence[str]) -> None:
        with self.checkout.private() as file:
            self._call(self._stack.refresh, Watch(), config_file=str(file), target=list(targets))

    def destroy(self) -> Changes:
        watch, started = Watch(), time.monotonic()
        self._call(self._stack.destroy, watch)
        return Changes(watch.counts, tuple(watch.resources), time.monotonic() - started, tuple(watch.warnings))

    def blank(self) -> bool:
        return not self._resources()

    def protected(self) -> tuple[str, ...]:
        return tuple(
            resource["urn"].rpartition("::")[2]
            for resource in self._resources()
            if resource.get("protect") or resource.get("inputs", {}).get("enableDeletionProtection") is True
        )

    def recorded(self) -> str:
        for resource in self._resources():
            if resource["urn"].endswith("::aws:ssm/parameter:Parameter::record"):
                return str(resource.get("outputs", {}).get("insecureValue") or "")
        return ""

    def adopt(self, deployed: Deployed) -> None:
        self.checkout.adopt(deployed)

    def forget(self) -> None:
        self.checkout.forget()

    def _run(self, verb: str, wish: Wish | None, *, finish_first: bool = False) -> Changes:
        _ = self.settings  # invalid settings are told before anything starts
        context = Context(who=self._who, why=wish.why if wish else "", finish_first=finish_first)
        watch, started = Watch(), time.monotonic()
        self._ours = wish is not None
        operation: Operation = self._stack.up if verb == "up" else self._stack.preview
        with self.checkout.private(wish.record if wish else None, wish.basis if wish else "") as file:
            try:
                self._call(
                    operation,
                    watch,
                    config_file=str(file),
                    target=list(wish.targets) if wish and wish.targets else None,
                    program=self._program(context),
                )
            except Failure as failure:
                if failure.facts.get("refusal") == "balancer-without-record" and not finish_first and self._resources():
                    return self._run(verb, wish, finish_first=True)
                raise
        return Changes(
            watch.counts, tuple(watch.resources), time.monotonic() - started, tuple(watch.warnings), watch.next_record
        )

    def _program(self, context: Context) -> Callable[[], None]:
        self._refusal = None

        def program() -> None:
            try:
                run(context)
            except Refusal as refusal:
                self._refusal = refusal
                raise

        return program

    def _call(self, operation: Operation, watch: Watch, **options: Any) -> None:
        try:
            operation(on_event=watch, on_output=self._tell, color="never", **options)
        except auto.errors.StackNotFoundError:
            if operation.__name__ not in {"up", "preview"}:
                raise Invalid(
                    f"the stack {self.name} has not been made yet", "its backend does not know it", ("up",)
                ) from None
            self._workspace.create_stack(self.name)
            self._call(operation, watch, **options)
        except auto.errors.ConcurrentUpdateError as error:
            if not (owners := break_dead_locks(str(error))):
                raise Locked.of(str(error)) from None
            watch.warnings.append(f"took away the lock of a driver that died ({'; '.join(owners)})")
            self._call(operation, watch, **options)
        except auto.errors.CommandError as error:
            if INTERRUPTS.asked:
                # Whatever a program says whose engine is going away, e.g. that it can't read the record.
                why = f"by {INTERRUPTS.asked}; what was done until then is in the state"
                raise Stopped("the update was interrupted", why, ("up", "status")) from None
            if self._refusal is not None:
                raise refused(self._refusal.refused, ours=self._ours) from None
            what = {"up": "update"}.get(operation.__name__, operation.__name__)
            raise classified(str(error), watch.blame(), what) from error

    def _resources(self) -> list[dict[str, Any]]:
        try:
            deployment = self._stack.export_stack().deployment or {}
        except auto.errors.StackNotFoundError:
            return []
        except auto.errors.CommandError as error:
            raise classified(str(error), "", "export") from error
        return deployment.get("resources") or []

    @cached_property
    def _workspace(self) -> auto.LocalWorkspace:
        return auto.LocalWorkspace(work_dir=str(Path(self.checkout.root)), pulumi_command=command())

    @cached_property
    def _stack(self) -> auto.Stack:
        return auto.Stack.select(self.name, self._workspace)
