"""What balancers, and the instances behind them, report to CloudWatch: each simulated minute, and late, as AWS's."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.balancing import Balancing
from sandbox.cloud.clock import Clock
from sandbox.cloud.health import Health
from sandbox.cloud.instances import Instances
from sandbox.cloud.members import Member, members_of
from sandbox.cloud.watch.hosts import Hosts
from sandbox.cloud.watch.places import balancer_suffix, group_suffix
from sandbox.cloud.watch.points import Point, Spread, counted, of_values
from sandbox.cloud.watch.series import Metric, Store
from sandbox.traffic import wire

BALANCER = "AWS/ApplicationELB"
EC2, ECS = "AWS/EC2", "AWS/ECS"
MINUTE = 60.0
DELAY = 30.0  # simulated seconds from the end of a minute until its datapoints can be read
# The model of CPUUtilization, in percent: of an idle instance, and for each request a (real) second that its app got.
IDLE_CPU, CPU_OF_REQUEST = 2.0, 0.4
_SLOWEST = 60.0  # the last bucket of response times has no upper edge; the balancer's idle timeout is one

Load = tuple[str, tuple[tuple[str, str], ...], list[str]]
"""Of an ECS service: its region, its dimensions, its targets."""
Places = tuple[tuple[tuple[str, str], ...], ...]


class Metering:
    def __init__(self, clock: Clock, balancing: Balancing, health: Health, instances: Instances, store: Store) -> None:
        self._clock = clock
        self._balancing = balancing
        self._instances = instances
        self._store = store
        self._hosts = Hosts(clock, health)
        self._before = wire.Counters(0)
        self._collected_at = clock.now()
        self.silent_until = 0.0
        self.services: Callable[[], list[Load]] = list

    def observe(self) -> None:
        """Notes how many hosts are healthy, to be asked whenever that may have changed."""
        self._hosts.observe()

    def collect(self, minute: float) -> None:
        """Reports the simulated minute that began then."""
        now = self._clock.now()
        counters = self._balancing.counters() if self._balancing.table.listeners or self._before.listeners else None
        before, self._before = self._before, counters or self._before
        seconds = max(now - self._collected_at, 1e-9) / self._clock.speed
        self._collected_at = now
        hosts = self._hosts.reported(minute)
        if now < self.silent_until:
            return
        for region, group, balancer, healthy, unhealthy in hosts:
            place = ((("TargetGroup", group), ("LoadBalancer", balancer)),)
            self._report(region, "HealthyHostCount", place, healthy)
            self._report(region, "UnHealthyHostCount", place, unhealthy)
        if counters is not None:
            self._balancers(minute, counters, before)
        self._processors(minute, counters, before, seconds)

    def _balancers(self, minute: float, counters: wire.Counters, before: wire.Counters) -> None:
        listeners: dict[str, tuple[Any, list[wire.Tally]]] = {}
        for balancer, listener in stores.listeners():
            tally = since(before.listeners.get(listener.arn), counters.listeners.get(listener.arn))
            listeners.setdefault(balancer.arn, (balancer, []))[1].append(tally)
        for arn, (_, tallies) in listeners.items():
            place = ((("LoadBalancer", balancer_suffix(arn)),),)
            for name, point in _measured(minute, _sum(tallies)):
                self._report(arn.split(":")[3], name, place, point)
        for arn, balancer in stores.balancers_by_target_group().items():
            tally = since(before.groups.get(arn), counters.groups.get(arn))
            region, group = arn.split(":")[3], ("TargetGroup", group_suffix(arn))
            both = (group, ("LoadBalancer", balancer_suffix(balancer.arn)))
            for name, point in _measured(minute, tally):
                if not name.startswith(("HTTPCode_ELB", "HTTP_")):  # those are the balancer's alone
                    self._report(region, name, (both,), point)
            if tally.requests:
                each = of_values(minute, (tally.requests / max(1, self._hosts.healthy(arn)),), "Count")
                self._report(region, "RequestCountPerTarget", ((group,), both), each)

    def _processors(self, minute: float, counters: wire.Counters | None, before: wire.Counters, seconds: float) -> None:
        """Of every running instance, and of a scaling group's or an ECS service's together."""
        loads: dict[str, float] = {}
        for id, machine in self._instances.machines.items():
            if machine.instance.state == "running":
                loads[id] = self._load(id, counters, before, seconds)
                point = of_values(minute, (loads[id],), "Percent")
                self._report(machine.region, "CPUUtilization", ((("InstanceId", id),),), point, EC2)
        for region, group in stores.scaling_groups():
            values = [
                loads[member.id] for member in members_of(group) if member.id in loads and self._counts(group, member)
            ]
            if values:
                place = ((("AutoScalingGroupName", group.name),),)
                self._report(region, "CPUUtilization", place, of_values(minute, values, "Percent"), EC2)
        for region, service, ids in self.services():
            values = [self._load(id, counters, before, seconds) for id in ids]
            if values:
                self._report(region, "CPUUtilization", (service,), of_values(minute, values, "Percent"), ECS)

    def _counts(self, group: Any, member: Member) -> bool:
        """Towards its group's metrics: in service, and warmed up where the group has a default for that."""
        warmup = max(0.0, float(getattr(group, "default_instance_warmup", None) or 0))
        since = member.in_service_at
        return member.lifecycle_state == "InService" and since is not None and since + warmup <= self._clock.now()

    @staticmethod
    def _load(id: str, counters: wire.Counters | None, before: wire.Counters, seconds: float) -> float:
        got = since(before.targets.get(id), counters.targets.get(id) if counters else None).requests
        return round(min(100.0, IDLE_CPU + CPU_OF_REQUEST * got / seconds), 2)

    def _report(self, region: str, name: str, places: Places, point: Point, namespace: str = BALANCER) -> None:
        for dimensions in places:
            metric = Metric.named(namespace, name, dimensions)
            self._store.report(region, metric, point, point.at + MINUTE + DELAY)


