"""Boots from a bundle, from the first step until the scaling group knows how they ended: ready, or given up and why."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import booting, log_groups, rights
from sandbox.cloud.booting import Prepared
from sandbox.cloud.bundle import BadBundle, Stub
from sandbox.cloud.clock import NEVER, Clock, timestamp
from sandbox.cloud.hooks import ABANDON, CONTINUE, Hooks
from sandbox.cloud.images import Pulled
from sandbox.cloud.permissions import Call
from sandbox.cloud.probing import Check, Outcome, Prober
from sandbox.cloud.refusals import Refused
from sandbox.cloud.rights import Denied, Rights

LOOKS_EVERY = 2.0  # simulated seconds
LOOKS_APART = 0.05  # real seconds at the least
LOOK_TIMEOUT = 5.0  # real seconds: the app isn't sped up


@dataclass
class Boot:
    """Of one instance. Times in simulated seconds."""

    instance: Any
    stub: Stub
    rights: Rights
    say: Callable[[str], None]
    prepared: Prepared | None = None
    address: tuple[str, int] = ("", 0)
    begun_at: float = 0.0
    gives_up_at: float = 0.0
    looks_at: float = NEVER
    looking: bool = False
    answered: str = "000"


class Boots:
    def __init__(self, clock: Clock, hooks: Hooks, prober: Prober, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._hooks = hooks
        self._prober = prober
        self._wake = wake
        self._outcomes: deque[tuple[Boot, Outcome]] = deque()
        self._boots: dict[str, Boot] = {}

    def prepare(
        self, instance: Any, stub: Stub, pull: Callable[[str], Pulled], say: Callable[[str], None]
    ) -> Prepared | None:
        """What the instance is to run now; None where it can't get ready, which has been told then."""
        boot = Boot(instance, stub, rights.of(instance), say, begun_at=self._clock.now())
        self._boots[instance.id] = boot
        try:
            boot.prepared = booting.prepare(stub, boot.rights, pull, lambda line: self._told(boot, line))
        except BadBundle as error:
            self._give_up(boot, error.step, error.reason)
        return boot.prepared

    def again(self, id: str) -> bool:
        """Whether the app may start after a reboot: units fetch the secrets anew, all else is on the disk."""
        boot = self._boots.get(id)
        if boot is None or boot.prepared is None:
            return True
        try:
            booting.check_secrets(boot.prepared.bundle, boot.stub.region, boot.rights)
        except BadBundle as error:
            self._told(boot, f"bluegreen-secrets.service: {error.reason}; docker.service does not start without it")
            return False
        return True

    def wait(self, id: str, address: tuple[str, int]) -> None:
        """The app runs at that address: the instance is ready when it answers there."""
        boot = self._boots[id]
        assert boot.prepared is not None
        self._told(boot, "step=ready")
        now = self._clock.now()
        boot.address, boot.looks_at, boot.gives_up_at = address, now, now + boot.prepared.bundle.ready_seconds

    def give_up(self, id: str, step: str, reason: str) -> None:
        self._give_up(self._boots[id], step, reason)

    def forget(self, id: str) -> None:
        """The instance has ended: nobody looks at its app any more."""
        if boot := self._boots.get(id):
            boot.looks_at = NEVER

    def step(self) -> float:
        """Looks at what is about to be ready. Returns when the next look is."""
        while self._outcomes:
            self._take(*self._outcomes.popleft())
        now, due = self._clock.now(), NEVER
        for boot in self._boots.values():
            if boot.looks_at <= now and not boot.looking:
                self._look(boot)
            if not boot.looking:
                due = min(due, boot.looks_at)
        return due

    def logged(self, ids: Iterable[str]) -> list[str]:
        """Those of the instances whose apps write to a log group."""
        return [id for id in ids if id in self._boots]

    def log(self, id: str, lines: Iterable[tuple[int, str]]) -> None:
        """Lines of an instance's app, with their replicas' numbers."""
        boot = self._boots[id]
        for replica, line in lines:
            self._write(boot, f"app{replica}", line)

    def _look(self, boot: Boot) -> None:
        assert boot.prepared is not None
        boot.looking = True
        check = Check(*boot.address, boot.prepared.bundle.release.health_path, LOOK_TIMEOUT)
        self._prober.probe(check, lambda outcome: self._seen(boot, outcome))

    def _seen(self, boot: Boot, outcome: Outcome) -> None:
        self._outcomes.append((boot, outcome))
        self._wake()

    def _take(self, boot: Boot, outcome: Outcome) -> None:
        boot.looking = False
        if boot.looks_at == NEVER or boot.prepared is None:
            return
        now, wanted = self._clock.now(), boot.prepared.bundle
        boot.answered = f"{outcome.status:03d}"
        if any(low <= outcome.status <= high for low, high in map(_range, wanted.accepted)):
            boot.looks_at = NEVER
            self._ready(boot)
        elif now >= boot.gives_up_at:
            boot.looks_at = NEVER
            path, seconds = wanted.release.health_path, wanted.ready_seconds
            said = f"{path} answered {boot.answered} {seconds:g} s after the start, not {','.join(wanted.accepted)}"
            self._give_up(boot, "ready", said)
        else:
            boot.looks_at = now + max(LOOKS_EVERY, LOOKS_APART * self._clock.speed)

    def _ready(self, boot: Boot) -> None:
        self._told(boot, "step=lifecycle")
        try:
            self._complete(boot, CONTINUE)
        except Denied as error:
            self._give_up(boot, "lifecycle", str(error))
        else:
            self._told(boot, f"BLUEGREEN BOOT READY seconds={self._clock.now() - boot.begun_at:.0f}")

    def _give_up(self, boot: Boot, step: str, reason: str) -> None:
        boot.looks_at = NEVER
        marker = f"BLUEGREEN BOOT FAILED step={step} status=1 line= reason={reason}"
        self._told(boot, marker)
        self._write(boot, "failure", marker)
        try:
            self._complete(boot, ABANDON)
        except Denied as error:
            boot.say(str(error))  # the hook's own time ends it then

    def _complete(self, boot: Boot, result: str) -> None:
        """As the instance's role. Raises Denied. Run again after a reboot, there is no hook left."""
        group = getattr(boot.instance, "autoscaling_group", None)
        if group is None:
            return
        tags = {f"aws:ResourceTag/{tag['Key']}": str(tag["Value"]) for tag in group.tags}
        boot.rights.demand("CompleteLifecycleAction", Call("autoscaling:CompleteLifecycleAction", group.arn, tags))
        try:
            self._hooks.complete(group.name, boot.stub.hook, result, instance=boot.instance.id)
        except Refused as error:
            boot.say(str(error.message))

    def _told(self, boot: Boot, line: str) -> None:
        """In the console, and in the log that the instance's agent sends."""
        boot.say(line)
        self._write(boot, "boot", f"{timestamp()} bluegreen: {line}")

    def _write(self, boot: Boot, stream: str, line: str) -> None:
        log_groups.write(boot.rights, boot.stub.region, boot.stub.log_group, f"{boot.instance.id}/{stream}", [line])


def _range(codes: str) -> tuple[int, int]:
    low, _, high = codes.partition("-")
    return int(low), int(high or low)
