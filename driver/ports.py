"""The narrow protocols that the driver moves a stack through, and the values that cross them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from driver.progress import Progress, Unseen

if TYPE_CHECKING:
    from driver.release.keep import Tagged
    from driver.release.lines import Line
    from driver.release.news import Notify
    from driver.release.once import Once
    from driver.release.requests import Terms
    from driver.release.rollout import Rollout
    from driver.release.scan import Scan
    from driver.release.signals import Alarm, Served
    from driver.release.snapshot import Capacity, Crew, Rule, Stored, Target
    from infra.record import Color, Deployed, Record, Release

Tell = Callable[[str], None]
"""Says one line about what goes on, to whoever watches."""


class Registry(Protocol):
    """Images as records name them: with registry and digest."""

    def scan(self, image: str) -> Scan:
        """What is known of an image's weaknesses."""

    def processors(self, image: str) -> Sequence[str]:
        """`x86_64` and the like, where the registry tells what an image is for; else empty."""

    def tagged(self, image: str, prefix: str) -> Mapping[str, Tagged]:
        """The tags of the image's repository that begin so."""

    def tag(self, image: str, tag: str) -> None:
        """One more tag for it; one that it has already is fine."""

    def untag(self, image: str, tag: str) -> None:
        """Takes a tag away. The image goes with its last one."""


class Runs(Protocol):
    """Where a command of one release is run: on one of its instances, or as a task of its own."""

    def place(self) -> str:
        """Where it can be begun now. Raises NotNow."""

    def known(self, once: Once) -> bool:
        """Whether an attempt that was begun there before can be begun again without running twice."""

    def begun(self, once: Once) -> str:
        """The id of what an attempt was begun as; empty where nothing of it is to be seen."""

    def begin(self, once: Once, limit: int) -> str:
        """Its id. `limit`: after how many seconds it is ended, where that can be asked for. Raises NotNow."""

    def outcome(self, once: Once, id: str) -> Ran:
        """How it ended; no code while it goes on, one below zero where it never got to one.

        Raises LookupError where nothing of it is to be seen: not yet, or no more.
        """

    def end(self, once: Once) -> str:
        """Asks what still runs of an attempt to stop, where it would outlive its release. Its id; empty for nothing."""

    def named(self, once: Once, id: str) -> str:
        """What runs it, for people: `task 0a1b…`."""


class Rollouts(Protocol):
    """A color's members replaced in place. Its capacity by the record's name, what they are launched from likewise."""

    def latest(self, name: str) -> Rollout | None:
        """The one under way, or else the last; none where there has been none."""

    def begin(self, name: str, template: str, *, warmup: int, first: bool = False, alarms: Sequence[str] = ()) -> None:
        """Replaces every member that was launched from something else.

        `warmup`: seconds that a new one is given before an old one goes. `first`: stops after one of them. `alarms`:
        where one of them fires AWS takes it back. Each of them only where the platform can.
        """

    def stop(self, name: str) -> None:
        """Begins to give up the one under way, members staying as they are."""

    def back(self, name: str, template: str, *, warmup: int) -> None:
        """Begins the way back to what members were launched from before; one that is under way goes on."""


class Cloud(Protocol):
    """AWS, as far as a release needs it. Anything that AWS refuses is raised as a `driver.errors.Failure`."""

    region: str

    def account(self) -> str: ...
    def stored(self) -> Stored:
        """Record, intent and what lies beside them, read in one call."""

    def rules(self, arns: Sequence[str]) -> Mapping[str, Rule]:
        """By ARN; what does not exist is left out."""

    def health(self, target_group: str) -> tuple[Target, ...]: ...
    def capacity(self, names: Sequence[str]) -> Mapping[str, Capacity]: ...
    def crews(self, names: Sequence[str]) -> Mapping[str, Crew]:
        """Of workers' services, by name as the record has it; what does not exist is left out."""

    def image(self, reference: str) -> str:
        """The same image by digest. Raises Refused where it does not exist, Invalid where it can't be asked."""

    def registry(self) -> Registry:
        """Where images lie."""

    def forward(self, rule: Rule) -> None:
        """Sets a rule's forward action; target groups in the order of `shares`."""

    def alarms(self, names: Sequence[str], since: datetime | None = None) -> Mapping[str, Alarm]:
        """By name; what does not exist is left out. With `since` also whether one fired at any time from then on."""

    def served(self, target_group: str, rule: str, since: datetime) -> Served:
        """What a target group, behind the balancer of a rule, has counted from then on.

        The latest minute or two are not in its metrics yet.
        """

    def launch_failures(self, group: str, color: Color, template: str = "") -> tuple[str, ...]:
        """Why members lately never came into service: a line for each reason, newest first.

        `template`: those launched from it, where the platform can tell and it is not what the group launches from now.
        """

    def log_lines(self, color: Color, since: datetime, limit: int) -> Sequence[Line]:
        """The last lines that a color's instances have logged. Raises LookupError where it has no log group."""

    def put_record(self, text: str) -> None: ...
    def put_intent(self, text: str) -> None: ...
    def drop_intent(self) -> None: ...
    def watcher(self) -> str:
        """The lease of the driver that watches, as it lies there; empty for none."""

    def put_driver(self, text: str) -> None: ...
    def drop_driver(self) -> None: ...
    def put_freeze(self, text: str) -> None: ...
    def drop_freeze(self) -> None: ...
    def put_once(self, text: str) -> None: ...
    def drop_once(self) -> None: ...
    def claim(self, name: str, text: str) -> str:
        """What lies under a name of which only the first text is taken: this one, or another driver's."""

    def drop_claims(self) -> None: ...
    def runs(self, name: str) -> Runs:
        """Where a command of the release is run whose capacity has this name, as `capacity` takes it."""

    def rollouts(self) -> Rollouts:
        """Members replaced in place."""

    def publish(self, topic: str, subject: str, message: str) -> None:
        """A message to an SNS topic, by its ARN."""

    def set_desired(self, name: str, desired: int) -> None: ...


