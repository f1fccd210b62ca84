"""Target health: registers, checks and drains the targets of every group, and answers DescribeTargetHealth."""

from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.cloud import stores, targets
from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.events import EventLog
from sandbox.cloud.hosts import Hosts
from sandbox.cloud.probing import Check, Outcome, Prober
from sandbox.cloud.targets import Settings, Target

# The app isn't sped up, so at high speeds a scaled timeout would measure this machine, not the app.
LEAST_TIMEOUT = 1.0  # real seconds


class Health:
    def __init__(
        self,
        clock: Clock,
        hosts: Hosts,
        prober: Prober,
        events: EventLog,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._hosts = hosts
        self._prober = prober
        self._events = events
        self._wake = wake
        self._outcomes: deque[tuple[str, Target, Outcome]] = deque()
        self._groups: dict[str, dict[str, Target]] = {}

    def of_group(self, arn: str) -> list[Target]:
        """Registered and draining targets."""
        return list(self._groups.get(arn, {}).values())

    def target(self, arn: str, id: str) -> Target | None:
        return self._groups.get(arn, {}).get(id)

    def registered(self, group: Any, id: str, port: int) -> None:
        held = self._groups.setdefault(group.arn, {})
        if (known := held.get(id)) and known.port == port and known.drained_at is None:
            return
        held[id] = Target(id, port, next_check=self._clock.now() + targets.REGISTRATION)
        self._events.add("target", id, f"registered with {group.name}")

    def deregistered(self, group: Any, id: str) -> None:
        """Begins to drain; a target of a group without traffic, or one that is down, has nothing to drain."""
        target = self._groups.get(group.arn, {}).get(id)
        if target is None or target.drained_at is not None:
            return
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        if delay <= 0 or target.state == "unused" or not self._hosts.alive(id):
            del self._groups[group.arn][id]
            self._events.add("target", id, f"deregistered from {group.name}")
            return
        target.condition = targets.DRAINING
        target.drained_at = self._clock.now() + delay
        self._events.add("target", id, f"draining from {group.name} for {delay:g} s")

    def drains_until(self, id: str) -> float:
        """When the last group has let the target go: its simulated time, or now."""
        ends = [held[id].drained_at or 0.0 for held in self._groups.values() if id in held]
        return max(ends, default=0.0)

    def step(self) -> float:
        now = self._clock.now()
        self._take_outcomes()
        used = stores.balancers_by_target_group()
        existing = set()
        due = NEVER
        for _, group in stores.target_groups():
            existing.add(group.arn)
            if group.arn in self._groups:
                due = min(due, self._step_group(group, used.get(group.arn), now))
        for arn in self._groups.keys() - existing:
            del self._groups[arn]
        return due

    def force(self, outcome: Outcome | None, ids: set[str], flapping: bool = False) -> None:
        """Every check of these targets ends so, or (flapping) a few do and a few don't; None: as the app answers.

        A fault, not something AWS does.
        """
        for held in self._groups.values():
            for target in held.values():
                if target.id in ids:
                    target.forced, target.flapping, target.seen = outcome, flapping, 0

    def describe(self, group: Any, id: str, port: int | None = None) -> tuple[targets.Condition, int]:
        """A target's condition and port, also of one that isn't registered."""
        target = self._groups.get(group.arn, {}).get(id)
        if target is None:
            return targets.NOT_REGISTERED, int(port or group.port or 80)
        return target.condition, target.port

    def _step_group(self, group: Any, balancer: Any, now: float) -> float:
        held = self._groups[group.arn]
        settings = settings_of(group)
        due = NEVER
        for target in list(held.values()):
            if target.drained_at is not None:
                if target.drained_at <= now or not self._hosts.alive(target.id):
                    del held[target.id]
                    self._events.add("target", target.id, f"drained from {group.name}")
                else:
                    due = min(due, target.drained_at)
            elif self._checkable(target, balancer is not None, now):
                due = min(due, self._check(group, balancer, target, settings, now))
        return due

    def _checkable(self, target: Target, used: bool, now: float) -> bool:
        wrong: targets.Condition | None = None
        if not used:
            wrong = targets.NOT_IN_USE
        elif state := self._hosts.wrong_state(target.id):
            wrong = targets.invalid_state(state)
        if wrong is None:
            if target.state == "unused":
                target.begin_again(targets.REGISTERING, now)
            return True
        target.begin_again(wrong, now)
        return False

    def _check(self, group: Any, balancer: Any, target: Target, settings: Settings, now: float) -> float:
        if not settings.enabled:
            target.condition = targets.HEALTHY
            return NEVER
        if target.next_check > now:
            return target.next_check
        # From when it was due, not from now: a late step doesn't stretch the interval.
        target.next_check = max(target.next_check + settings.interval, now + settings.interval / 2)
        if not target.checking:
            target.checking = True
            check_port = target.port if group.health_check_port == "traffic-port" else int(group.health_check_port)
            if not self._hosts.admits(target.id, check_port, balancer):
                self._done(group.arn, target, Outcome(timed_out=True))
                return target.next_check
            address, port = self._hosts.endpoint(target.id, check_port)
            timeout = max(settings.timeout / self._clock.speed, LEAST_TIMEOUT)
            self._prober.probe(
                Check(address, port, settings.path, timeout),
                lambda outcome: self._done(group.arn, target, outcome),
            )
        return target.next_check

    def _done(self, arn: str, target: Target, outcome: Outcome) -> None:
        self._outcomes.append((arn, target, outcome))
        self._wake()

    def _take_outcomes(self) -> None:
        groups = {group.arn: group for _, group in stores.target_groups()} if self._outcomes else {}
        while self._outcomes:
            arn, target, outcome = self._outcomes.popleft()
            target.checking = False
            group = groups.get(arn)
            if group is None or self.target(arn, target.id) is not target or target.state in ("draining", "unused"):
                continue
            settings = settings_of(group)
            if target.checked(target.falsified(outcome, settings), settings):
                why = f" ({target.condition[2]})" if target.condition[2] else ""
                self._events.add("target", target.id, f"{target.state} in {group.name}{why}")


def settings_of(group: Any) -> Settings:
    """A target group's health check, of moto's record."""
    return Settings(
        path=group.health_check_path or "/",
        interval=float(group.health_check_interval_seconds),
        timeout=float(group.health_check_timeout_seconds),
        healthy_after=int(group.healthy_threshold_count),
        unhealthy_after=int(group.unhealthy_threshold_count),
        codes=str(group.matcher.get("HttpCode") or "200"),
        enabled=bool(group.health_check_enabled),
    )
