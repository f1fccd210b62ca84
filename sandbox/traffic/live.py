"""The table in force: rules compiled, targets with what runs on them now. Chooses where a request goes."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.traffic import conditions, cookies, wire
from sandbox.traffic.counting import Count, Counts
from sandbox.traffic.request import Request, host_and_port
from sandbox.traffic.weights import Scales

if TYPE_CHECKING:
    from sandbox.traffic.target_connection import TargetConnection


class LiveTarget:
    """`idle`: connections to it that wait for a request. `leaving`: they are not kept any more."""

    __slots__ = ("address", "count", "id", "idle", "leaving", "outstanding", "port")

    def __init__(self, target: wire.Target, count: Count) -> None:
        self.id = target.id
        self.address = target.address
        self.port = target.port
        self.count = count
        self.outstanding = 0
        self.leaving = False
        self.idle: deque[TargetConnection] = deque()

    def leave(self) -> None:
        self.leaving = True
        while self.idle:
            self.idle.pop().close()


class LiveGroup:
    def __init__(self, group: wire.Group, targets: dict[tuple[str, str, int], LiveTarget], count: Count) -> None:
        self.arn = group.arn
        self.count = count
        self.idle_timeout = group.idle_timeout
        self.sticky_seconds = group.stickiness_seconds
        self._least = group.load_balancing == "least_outstanding_requests"
        self._turn = 0
        self.targets = targets
        states = [(targets[target.id, target.address, target.port], target.state) for target in group.targets]
        healthy = [target for target, state in states if state == "healthy"]
        # A group without a healthy target fails open: everything that isn't on its way out gets requests.
        self.eligible = healthy or [target for target, state in states if state != "draining"]

    def choose(self) -> LiveTarget | None:
        """None: there is no target that may get a request."""
        size = len(self.eligible)
        if not size:
            return None
        self._turn = (self._turn + 1) % size
        if not self._least:
            return self.eligible[self._turn]
        order = self.eligible[self._turn :] + self.eligible[: self._turn]
        return min(order, key=lambda target: target.outstanding)

    def sticky(self, request: Request, seal: cookies.Seal) -> LiveTarget | None:
        """The target that the client's cookie names, where it may still get requests."""
        value = cookies.read(request.cookie.decode("latin-1"), cookies.TARGET_COOKIE)
        if value is None:
            return None
        eligible = {f"{self.arn}|{target.id}": target for target in self.eligible}
        holder = seal.holder(value, eligible)
        return eligible[holder] if holder else None


class LiveRule:
    def __init__(self, rule: wire.Rule, groups: Mapping[str, LiveGroup], count: Count) -> None:
        self.arn = rule.arn
        self.action = rule.action
        self.count = count
        self.groups = {share.group: groups[share.group] for share in rule.action.shares}
        self.scales = Scales([(groups[share.group], share.weight) for share in rule.action.shares])
        self._path = conditions.path_pattern(rule.paths)
        self._host = conditions.host_pattern(rule.hosts)
        self._headers = conditions.header_patterns(rule.headers)

    def fits(self, request: Request) -> bool:
        if self._path is not None and not self._path(request.path):
            return False
        if self._host is not None and not self._host(host_and_port(request.host, 0)[0]):
            return False
        return all(any(fits(value) for value in request.values(name)) for name, fits in self._headers)

    def group(self, request: Request, seal: cookies.Seal) -> tuple[LiveGroup | None, bool]:
        """The group for this request, and whether the client is new to it (where stickiness is on).

        A client that has been given a group stays, whatever the weights are now, and whatever has become of it.
        """
        if self.action.sticky_seconds and request.cookie:
            value = cookies.read(request.cookie.decode("latin-1"), cookies.GROUP_COOKIE)
            if value is not None and (arn := seal.holder(value, self.groups)):
                return self.groups[arn], False
        return self.scales.next(), self.action.sticky_seconds > 0


class LiveRules:
    """One listener's rules, by priority, its default last."""

    def __init__(self, spec: wire.Listener, groups: Mapping[str, LiveGroup], counts: Counts) -> None:
        default = wire.Rule(f"{spec.arn}/default", 50001, (), (), (), spec.default)
        ordered = [*sorted(spec.rules, key=lambda rule: rule.priority), default]
        self.spec = spec
        self.count = counts.listeners.setdefault(spec.arn, Count())
        self._rules = [LiveRule(rule, groups, counts.rules.setdefault(rule.arn, Count())) for rule in ordered]

    def match(self, request: Request) -> LiveRule:
        return next(rule for rule in self._rules if rule.fits(request))


class LiveTable:
    """Targets are carried over from the table before, with their connections and running requests."""

    def __init__(self, table: wire.Table, before: "LiveTable | None", counts: Counts) -> None:
        """Raises KeyError: a rule names a group that the table lacks."""
        self.version = table.version
        self.groups: dict[str, LiveGroup] = {}
        for group in table.groups:
            old = before.groups[group.arn].targets if before and group.arn in before.groups else {}
            targets = {}
            for target in group.targets:
                key = (target.id, target.address, target.port)
                count = counts.targets.setdefault(target.id, Count())
                targets[key] = old.get(key) or LiveTarget(target, count)
            count = counts.groups.setdefault(group.arn, Count())
            self.groups[group.arn] = LiveGroup(group, targets, count)
        self.listeners = {spec.arn: LiveRules(spec, self.groups, counts) for spec in table.listeners}

    def settle(self, table: wire.Table, before: "LiveTable | None") -> None:
        """Once it is in force: idle connections to targets that drain or are gone are closed."""
        for group in table.groups:
            for target in group.targets:
                live = self.groups[group.arn].targets[target.id, target.address, target.port]
                live.leaving = target.state == "draining"
                if live.leaving:
                    live.leave()
        for arn, old in (before.groups if before else {}).items():
            kept = self.groups[arn].targets if arn in self.groups else {}
            for key in old.targets.keys() - kept.keys():
                old.targets[key].leave()
