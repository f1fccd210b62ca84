"""Auto Scaling: brings each group from the instances it has to those it should have, step by step."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import activities, launching, maintenance, policies_api, stores
from sandbox.cloud.activities import Activity
from sandbox.cloud.clock import NEVER, Clock, timestamp
from sandbox.cloud.events import EventLog
from sandbox.cloud.health import Health
from sandbox.cloud.hooks import ABANDON, CONTINUE, LAUNCHING, TERMINATING, Hooks
from sandbox.cloud.instances import Instances
from sandbox.cloud.launching import LaunchFailed
from sandbox.cloud.members import Member, first_to_go, members_of

FIRST_RETRY, LONGEST_RETRY = 30.0, 900.0
SHUTTING_DOWN = 12.0  # simulated seconds from the end of draining until the instance is terminated
PROCEEDING = 1.0  # from a hook's end until a new instance is in service
APP_GRACE = 10.0  # what Compose gives a container between SIGTERM and SIGKILL


@dataclass
class Fleet:
    """What a group has done and is about to do. `registered`: (target group ARN, instance id), by this group;
    `surplus`: instances above the desired capacity while an instance refresh replaces some."""

    activities: list[Activity] = field(default_factory=list)
    registered: set[tuple[str, str]] = field(default_factory=set)
    cause: str = ""
    deleting: bool = False
    surplus: int = 0
    failures: int = 0
    retry_at: float = 0.0


class Scaling:
    def __init__(self, clock: Clock, instances: Instances, health: Health, events: EventLog, hooks: Hooks) -> None:
        self._clock = clock
        self._instances = instances
        self._health = health
        self._events = events
        self._hooks = hooks
        self.fleets: dict[str, Fleet] = {}

    def fleet(self, group: Any) -> Fleet:
        return self.fleets.setdefault(group.arn, Fleet())

    def step(self) -> float:
        return min((self._step_group(region, group) for region, group in stores.scaling_groups()), default=NEVER)

    def changed(self, group: Any, old: int | None) -> None:
        """The desired capacity was set by a request; a launch that failed is tried again at once."""
        fleet = self.fleet(group)
        fleet.cause = activities.changed_by_user(old, group.desired_capacity, group.min_size or 0, group.max_size or 0)
        fleet.retry_at = 0.0

    def explain(self, group: Any, cause: str) -> None:
        """Why the desired capacity is another now, where it was no user who changed it."""
        self.fleet(group).cause = cause

    def delete(self, group: Any) -> None:
        """Lets all members go; the group is gone with the last."""
        fleet = self.fleet(group)
        fleet.deleting = True
        group.status = "Delete in progress"
        group.min_size = group.desired_capacity = 0
        for member in members_of(group):
            self.let_go(group, member, f"At {timestamp()} a user request force deleted the AutoScalingGroup.")
            self._hooks.forget(member.id)  # with the group go the actions that are still outstanding

    def attached(self, group: Any) -> None:
        """Takes over the instances that a request put into the group."""
        for number, state in enumerate(group.instance_states):
            if not isinstance(state, Member):
                activity = activities.attaching(group, state.instance.id)
                self.fleet(group).activities.append(activity)
                member = Member(state.instance, group, None, activity)
                member.lifecycle_state, member.in_service_at = "InService", self._clock.now()
                group.instance_states[number] = member

    def let_go(self, group: Any, member: Member, cause: str) -> Activity:
        """Takes a member out of service: deregister and drain now, terminate after it."""
        if member.leaving:
            return member.activity
        self._hooks.forget(member.id)
        if not member.activity.ended:
            member.activity.fail("Instance was terminated before it came into service.")
        machine = self._instances.machines.get(member.id)
        member.lifecycle_state = "Terminating"
        member.activity = activities.terminating(
            group, member.id, member.instance.subnet_id, member.availability_zone, cause
        )
        fleet = self.fleet(group)
        fleet.activities.append(member.activity)
        self._register(group, fleet)
        member.leaves_at = self._health.drains_until(member.id) if machine and machine.alive else self._clock.now()
        if member.leaves_at > self._clock.now():
            member.activity.status_code, member.activity.progress = "WaitingForELBConnectionDraining", 50
        self._events.add("scaling", group.name, f"{member.activity.description}: {cause.strip()}")
        return member.activity

    def _step_group(self, region: str, group: Any) -> float:
        fleet = self.fleet(group)
        suspended = {process["ProcessName"] for process in group.suspended_processes}
        due = NEVER
        self._judge(group, suspended)
        self._ask_hooks(group)
        if "Terminate" not in suspended:
            self._shrink(group, fleet, suspended)
        if "Launch" not in suspended:
            due = min(due, self._grow(region, group, fleet))
        for member in members_of(group):
            due = min(due, self._step_member(group, member))
        if "AddToLoadBalancer" not in suspended:
            self._register(group, fleet)
        if fleet.deleting and not group.instance_states:
            stores.autoscaling(region).autoscaling_groups.pop(group.name, None)
            policies_api.forget(stores.autoscaling(region), group.name)
            self._events.add("scaling", group.name, "deleted")
        return due

    def _step_member(self, group: Any, member: Member) -> float:
        now = self._clock.now()
        if member.leaves_at is not None:
            return self._step_leaving(group, member, member.leaves_at)
        if member.lifecycle_state == "Pending:Wait":
            return self._hooks.due(member.id)
        if member.proceeds_at is not None and member.proceeds_at > now:
            return member.proceeds_at
        if member.lifecycle_state.startswith("Pending") and member.instance.state == "running":
            member.lifecycle_state = "InService"
            member.in_service_at = now
            member.activity.succeed()
            self._events.add("scaling", group.name, f"{member.id} is in service")
        if member.in_service_at is not None and not member.leaving:
            grace_ends = member.in_service_at + (group.health_check_grace_period or 0)
            return grace_ends if grace_ends > now else NEVER
        return NEVER

    def _ask_hooks(self, group: Any) -> None:
        """What they hold is neither in service nor in a target group."""
        for member in members_of(group):
            if member.lifecycle_state != "Pending:Wait":
                continue
            verdict = self._hooks.verdict(member.id)
            if verdict.result == ABANDON:
                member.activity.cancel(verdict.why)
                self._events.add("scaling", group.name, f"{member.id}: {verdict.why}")
                self.let_go(group, member, activities.abandoned())
            elif verdict.result == CONTINUE:
                member.lifecycle_state = "Pending:Proceed"
                member.proceeds_at = self._clock.now() + PROCEEDING

    def _held_back(self, group: Any, member: Member, fleet: Fleet) -> float | None:
        """Until when a terminating hook keeps a drained instance; None: no longer."""
        begins = member.lifecycle_state == "Terminating" and not fleet.deleting
        if begins and self._hooks.begin(group, member.id, TERMINATING):
            member.lifecycle_state = "Terminating:Wait"
            member.activity.wait_for_a_hook()
        if member.lifecycle_state == "Terminating:Wait":
            if not self._hooks.verdict(member.id).result:
                return self._hooks.due(member.id)
            member.lifecycle_state = "Terminating:Proceed"
        return None

    def _step_leaving(self, group: Any, member: Member, leaves_at: float) -> float:
        """Drained, then shut down, then gone."""
        now = self._clock.now()
        if member.instance.state != "terminated":
            if leaves_at > now:
                return leaves_at
            if member.gone_at is None:
                alive = member.instance.state in ("pending", "running")
                held = self._held_back(group, member, self.fleet(group)) if alive else None
                if held is not None:
                    return held
                self._instances.shut_down(member.id, APP_GRACE)
                member.activity.status_code, member.activity.progress = "InProgress", 75
                member.gone_at = now + SHUTTING_DOWN
            if member.gone_at > now:
                return member.gone_at
            stores.ec2(group.region).terminate_instances([member.id])
        member.activity.succeed()
        group.instance_states.remove(member)
        return NEVER

    def _judge(self, group: Any, suspended: set[str]) -> None:
        """Marks members that EC2 or the load balancer calls unhealthy, unless the grace period still runs."""
        if "HealthCheck" in suspended:
            return
        now = self._clock.now()
        for member in members_of(group):
            if member.leaving:
                continue
            if member.health_status == "Unhealthy":
                if member.known_unhealthy == "ELB" and self._well(group, member):
                    # Nothing says whether AWS takes back what waits for its replacement; without it a group whose
                    # replacements fell ill too would be stuck for ever.
                    member.health_status, member.known_unhealthy = "Healthy", ""
                continue
            if member.instance.state not in ("pending", "running"):
                member.health_status, member.known_unhealthy = "Unhealthy", "EC2"
            elif member.in_service_at is not None:
                graced = now < member.in_service_at + (group.health_check_grace_period or 0)
                if not graced and "unhealthy" in self._asked(group, member):
                    member.health_status, member.known_unhealthy = "Unhealthy", "ELB"

    def _shrink(self, group: Any, fleet: Fleet, suspended: set[str]) -> None:
        if "ReplaceUnhealthy" not in suspended:
            self._replace(group)
        while True:
            serving = [member for member in members_of(group) if member.counts]
            wanted = (group.desired_capacity or 0) + fleet.surplus
            if len(serving) <= wanted:
                return
            try:
                current = launching.version_of(launching.current_version(group))
            except LaunchFailed:
                current = None
            # A maintenance policy has replacements launched first: where the old ones get well, those go that are ill.
            policy = maintenance.policy_of(group)
            ill = [member for member in serving if policy and "unhealthy" in self._asked(group, member)]
            first = first_to_go(ill, current) or first_to_go(serving, current)
            if first is None:
                return
            self.let_go(group, first, fleet.cause + activities.taken_out(len(serving), wanted, first.id))

    def _replace(self, group: Any) -> None:
        """Lets unhealthy members go: what is gone already at once, the others when the group can spare them."""
        ill = [member for member in members_of(group) if member.health_status == "Unhealthy" and not member.leaving]
        alive = [member for member in ill if member.instance.state in ("pending", "running")]
        policy, wanted = maintenance.policy_of(group), group.desired_capacity or 0
        spared = maintenance.may_go(policy, wanted, self._ready(group), len(alive))
        for member in [*(each for each in ill if each not in alive), *alive[:spared]]:
            self.let_go(group, member, activities.unhealthy(member.known_unhealthy or "user"))

    def _ready(self, group: Any) -> int:
        """How many members are in service and healthy to everybody who checks them."""
        return sum(
            member.lifecycle_state == "InService" and member.health_status == "Healthy" and self._well(group, member)
            for member in members_of(group)
        )

    def _well(self, group: Any, member: Member) -> bool:
        """Whether the load balancers have nothing against it, where they are asked."""
        return all(state == "healthy" for state in self._asked(group, member))

    def _asked(self, group: Any, member: Member) -> list[str]:
        """What its load balancers say of it, where the group asks them; "" where one doesn't know it."""
        if "ELB" not in (group.health_check_type or "EC2"):
            return []
        held = [self._health.target(arn, member.id) for arn in group.target_group_arns]
        return [target.state if target is not None else "" for target in held]

    def _grow(self, region: str, group: Any, fleet: Fleet) -> float:
        """Launches what is missing. Returns when a failed launch is to be tried again."""
        while not fleet.deleting:
            serving = [member for member in members_of(group) if member.counts]
            wanted = (group.desired_capacity or 0) + fleet.surplus
            there = sum(not member.leaving for member in members_of(group))
            if len(serving) >= wanted or maintenance.room(maintenance.policy_of(group), wanted, there) < 1:
                return NEVER
            if fleet.retry_at > self._clock.now():
                return fleet.retry_at
            cause = fleet.cause + activities.started(len(serving), wanted)
            try:
                version = launching.current_version(group)
                subnet, zone = launching.place(group, serving)
                instance = launching.launch(group, version, subnet, zone)
            except LaunchFailed as error:
                fleet.failures += 1
                fleet.retry_at = self._clock.now() + min(FIRST_RETRY * 2**fleet.failures, LONGEST_RETRY)
                fleet.activities.append(activities.failed_launch(group, cause, str(error)))
                self._events.add("scaling", group.name, f"launch failed: {error}")
                return fleet.retry_at
            fleet.failures = 0
            activity = activities.launching(group, instance.id, subnet, zone, cause)
            fleet.activities.append(activity)
            member = Member(instance, group, launching.version_of(version), activity)
            group.instance_states.append(member)
            if self._hooks.begin(group, member.id, LAUNCHING):
                member.lifecycle_state = "Pending:Wait"
                activity.wait_for_a_hook()
            self._instances.launched(instance, region)
            self._events.add(
                "scaling", group.name, f"{activity.description} in {zone}, template version {version.number}"
            )
        return NEVER

    def _register(self, group: Any, fleet: Fleet) -> None:
        """Makes the group's own registrations those of its members in service; what others registered isn't touched."""
        backend = stores.elbv2(group.region)
        serving = [member for member in group.instance_states if member.lifecycle_state == "InService"]
        known = [arn for arn in group.target_group_arns if arn in backend.target_groups]
        wanted = {(arn, member.instance.id) for arn in known for member in serving}
        for arn, id in sorted(wanted - fleet.registered):
            backend.target_groups[arn].register([{"Id": id}])
        for arn, id in sorted(fleet.registered - wanted):
            if arn in backend.target_groups and id in backend.target_groups[arn].targets:
                backend.target_groups[arn].deregister([{"Id": id}])
        fleet.registered = wanted
