"""The table in force: rules compiled, targets with what runs on them. Which rule fits, which target is next."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.traffic import conditions, wire
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

    def close_idle(self, since: float) -> None:
        """Ends the connections that have had no request from then on (`time.monotonic`)."""
        # The one that waited least is taken first: those that nobody needs any more are on the left.
        while self.idle and self.idle[0].idle_since <= since:
            self.idle.popleft().close()


class LiveGroup:
    def __init__(
        self,
        group: wire.Group,
        targets: dict[tuple[str, str, int], LiveTarget],
        count: Count,
        before: "LiveGroup | None",
    ) -> None:
        self.arn = group.arn
        self.count = count
        self.idle_timeout = group.idle_timeout
        self.sticky_seconds = group.stickiness_seconds
        self._least = group.load_balancing == "least_outstanding_requests"
        # Carried over: a table that changes all the time would else send every request to the same target.
        self._turn: int = before._turn if before else 0
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


class LiveRule:
    def __init__(
        self, rule: wire.Rule, groups: Mapping[str, LiveGroup], count: Count, before: "LiveRule | None"
    ) -> None:
        self.arn = rule.arn
        self.action = rule.action
        self.count = count
        self.groups = {share.group: groups[share.group] for share in rule.action.shares}
        # The scales go on where they were while the weights stay: starting anew always begins with the heaviest.
        same = before is not None and before.action.shares == rule.action.shares
        shares = [(share.group, share.weight) for share in rule.action.shares]
        self.scales: Scales[str] = before.scales if before is not None and same else Scales(shares)
        self._path = conditions.path_pattern(rule.paths)
        self._host = conditions.host_pattern(rule.hosts)
        self._headers = conditions.header_patterns(rule.headers)

    def fits(self, request: Request) -> bool:
        if self._path is not None and not self._path(request.path):
            return False
        if self._host is not None and not self._host(host_and_port(request.host, 0)[0]):
            return False
        return all(any(fits(value) for value in request.values(name)) for name, fits in self._headers)


class LiveRules:
    """One listener's rules, by priority, its default last."""

    def __init__(
        self, spec: wire.Listener, groups: Mapping[str, LiveGroup], counts: Counts, before: "LiveRules | None"
    ) -> None:
        default = wire.Rule(f"{spec.arn}/default", 50001, (), (), (), spec.default)
        ordered = [*sorted(spec.rules, key=lambda rule: rule.priority), default]
        self.spec = spec
        self.count = counts.listeners.setdefault(spec.arn, Count())
        old = {rule.arn: rule for rule in before._rules} if before else {}
        self._rules: list[LiveRule] = [
            LiveRule(rule, groups, counts.rules.setdefault(rule.arn, Count()), old.get(rule.arn)) for rule in ordered
        ]

    def match(self, request: Request) -> LiveRule:
        return next(rule for rule in self._rules if rule.fits(request))


class LiveTable:
    """Targets are carried over from the table before, with their connections and running requests."""

    def __init__(self, table: wire.Table, before: "LiveTable | None", counts: Counts) -> None:
        """Raises KeyError: a rule names a group that the table lacks."""
        self.version = table.version
        self.groups: dict[str, LiveGroup] = {}
        for group in table.groups:
            earlier = before.groups.get(group.arn) if before else None
            old = earlier.targets if earlier else {}
            targets = {}
            for target in group.targets:
                key = (target.id, target.address, target.port)
                count = counts.targets.setdefault(target.id, Count())
                targets[key] = old.get(key) or LiveTarget(target, count)
            count = counts.groups.setdefault(group.arn, Count())
            self.groups[group.arn] = LiveGroup(group, targets, count, earlier)
        heard = before.listeners if before else {}
        self.listeners: dict[str, LiveRules] = {
            spec.arn: LiveRules(spec, self.groups, counts, heard.get(spec.arn)) for spec in table.listeners
        }

    def close_idle(self, now: float) -> None:
        """Ends what waits for a request for longer than the idle timeout.

        AWS counts that timeout on both sides of a load balancer ("Connection idle timeout"). Without it a burst would
        leave as many connections to each target as it once took.
        """
        for group in self.groups.values():
            for target in group.targets.values():
                target.close_idle(now - group.idle_timeout)

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
