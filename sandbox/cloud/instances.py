"""EC2 instances: from pending over user data to an app that listens, or a console that says why not."""

import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.cloud import bundle, firewall, images
from sandbox.cloud.active_only import ActiveOnly
from sandbox.cloud.boots import Boots
from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.events import EventLog
from sandbox.cloud.image_faults import ImageFaults
from sandbox.cloud.userdata import BadUserData, Release, read_release, script_of
from sandbox.traffic import wire

# Simulated seconds, near what a t3.medium with Docker on AL2023 takes.
PENDING = 12.0
USER_DATA = 45.0
REBOOT = 45.0
STOPPING = 30.0  # how much of a reboot what runs has to end
NEWS_EVERY = 5.0  # how long a line may be on its way to a log group
# What the two tags that are about time mean, simulated.
SLOW_START = 120.0
DIES_AFTER = 300.0

_NOWHERE = 1  # a port that nothing listens on


class Apps(Protocol):
    """The part of traffic's AppHost that instances need."""

    def boot(self, app: wire.App) -> tuple[str, int]: ...
    def stop(self, id: str, grace: float) -> None: ...
    def kill(self, id: str) -> None: ...
    def log(self, id: str) -> list[str]: ...
    def news(self, ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]: ...


@dataclass
class Machine:
    """One instance: moto's record of it, and what runs on it."""

    instance: Any
    region: str
    address: str
    running_at: float
    app_at: float
    release: Release | None = None
    tag: str = ""
    bound: tuple[str, int] | None = None
    app_ran: bool = False
    replicas: int = 1
    variables: tuple[str, ...] = ()
    poller: bundle.Poller | None = None
    workers: tuple[str, ...] = ()
    console: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.instance.id)

    @property
    def digest(self) -> str:
        """Of the image that it runs; empty before it runs one."""
        return self.release.image.partition("@")[2] if self.release else ""

    @property
    def alive(self) -> bool:
        return self.instance.state in ("pending", "running")


