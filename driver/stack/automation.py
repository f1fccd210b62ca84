"""The Pulumi stack: the program run in this process, by the Automation API, on a config file of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi import log

from driver.checkout import Checkout
from driver.errors import Failure, Invalid
from driver.interrupts import INTERRUPTS
from driver.ports import Changes, Wish
from driver.release.news import Notify
from driver.release.requests import Terms
from driver.release.watcher import Watcher
from driver.room import writing
from driver.stack.engine import command
from driver.stack.failures import Locked, Stopped, classified, refused
from driver.stack.held import Word, named, take_away
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
    """One stack of one checkout. `who` is written into records; `tell` hears what the engine says.

    `word` is what a person has said of a lock in the way, `witness` the lease of another driver of this stack, and
    `accompanied` whether another one is seen at work.
    """

    def __init__(
        self,
        checkout: Checkout,
        who: str,
        tell: Callable[[str], None] | None = None,
        word: Word | None = None,
        witness: Callable[[], Watcher | None] = lambda: None,
        accompanied: Callable[[], bool] = lambda: False,
    ) -> None:
        self.checkout = checkout
        self.name = checkout.stack
        self.project = checkout.project
        self._who = who
        self._tell = tell
        self._word = word or Word()
        self._witness, self._accompanied = witness, accompanied
        self._refusal: Refusal | None = None
        self._ours = False

    def terms(self) -> Terms:
        return terms(self.settings)

    def notify(self) -> Notify:
        return notify(self.settings)

    def forbidden(self) -> tuple[str, ...]:
        return tuple(self.settings.registry.forbid)

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
            # Several a resource, each a call to the engine and an event back, which `Watch` would drop.
            log.debug = _unsaid
            try:
                run(context)
            except Refusal as refusal:
                self._refusal = refusal
                raise

        return program

    def _call(self, operation: Operation, watch: Watch, **options: Any) -> None:
        try:
            with writing("what an update keeps beside it"):
                operation(on_event=watch, on_output=self._tell, color="never", **options)
            if operation.__name__ != "preview":  # which looks at no lock
                watch.warnings += self._without_need()
        except auto.errors.StackNotFoundError:
            if operation.__name__ not in {"up", "preview"}:
                raise Invalid(
                    f"the stack {self.name} has not been made yet", "its backend does not know it", ("up",)
                ) from None
            self._workspace.create_stack(self.name)
            self._call(operation, watch, **options)
        except auto.errors.ConcurrentUpdateError as error:
            watch.warnings.append(self._unlocked(str(error)))
            self._call(operation, watch, **options)
        except auto.errors.CommandError as error:
            if INTERRUPTS.asked:
                # Whatever a program says whose engine is going away, e.g. that it can't read the record.
                why = f"by {INTERRUPTS.asked}; what was done until then is in the state"
                raise Stopped("the update was interrupted", why, ("up", "status")) from None
            if self._refusal is not None:
                raise refused(self._refusal.refused, ours=self._ours) from None
            what = {"up": "update"}.get(operation.__name__, operation.__name__)
            raise classified(str(error), watch.blame(), what, touched=watch.any) from error

    def _unlocked(self, said: str) -> str:
        """Takes away the lock in the way where that is proven or asked, and says whose it was. Raises Locked."""
        if owners := break_dead_locks(said) or break_dead_locks(said, _unless_it_fails(self._witness)):
            return f"took away the lock of a driver that died ({'; '.join(owners)})"
        if not self._word.asked:
            raise Locked.of(said, self._word.verb, seen=self._accompanied())
        broken = take_away(named(said), self._word.asked)
        self._word.asked = ""
        return f"took away the lock of {broken.spoken(datetime.now(UTC))}, as asked"

    def _without_need(self) -> list[str]:
        """What is said of a lock that was to be taken away and was not in the way."""
        asked, self._word.asked = self._word.asked, ""
        return [f"the lock {asked} was not in the way: none was taken away"] if asked else []

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


def _unsaid(*_: object, **__: object) -> None:
    pass


def _unless_it_fails(witness: Callable[[], Watcher | None]) -> Watcher | None:
    """What a witness says; none where it can't be asked, for then nothing is proven."""
    try:
        return witness()
    except Failure:
        return None
