"""Scaling policies at work: an alarm fires, and a group's desired capacity changes, within its bounds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import Clock, timestamp
from sandbox.cloud.events import EventLog
from sandbox.cloud.members import Member, members_of
from sandbox.cloud.watch import adjusting, tracking
from sandbox.cloud.watch.adjusting import Breach

DEFAULT_WARMUP = DEFAULT_COOLDOWN = 300.0


@dataclass
class Policies:
    """`explain`: keeps why a group's capacity has changed; `wake`: called when it has."""

    clock: Clock
    explain: Callable[[Any, str], None]
    events: EventLog
    wake: Callable[[], None]
    _cooled_at: dict[str, float] = field(default_factory=dict)

    def fire(self, arn: str, breach: Breach) -> str | None:
        """Does what the policy of that ARN says. Returns why that is impossible."""
        backend = stores.autoscaling(arn.split(":")[3])
        policy = next((policy for policy in backend.policies.values() if policy.arn == arn), None)
        group = None if policy is None else backend.autoscaling_groups.get(policy.auto_scaling_group_name)
        if policy is None or group is None:
            return f"there is no scaling policy {arn}"
        suspended = {process["ProcessName"] for process in group.suspended_processes}
        if (
            getattr(policy, "enabled", True)
            and "AlarmNotification" not in suspended
            and not getattr(group, "status", None)
        ):
            self.execute(group, policy, breach)
        return None

    def execute(self, group: Any, policy: Any, breach: Breach, honor_cooldown: bool = True) -> None:
        if policy.policy_type == "TargetTrackingScaling":
            self._track(group, policy, breach)
        elif policy.policy_type == "StepScaling":
            self._step(group, policy, breach)
        elif not honor_cooldown or self._cooled_at.get(group.arn, 0.0) <= self.clock.now():
            self._simple(group, policy, breach)

    def _track(self, group: Any, policy: Any, breach: Breach) -> None:
        what = tracking.tracked(policy)
        if breach.value is None:
            return
        serving, warm = _serving(group), self._warm(group, policy)
        if breach.value > what.target:
            # Instances that warm up are in the desired capacity already, and no part of what the metric is about.
            wanted = adjusting.proportional(len(warm), breach.value, what.target)
            if warm and wanted > group.desired_capacity:
                self._set(group, policy, breach, wanted)
        elif what.scales_in and len(warm) == len(serving):
            lower = [self._less(group, other, len(serving)) for other in _tracking(group)]
            least = [wanted for wanted in lower if wanted is not None]
            # In only where every policy agrees, and to what the most cautious of them says.
            if len(least) == len(lower) and max(least) < group.desired_capacity:
                self._set(group, policy, breach, max(least))

    def _less(self, group: Any, policy: Any, instances: int) -> int | None:
        """What a policy would shrink its group to; None: it wouldn't."""
        alarms = stores.cloudwatch(group.region).alarms
        low = alarms.get(tracking.low_alarm(policy))
        if low is None or low.state_value != "ALARM" or getattr(low, "latest", None) is None:
            return None
        return adjusting.proportional(instances, low.latest, tracking.tracked(policy).target)

    def _step(self, group: Any, policy: Any, breach: Breach) -> None:
        by = adjusting.step(policy.step_adjustments or [], breach.by)
        if by is None:
            return
        least = int(policy.min_adjustment_magnitude or 0)
        # Neither instances that warm up nor those that leave count as done: the same breach acts once.
        grown = adjusting.adjusted(len(self._warm(group, policy)), policy.adjustment_type, by, least)
        shrunk = adjusting.adjusted(len(members_of(group)), policy.adjustment_type, by, least)
        if grown > group.desired_capacity and (by > 0 or policy.adjustment_type == "ExactCapacity"):
            self._set(group, policy, breach, grown)
        elif shrunk < group.desired_capacity:
            self._set(group, policy, breach, shrunk)

    def _simple(self, group: Any, policy: Any, breach: Breach) -> None:
        least = int(policy.min_adjustment_magnitude or 0)
        wanted = adjusting.adjusted(
            group.desired_capacity, policy.adjustment_type, int(policy.scaling_adjustment), least
        )
        if self._set(group, policy, breach, wanted):
            cooldown = policy.cooldown if policy.cooldown is not None else getattr(group, "default_cooldown", None)
            seconds = DEFAULT_COOLDOWN if cooldown is None else float(cooldown)
            self._cooled_at[group.arn] = self.clock.now() + seconds

    def _set(self, group: Any, policy: Any, breach: Breach, wanted: int) -> bool:
        """Says whether the capacity is another now."""
        old, wanted = group.desired_capacity, max(group.min_size or 0, min(wanted, group.max_size or 0))
        if wanted == old:
            return False
        group.set_desired_capacity(wanted)
        by = f"monitor alarm {breach.alarm} in state ALARM triggered" if breach.alarm else "user request executed"
        what = f"a {by} policy {policy.name} changing the desired capacity from {old} to {wanted}."
        self.explain(group, f"At {timestamp()} {what}")
        self.events.add("scaling", group.name, what)
        self.wake()
        return True

    def _warm(self, group: Any, policy: Any) -> list[Member]:
        given = (policy.estimated_instance_warmup, getattr(group, "default_instance_warmup", None))
        seconds = next((float(each) for each in given if each is not None and float(each) >= 0), DEFAULT_WARMUP)
        now = self.clock.now()
        return [member for member in _serving(group) if (member.in_service_at or 0.0) + seconds <= now]


def _serving(group: Any) -> list[Member]:
    return [member for member in members_of(group) if member.lifecycle_state == "InService"]


def _tracking(group: Any) -> list[Any]:
    """The group's target tracking policies that may shrink it."""
    policies = stores.autoscaling(group.region).policies.values()
    return [
        policy
        for policy in policies
        if policy.auto_scaling_group_name == group.name
        and policy.policy_type == "TargetTrackingScaling"
        and getattr(policy, "enabled", True)
        and tracking.tracked(policy).scales_in
    ]