class Instances:
    def __init__(
        self,
        clock: Clock,
        apps: Apps,
        events: EventLog,
        boots: Boots,
        image_faults: ImageFaults,
        pull: Callable[[str], images.Pulled] = images.pull,
    ) -> None:
        self._clock = clock
        self._apps = apps
        self._events = events
        self._boots = boots
        self._image_faults = image_faults
        self._pull = pull
        self._news_at = 0.0
        self._network = _own_network()
        self._hosts = 0
        self._active_only = ActiveOnly(clock, self._say)
        self.machines: dict[str, Machine] = {}

    def launched(self, instance: Any, region: str) -> Machine:
        """Takes an instance that moto has just made, and makes it boot."""
        instance._state.name, instance._state.code = "pending", 0
        now = self._clock.now()
        machine = Machine(instance, region, self.next_address(), now + PENDING, now + PENDING + USER_DATA)
        self.machines[machine.id] = machine
        self._say(machine, "pending")
        return machine

    def step(self) -> float:
        """Lets what is due happen. Returns when the next thing is, in simulated seconds."""
        now = self._clock.now()
        due = NEVER
        for machine in self.machines.values():
            if machine.instance.state == "pending":
                if machine.running_at > now:
                    due = min(due, machine.running_at)
                    continue
                machine.instance._state.name, machine.instance._state.code = "running", 16
                self._say(machine, f"running in {machine.instance.availability_zone}; user data starts")
            if machine.instance.state == "running" and not machine.app_ran:
                if machine.app_at > now:
                    due = min(due, machine.app_at)
                elif machine.tag:
                    self._run_again(machine)
                else:
                    self._run_user_data(machine)
        due = min(due, self._active_only.step(self.machines.values()))
        return min(due, self._boots.step(), self._pass_news_on(now))

    def _pass_news_on(self, now: float) -> float:
        """From the apps to their log groups, every now and then. Returns when that is due again."""
        logged = self._boots.logged(id for id, machine in self.machines.items() if machine.bound)
        if not logged:
            return NEVER
        if self._news_at <= now:
            self._news_at = now + max(NEWS_EVERY, self._clock.speed)
            for id, lines in self._apps.news(logged).items():
                self._boots.log(id, lines)
        return self._news_at

    def admits(self, id: str, port: int, balancer: Any) -> bool:
        """Whether the security groups let that load balancer through to the port."""
        machine = self.machines.get(id)
        return machine is None or not machine.alive or firewall.admits(balancer, machine.instance, port)

    def endpoint(self, id: str, port: int, balancer: Any = None) -> tuple[str, int]:
        """Where a port of an instance is on this machine; where nothing listens if nothing answers there."""
        machine = self.machines.get(id)
        if machine is None or (balancer is not None and not self.admits(id, port, balancer)):
            return "127.0.0.1", _NOWHERE
        if machine.bound and machine.release and machine.release.port == port:
            return machine.bound
        return (machine.address, port) if machine.address != "127.0.0.1" else (machine.address, _NOWHERE)

    def shut_down(self, id: str, grace: float) -> None:
        """The instance begins to end: its app takes no new connections, what runs has `grace` simulated seconds."""
        machine = self.machines.get(id)
        if machine is None:
            return
        machine.instance._state.name, machine.instance._state.code = "shutting-down", 32
        self._boots.forget(id)
        if machine.bound is not None:
            machine.bound = None
            self._apps.stop(id, grace / self._clock.speed)
        self._say(machine, "shutting down")

    def ended(self, id: str) -> None:
        """The instance was stopped or terminated: what still runs on it ends at once."""
        machine = self.machines.get(id)
        if machine is None:
            return
        self._boots.forget(id)
        if machine.bound is not None:
            machine.bound = None
            self._apps.kill(id)
        self._say(machine, str(machine.instance.state))

    def started(self, id: str) -> None:
        """A stopped instance runs again. User data doesn't run twice, but the app's service does."""
        if machine := self.machines.get(id):
            machine.app_ran, machine.app_at = False, self._clock.now() + USER_DATA / 3
            self._say(machine, "started")

    def rebooted(self, id: str) -> None:
        """It stays `running`; its services end, then start again, as those of a stopped one do."""
        machine = self.machines.get(id)
        if machine is None or machine.instance.state != "running":
            return
        self._boots.forget(id)
        if machine.bound is not None:
            machine.bound = None
            self._apps.stop(id, STOPPING / self._clock.speed)
        machine.app_ran, machine.app_at = False, self._clock.now() + REBOOT
        self._say(machine, "reboots")

    def restart_app(self, id: str, behaviour: str | None = None) -> None:
        """Runs the instance's app anew, misbehaving that way (None: as its image does). Resets its connections."""
        machine = self.machines.get(id)
        if machine is None or machine.bound is None:
            return
        self._apps.kill(id)
        machine.bound = None
        self._boot_app(machine, behaviour)

    def kill_app(self, id: str) -> None:
        """The app is gone; the instance runs on."""
        if (machine := self.machines.get(id)) and machine.bound:
            self._apps.kill(id)
            self._say(machine, "app killed")

    def console(self, id: str) -> list[str]:
        machine = self.machines.get(id)
        if machine is None:
            return []
        return machine.console + (self._apps.log(id) if machine.release and machine.tag else [])

    def _run_again(self, machine: Machine) -> None:
        """User data has run before, and its image is on the disk."""
        machine.app_ran = True
        if self._boots.again(machine.id):
            self._boot_app(machine)

    def _run_user_data(self, machine: Machine) -> None:
        machine.app_ran = True
        user_data = None if machine.instance.user_data is None else str(machine.instance.user_data)
        try:
            if stub := bundle.read_stub(script_of(user_data)):
                self._run_bundle(machine, stub)
                return
            machine.release = read_release(user_data)
            machine.tag = self._pull(machine.release.image).tag
        except (BadUserData, bundle.BadBundle) as error:
            self._say(machine, f"cloud-init: {error}; nothing listens")
        except images.NoSuchImage as error:
            self._say(machine, f"docker compose: {error}; nothing listens")
        else:
            self._boot_app(machine)

    def _run_bundle(self, machine: Machine, stub: bundle.Stub) -> None:
        prepared = self._boots.prepare(machine.instance, stub, self._pull, lambda line: self._say(machine, line))
        if prepared is None:
            return
        machine.release, machine.tag = prepared.bundle.release, prepared.tag
        machine.replicas, machine.variables = prepared.bundle.replicas, prepared.variables
        machine.poller = prepared.bundle.poller
        self._boot_app(machine)
        if machine.bound:
            self._boots.wait(machine.id, machine.bound)
        else:
            self._boots.give_up(machine.id, "start", machine.console[-1])

    def _boot_app(self, machine: Machine, behaviour: str | None = None) -> None:
        release = machine.release
        assert release is not None
        app = wire.App(
            id=machine.id,
            address=machine.address,
            port=release.port if machine.address != "127.0.0.1" else 0,
            service=release.service,
            version=machine.tag,
            color=release.color,
            image=release.image,
            behaviour=self._scaled(behaviour or self._image_faults.behaviour(machine.digest, machine.tag)),
            health_path=release.health_path,
            replicas=machine.replicas,
            variables=machine.variables,
        )
        try:
            machine.bound = self._apps.boot(app)
        except RuntimeError as error:
            self._say(machine, f"docker compose: {error}; nothing listens")
        else:
            self._say(machine, f"{release.service} {machine.tag} listens on {machine.bound[0]}:{machine.bound[1]}")

    def _scaled(self, behaviour: str) -> str:
        seconds = {"slow-start": SLOW_START, "dies": DIES_AFTER}.get(behaviour)
        return behaviour if seconds is None else f"{behaviour}={seconds / self._clock.speed:.3f}"

    def next_address(self) -> str:
        if not self._network:
            return "127.0.0.1"
        self._hosts += 1
        return f"{self._network}.{self._hosts // 250}.{self._hosts % 250 + 1}"

    def _say(self, machine: Machine, message: str) -> None:
        machine.console.append(f"[{self._clock.now():10.1f}] {message}")
        self._events.add("instance", machine.id, message)


def _own_network() -> str:
    """A /16 of loopback addresses that two sandboxes of one machine rarely share; "" where there is none (macOS)."""
    network = f"127.{random.randint(16, 250)}"
    with socket.socket() as probe:
        try:
            probe.bind((f"{network}.0.2", 0))
        except OSError:
            return ""
    return network