@dataclass(frozen=True)
class Wish:
    """One update: the record that is wanted, the one it is based on, and what the update may touch."""

    record: Record
    basis: str
    targets: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Changes:
    """What an update did or a preview found: how many resources by operation, and those that change, by name."""

    counts: Mapping[str, int] = field(default_factory=dict)
    resources: tuple[tuple[str, str], ...] = ()
    """Operation and URN."""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    record: Deployed | None = None
    """The record that it writes, where it is known and differs from the deployed one."""

    @property
    def any(self) -> bool:
        return any(number for operation, number in self.counts.items() if operation != "same")


class Stack(Protocol):
    """The Pulumi stack. An update without a wish takes the checkout's own record keys, as `pulumi up` would."""

    name: str
    project: str

    def terms(self) -> Terms: ...
    def notify(self) -> Notify:
        """Who is told of transitions."""

    def forbidden(self) -> tuple[str, ...]:
        """The severities of a scan's findings that no release may have."""

    def release(self, platform: str, image: str) -> Release:
        """What deploying an image today would make: the digest covers settings and templates."""

    def preview(self, wish: Wish | None = None) -> Changes: ...
    def update(self, wish: Wish | None = None) -> Changes: ...
    def refresh(self, targets: Sequence[str]) -> None: ...
    def destroy(self) -> Changes: ...
    def blank(self) -> bool:
        """Whether this backend holds nothing of the stack."""

    def protected(self) -> tuple[str, ...]:
        """Names of the resources that Pulumi or AWS keeps from being deleted."""

    def recorded(self) -> str:
        """The record's text as the stack's state has it, from the last update that wrote it; empty for none."""

    def adopt(self, deployed: Deployed) -> None:
        """Writes the deployed record into the checkout's stack file."""

    def forget(self) -> None:
        """Takes the record keys out of the checkout's stack file."""


class Clock(Protocol):
    """Time. Waits are divided by the sandbox's speed; `elapsed` counts in the same time as waits."""

    def now(self) -> datetime: ...
    def later(self, seconds: float) -> datetime: ...
    def since(self, moment: datetime) -> float: ...
    def elapsed(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Answers:
    """What a probe got. `ran` is false where the balancer can't be reached from here; `why` says it."""

    ran: bool
    statuses: tuple[int, ...] = ()
    colors: tuple[str, ...] = ()
    why: str = ""


class Probe(Protocol):
    """Requests through the balancer, as a client would send them."""

    def ask(self, url: str, times: int) -> Answers: ...
    def fetch(self, url: str) -> Fetched:
        """One request and its answer's body."""


@dataclass(frozen=True)
class Fetched:
    """One answer. `status` is 0 where there was none, and `why` says the reason."""

    status: int
    body: str = ""
    why: str = ""


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code (None: it could not be started, or took too long) and its last lines."""

    code: int | None
    said: str = ""


class Runner(Protocol):
    """Commands of the team's own, run in the project's root."""

    def run(self, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> Ran: ...


@dataclass(frozen=True)
class Ports:
    """All of them together, and who is told what goes on."""

    cloud: Cloud
    stack: Stack
    clock: Clock
    probe: Probe
    tell: Tell
    runner: Runner
    progress: Progress = field(default_factory=Unseen)
