"""Instance refreshes: replaces a group's instances a few at a time, with checkpoints, and back again."""

from datetime import UTC, datetime
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.clock import NEVER, Clock, timestamp
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.members import Member, members_of
from sandbox.cloud.refresh.model import Refresh, named
from sandbox.cloud.refusals import Refused
from sandbox.cloud.scaling import Scaling

BEGINS = 5.0  # simulated seconds from the request until the first instance is looked at
GIVES_UP = 3600.0  # without an instance more that is updated
KEPT = 50


class Refreshes:
    def __init__(self, clock: Clock, scaling: Scaling, health: Health, events: EventLog) -> None:
        self._clock = clock
        self._scaling = scaling
        self._health = health
        self._events = events
        self._held: dict[str, list[Refresh]] = {}

    def of(self, group: Any) -> list[Refresh]:
        """Newest first."""
        return self._held.get(group.arn, [])

    def active(self, group: Any) -> Refresh | None:
        return next((each for each in self.of(group) if each.active), None)

    def start(self, refresh: Refresh) -> None:
        """Raises Refused where one is under way."""
        if self.active(refresh.group) is not None:
            raise Refused(
                "InstanceRefreshInProgress",
                "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
            )
        refresh.begins_at = self._clock.now() + BEGINS
        held = self._held.setdefault(refresh.group.arn, [])
        held.insert(0, refresh)
        del held[KEPT:]
        self._say(refresh, "instance refresh pending")

    def cancel(self, group: Any) -> Refresh:
        """Leaves the instances as they are. Raises Refused."""
        refresh = self._must_be_active(group)
        refresh.status = "Cancelling"
        self._scaling.fleet(group).surplus = 0
        return refresh

    def roll_back(self, group: Any, reason: str) -> Refresh:
        """Raises Refused."""
        refresh = self._must_be_active(group)
        if not _reversible(refresh) or refresh.status in ("Cancelling", "RollbackInProgress"):
            raise Refused(
                "IrreversibleInstanceRefresh",
                "The instance refresh can't be rolled back: it has no desired configuration, its group had none by "
                "number, or it is being cancelled or rolled back already.",
            )
        self._begin_rollback(refresh, reason)
        return refresh

    def step(self) -> float:
        due = NEVER
        for held in self._held.values():
            for refresh in held:
                before = ""
                next_ = NEVER
                while refresh.active and refresh.status != before:
                    before = refresh.status
                    next_ = self._step(refresh)
                due = min(due, next_)
        return due

    def _step(self, refresh: Refresh) -> float:
        now, group = self._clock.now(), refresh.group
        if stores.autoscaling(group.region).autoscaling_groups.get(group.name) is not group:
            refresh.end("Cancelled", "The Auto Scaling group was deleted.")
            return NEVER
        if refresh.status == "Pending":
            if refresh.begins_at > now:
                return refresh.begins_at
            self._begin(refresh)
        if refresh.status == "Cancelling":
            return self._finish_cancelling(refresh)
        if refresh.status == "Baking":
            if alarm := self._alarm(refresh):
                self._fail(refresh, alarm)
            elif refresh.bakes_until <= now:
                self._succeed(refresh)
            return refresh.bakes_until if refresh.active else NEVER
        return self._replace(refresh)

    def _begin(self, refresh: Refresh) -> None:
        group, wanted = refresh.group, named(refresh.version)
        members = [member for member in members_of(group) if not member.leaving]
        skip = refresh.preferences.skip_matching
        ignored = refresh.preferences.protected == "Ignore"
        refresh.old = {
            member.id
            for member in members
            if not (skip and member.version == wanted) and not (ignored and member.protected_from_scale_in)
        }
        refresh.known = {member.id for member in members}
        refresh.total, refresh.moved_at = len(refresh.old), self._clock.now()
        refresh.status, refresh.started = "InProgress", datetime.now(UTC)
        if refresh.asked is not None:
            # The group itself is changed when all went well; until then only what it launches is.
            group.refreshed_to = refresh.version
        self._say(refresh, f"instance refresh begins, {refresh.total} instances to update")

    def _replace(self, refresh: Refresh) -> float:
        now, group, preferences = self._clock.now(), refresh.group, refresh.preferences
        rolls_back = refresh.rollback is not None
        desired = group.desired_capacity or 0
        fleet = self._scaling.fleet(group)
        members = [member for member in members_of(group) if not member.leaving]
        old = [member for member in members if member.id in refresh.old]
        new = [member for member in members if member.id not in refresh.known]
        warm_at = [self._usable_at(refresh, member) for member in new]
        usable = [member for member, at in zip(new, warm_at, strict=True) if at <= now]
        done = min(refresh.total - len(old), len(usable) + max(0, len(refresh.known) - desired))
        if done > refresh.done:
            refresh.done, refresh.moved_at = done, now
            self._say(refresh, f"{done} of {refresh.total} instances updated")
        due = min((at for at in warm_at if now < at), default=NEVER)
        if alarm := self._alarm(refresh):
            self._fail(refresh, alarm)
            return NEVER
        if refresh.waits_until is not None:
            if refresh.waits_until > now:
                return min(due, refresh.waits_until)
            refresh.waits_until, refresh.moved_at = None, now
            refresh.passed += 1
        stage = refresh.total if rolls_back else preferences.stage(refresh.passed, refresh.total)
        if refresh.done >= stage:
            fleet.surplus = 0
            if rolls_back or refresh.passed >= len(preferences.checkpoints) - 1:
                self._bake_or_end(refresh)
                return NEVER
            refresh.waits_until = now + preferences.delay
            refresh.reason = f"Waiting at the checkpoint of {preferences.checkpoints[refresh.passed]} percent."
            self._say(refresh, f"checkpoint of {preferences.checkpoints[refresh.passed]} %")
            return refresh.waits_until
        if now - refresh.moved_at >= GIVES_UP:
            self._fail(refresh, "The replacement instances did not become healthy and warmed up within an hour.")
            return NEVER
        waiting = [member.id for member in new if member not in usable]
        refresh.reason = (
            f"Waiting for instances to warm up before continuing. For example: {waiting[0]} is warming up."
            if waiting
            else None
        )
        self._move_on(refresh, old, usable, stage)
        return min(due, refresh.moved_at + GIVES_UP)

    def _move_on(self, refresh: Refresh, old: list[Member], usable: list[Member], stage: int) -> None:
        """Lets as many of the old ones go as may, and as the checkpoint allows."""
        group, preferences = refresh.group, refresh.preferences
        desired = group.desired_capacity or 0
        gone = refresh.total - len(old)
        left = stage - gone
        ready = [member for member in old if self._well(group, member)]
        # The ill first, then the oldest.
        may = [member for member in old if refresh.rollback is not None or self._may_go(refresh, member)]
        order = sorted(may, key=lambda member: member in ready)
        others = [member for member in members_of(group) if member.id in refresh.known - refresh.old]
        count = len(ready) + len(usable) + sum(self._well(group, member) for member in others)
        kept = preferences.kept(desired)
        for member in order[: max(0, left)]:
            if member in ready:
                if count <= kept:
                    break
                count -= 1
            cause = f"At {timestamp()} an instance was taken out of service in response to an instance refresh."
            self._scaling.let_go(group, member, cause)
            left -= 1
        self._scaling.fleet(group).surplus = min(preferences.extra(desired), max(0, left))

    def _usable_at(self, refresh: Refresh, member: Member) -> float:
        """When a new instance will be warm; never, while it isn't healthy."""
        if member.in_service_at is None or not self._well(refresh.group, member):
            return NEVER
        return member.in_service_at + refresh.preferences.warmup

    def _well(self, group: Any, member: Member) -> bool:
        if member.lifecycle_state != "InService" or member.health_status != "Healthy":
            return False
        held = [self._health.target(arn, member.id) for arn in group.target_group_arns]
        return all(target is None or target.state in ("healthy", "unused") for target in held)

    def _may_go(self, refresh: Refresh, member: Member) -> bool:
        return refresh.preferences.protected == "Refresh" or not member.protected_from_scale_in

    def _alarm(self, refresh: Refresh) -> str:
        if refresh.rollback is not None or not refresh.preferences.alarms:
            return ""
        from moto.cloudwatch.models import cloudwatch_backends

        known = cloudwatch_backends[stores.ACCOUNT][refresh.group.region].alarms
        ringing = [name for name in refresh.preferences.alarms if name in known and known[name].state_value == "ALARM"]
        return f"CloudWatch alarm {ringing[0]} is in the ALARM state." if ringing else ""

    def _fail(self, refresh: Refresh, reason: str) -> None:
        self._scaling.fleet(refresh.group).surplus = 0
        if refresh.rollback is None and refresh.preferences.auto_rollback and _reversible(refresh):
            self._begin_rollback(refresh, reason)
            return
        refresh.group.refreshed_to = None
        refresh.end("RollbackFailed" if refresh.rollback is not None else "Failed", reason)
        self._say(refresh, f"{refresh.status}: {reason}")

    def _begin_rollback(self, refresh: Refresh, reason: str) -> None:
        group = refresh.group
        refresh.rollback = {
            "RollbackReason": reason,
            "RollbackStartTime": datetime.now(UTC),
            "PercentageCompleteOnRollback": refresh.percent,
            "InstancesToUpdateOnRollback": refresh.left,
        }
        refresh.percent_before = refresh.rollback["PercentageCompleteOnRollback"]
        refresh.status, refresh.reason, refresh.waits_until = "RollbackInProgress", None, None
        group.refreshed_to = None
        members = [member for member in members_of(group) if not member.leaving]
        before = named(refresh.before)
        refresh.old = {member.id for member in members if member.version != before}
        refresh.known = {member.id for member in members}
        refresh.total, refresh.done, refresh.moved_at = len(refresh.old), 0, self._clock.now()
        self._say(refresh, f"rolls back: {reason}")

    def _bake_or_end(self, refresh: Refresh) -> None:
        if refresh.rollback is not None:
            refresh.end("RollbackSuccessful")
            self._say(refresh, "rolled back")
        elif refresh.preferences.bake:
            refresh.status, refresh.bakes_until = "Baking", self._clock.now() + refresh.preferences.bake
        else:
            self._succeed(refresh)

    def _succeed(self, refresh: Refresh) -> None:
        group = refresh.group
        if refresh.asked is not None:
            group._set_launch_configuration("", refresh.asked["LaunchTemplate"], None)
            group.refreshed_to = None
        refresh.end("Successful")
        self._say(refresh, "instance refresh successful")

    def _finish_cancelling(self, refresh: Refresh) -> float:
        """When what was under way has come into service or gone."""
        if any(member.lifecycle_state.startswith("Pending") for member in members_of(refresh.group)):
            return NEVER
        refresh.group.refreshed_to = None
        refresh.end("Cancelled", "Cancelled due to user request.")
        self._say(refresh, "instance refresh cancelled")
        return NEVER

    def _must_be_active(self, group: Any) -> Refresh:
        refresh = self.active(group)
        if refresh is None:
            raise Refused(
                "ActiveInstanceRefreshNotFound",
                f"No in progress or pending Instance Refresh found for Auto Scaling group {group.name}",
            )
        return refresh

    def _say(self, refresh: Refresh, message: str) -> None:
        self._events.add("refresh", refresh.group.name, message)


def _reversible(refresh: Refresh) -> bool:
    """Only to a version that has a number, from a wish that names one."""
    asked = (refresh.asked or {}).get("LaunchTemplate") or {}
    numbered = str(asked.get("Version") or "").isdigit() and str(refresh.group.launch_template_version).isdigit()
    return bool(refresh.asked) and numbered
