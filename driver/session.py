"""One verb's work on one stack: finds the checkout, and opens the ports that the verb moves it through."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from driver.checkout import Checkout, find, selected
from driver.checks import Commands
from driver.clock import SystemClock
from driver.cloud.account import Credentials, credentials, refuse_other_account
from driver.cloud.aws import AwsCloud
from driver.errors import Invalid
from driver.invocation import Invocation
from driver.observe import observe
from driver.ports import Ports, Stack
from driver.probe import HttpProbe
from driver.progress import chosen

if TYPE_CHECKING:
    from driver.release.snapshot import Snapshot
    from driver.stack.automation import PulumiStack


class Session:
    """Everything lazy: a verb that reads AWS only, and a rollback until it has moved the traffic, load no Pulumi."""

    def __init__(self, invocation: Invocation, *, changes: bool) -> None:
        self.invocation = invocation
        root = find(invocation.project)
        self.checkout = Checkout(root, _stack_name(invocation, root, changes=changes))
        invocation.stack = self.checkout.stack
        self.config = self.checkout.config()

    @cached_property
    def ports(self) -> Ports:
        called, clock = self.invocation, SystemClock()
        called.progress = chosen(called, clock)
        commands = Commands(self.checkout.root)
        return Ports(self.cloud, self.stack, clock, HttpProbe(), called.tell, commands, called.progress)

    @cached_property
    def credentials(self) -> Credentials:
        return credentials(self.config)

    @cached_property
    def cloud(self) -> AwsCloud:
        return AwsCloud(self.checkout.project, self.checkout.stack, self.credentials)

    @cached_property
    def stack(self) -> Stack:
        return cast(Stack, _Later(self))

    def observed(self) -> Snapshot:
        """The stack as it is, for a verb that only reads. Raises Invalid in an account that is not the record's.

        What was read says in which account it lies: to ask for it would take a client of its own, a tenth of the time.
        """
        seen = observe(self.cloud, self.ports.clock.now())
        if seen.deployed is not None or self.credentials.accounts:
            found = seen.stored.account or self.cloud.account()
            refuse_other_account(found, seen.deployed.account if seen.deployed else "", self.credentials)
        return seen

    def known_account(self) -> str:
        """The caller's account. Raises Invalid where it is not the one that the deployed record is of."""
        stored = self.cloud.stored()
        found = self.cloud.account()
        refuse_other_account(found, stored.deployed.account if stored.deployed else "", self.credentials)
        return found


class _Later:
    """The Pulumi stack, made when it is first asked for something."""

    def __init__(self, session: Session) -> None:
        self.name, self.project = session.checkout.stack, session.checkout.project
        self._session = session

    @cached_property
    def _made(self) -> PulumiStack:
        from driver.stack.automation import PulumiStack
        from driver.stack.held import Word
        from driver.watching import accompanied, predecessor
        from driver.who import who

        session, called = self._session, self._session.invocation
        return PulumiStack(
            session.checkout,
            who(),
            called.tell if called.verbose else None,
            Word(called.break_lock, called.verb),
            lambda: predecessor(session.cloud),
            lambda: accompanied(session.cloud),
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def _stack_name(invocation: Invocation, root: Any, *, changes: bool) -> str:
    if invocation.stack:
        return invocation.stack
    if changes and not invocation.interactive:
        why = "a verb that changes something never relies on the selected stack where nobody can be asked"
        raise Invalid("name the stack", why, (f"-s dev {invocation.verb}",))
    found = selected(root)
    if not found:
        names = sorted(path.name.split(".")[1] for path in root.glob("Pulumi.*.yaml"))
        first = names[0] if names else "dev"
        raise Invalid("name the stack", "none is selected here", (f"-s {first} {invocation.verb}",))
    return found