def since(before: wire.Tally | None, now: wire.Tally | None) -> wire.Tally:
    """What was counted between two looks."""
    if now is None or before is None:
        return now or wire.Tally()
    return wire.Tally(
        requests=now.requests - before.requests,
        target_codes=_less(now.target_codes, before.target_codes),
        elb_codes=_less(now.elb_codes, before.elb_codes),
        connection_errors=now.connection_errors - before.connection_errors,
        fixed_responses=now.fixed_responses - before.fixed_responses,
        redirects=now.redirects - before.redirects,
        latency=tuple(n - old for n, old in zip(now.latency, before.latency, strict=True)),
        latency_sum=now.latency_sum - before.latency_sum,
    )


def _less(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: n - before.get(name, 0) for name, n in now.items()}


def _sum(tallies: list[wire.Tally]) -> wire.Tally:
    target, elb = Counter[str](), Counter[str]()
    for tally in tallies:
        target.update(tally.target_codes)
        elb.update(tally.elb_codes)
    return wire.Tally(
        requests=sum(tally.requests for tally in tallies),
        target_codes=dict(target),
        elb_codes=dict(elb),
        connection_errors=sum(tally.connection_errors for tally in tallies),
        fixed_responses=sum(tally.fixed_responses for tally in tallies),
        redirects=sum(tally.redirects for tally in tallies),
        latency=tuple(map(sum, zip(*(tally.latency for tally in tallies), strict=True))),
        latency_sum=sum(tally.latency_sum for tally in tallies),
    )


def _measured(minute: float, tally: wire.Tally) -> Iterator[tuple[str, Point]]:
    """Only what happened: a balancer reports no count of 0."""
    for name, count in tally.metrics().items():
        if name != "TargetResponseTime" and count:
            yield name, counted(minute, float(count))
    if sum(tally.latency):
        yield "TargetResponseTime", _response_time(minute, tally)


def _response_time(minute: float, tally: wire.Tally) -> Point:
    edges = (0.0, *wire.LATENCY_EDGES, _SLOWEST)
    spread: Spread = tuple(
        (low, high, float(n)) for low, high, n in zip(edges, edges[1:], tally.latency, strict=False) if n
    )
    return Point(minute, sum(tally.latency), tally.latency_sum, spread[0][0], spread[-1][1], "Seconds", spread)
