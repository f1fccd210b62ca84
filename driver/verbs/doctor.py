"""`doctor`: what is missing here, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from driver.checkout import Checkout, find, selected
from driver.clock import SystemClock
from driver.errors import Invalid
from driver.findings import Check, Checked, Finding, State, ok, run, worst
from driver.images import named
from driver.invocation import Invocation
from driver.report.doctor import document, table
from driver.result import Result

if TYPE_CHECKING:
    from driver.cloud.checkup import Account, Asked
    from driver.stack.checkup import Engine


@click.command()
@click.pass_obj
def doctor(called: Invocation) -> Result:
    """What is missing here, and how to mend it.

    Looks at the engine and its plugins, the backend, the passphrase, credentials and permissions, the settings, the
    record and what holds it up. Nothing is changed. Exit 2 where something is missing without which verbs can't work.
    """
    checked = run(Patient(called, os.environ).checks())
    return result(checked, called.stack)


def result(checked: tuple[Checked, ...], stack: str | None = None) -> Result:
    state = worst(checked)
    bad = [one.name for one in checked if one.finding.state is State.MISSING]
    doubtful = [one.name for one in checked if one.finding.state is State.WARNING]
    mends = tuple(dict.fromkeys(command for one in _first(checked, state) for command in one.finding.mend))
    outcome = {State.OK: "healthy", State.WARNING: "usable", State.MISSING: "not ready"}[state]
    reason = {
        State.OK: f"all {len(checked)} checks are in order",
        State.WARNING: f"look at: {', '.join(doubtful)}",
        State.MISSING: f"missing or wrong: {', '.join(bad)}",
    }[state]
    code = 2 if state is State.MISSING else 0
    return Result(outcome, reason, mends or ("status",), code, document(checked, stack), table(checked, stack))


def _first(checked: tuple[Checked, ...], state: State) -> list[Checked]:
    return [one for one in checked if one.finding.state is state]


class Patient:
    """What is looked at. Each part is made when a check first needs it, so that one that fails spoils no other."""

    def __init__(
        self,
        called: Invocation,
        environ: Mapping[str, str],
        *,
        engine: Callable[[], Any] | None = None,
        cloud: Callable[[], Asked] | None = None,
    ) -> None:
        self._called = called
        self._environ = environ
        self._make_engine = engine
        self._make_cloud = cloud

    def checks(self) -> list[Check]:
        from driver.cloud.checkup import Account
        from driver.stack.checkup import Engine

        def engine(look: Callable[[Engine], Finding]) -> Callable[[], Finding]:
            return lambda: look(self._engine)

        def account(look: Callable[[Account], Finding]) -> Callable[[], Finding]:
            return lambda: look(self._account)

        stack = ("project", "stack")
        aws = (*stack, "endpoint", "credentials")
        return [
            Check("project", self._project),
            Check("stack", self._stack, ("project",)),
            Check("settings", self._settings, stack),
            Check("engine", engine(Engine.engine)),
            Check("plugins", engine(Engine.plugins), ("engine",)),
            Check("backend", engine(lambda one: one.backend(self._name)), ("project", "engine")),
            Check("passphrase", engine(lambda one: one.passphrase(self._checkout)), (*stack, "engine", "backend")),
            Check("lock", engine(lambda one: one.lock(self._checkout.project, self._checkout.stack)), stack),
            Check("lease", engine(Engine.leases)),
            Check("endpoint", account(Account.endpoint), stack),
            Check("credentials", account(Account.credentials), (*stack, "endpoint")),
            Check("permissions", self._permissions, aws),
            Check("record", account(Account.record), aws),
            Check("account", account(Account.account), (*aws, "record")),
            Check("rule", account(lambda one: one.rule(SystemClock().now())), (*aws, "record", "account")),
            Check("progress", account(Account.progress), (*aws, "record")),
            Check("freeze", account(lambda one: one.freeze(SystemClock().now())), (*aws, "record")),
        ]

    def _project(self) -> Finding:
        return ok(str(find(self._called.project)))

    def _stack(self) -> Finding:
        if self._name is None:
            raise Invalid("no stack is named, and none is selected", "", ("-s dev doctor",))
        self._called.stack = self._name
        self._checkout.data()
        return ok(f"{self._name}" + ("" if self._checkout.file.is_file() else " (no file)"))

    def _settings(self) -> Finding:
        from driver.stack.settings import read

        read(self._checkout)
        return ok("valid")

    def _permissions(self) -> Finding:
        checkout = self._checkout
        image = str(checkout.config().get("bluegreen:image") or "")
        try:
            wanted = named(image) if image else None
        except Invalid:
            wanted = None
        ours = wanted is not None and (not wanted.host or wanted.registry is not None)
        repository = wanted.name if wanted is not None and ours else ""
        return self._account.permissions(f"/bluegreen/{checkout.project}/{checkout.stack}", repository)

    @property
    def _name(self) -> str | None:
        return self._called.stack or selected(find(self._called.project))

    @cached_property
    def _checkout(self) -> Checkout:
        return Checkout(find(self._called.project), self._name or "")

    @cached_property
    def _engine(self) -> Engine:
        from driver.stack.checkup import Engine
        from driver.stack.engine import command

        make = self._make_engine or (lambda: command(self._environ))
        try:
            directory = find(self._called.project)
        except Invalid:  # which engine there is shows anywhere
            directory = Path.cwd()
        return Engine(self._environ, directory, make)

    @cached_property
    def _account(self) -> Account:
        from driver.cloud.account import credentials
        from driver.cloud.aws import AwsCloud
        from driver.cloud.checkup import Account

        found = credentials(self._checkout.config())
        make = self._make_cloud or (lambda: AwsCloud(self._checkout.project, self._checkout.stack, found))
        return Account(self._environ, found, make)
