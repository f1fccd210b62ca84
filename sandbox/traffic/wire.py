"""What the sandbox says to its data plane and hears back: values, and their form as lines of JSON.

The handles that send them are `balancer.Balancer` and `apphost.AppHost`. Nothing of AWS's API comes in here.
"""

import dataclasses
import functools
import json
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

TargetState = Literal["initial", "healthy", "unhealthy", "draining"]
LoadBalancing = Literal["round_robin", "least_outstanding_requests"]
ActionKind = Literal["forward", "fixed-response", "redirect"]

# Upper edges, in seconds, of the buckets of TargetResponseTime; one more bucket holds what is slower. Near enough to
# each other for a percentile to be off by an eighth at most, few enough for a search of six steps.
_STEPS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0)
LATENCY_EDGES = tuple(float(f"{step}e{power}") for power in range(-4, 2) for step in _STEPS)[7:-2]


@dataclass(frozen=True)
class Target:
    id: str
    address: str
    port: int
    state: TargetState


@dataclass(frozen=True)
class Group:
    """A target group. `stickiness_seconds`: of a client to one target (cookie AWSALB), 0 = off."""

    arn: str
    targets: tuple[Target, ...]
    stickiness_seconds: int = 0
    load_balancing: LoadBalancing = "round_robin"
    idle_timeout: float = 60.0


@dataclass(frozen=True)
class Share:
    group: str
    weight: int


@dataclass(frozen=True)
class Action:
    """What a rule does. `sticky_seconds`: of a client to one target group (cookie AWSALBTG), 0 = off."""

    kind: ActionKind
    shares: tuple[Share, ...] = ()
    sticky_seconds: int = 0
    status: int = 0
    content_type: str = ""
    body: str = ""
    location: str = ""  # a redirect's URL, with AWS's #{protocol} #{host} #{port} #{path} #{query}


@dataclass(frozen=True)
class Rule:
    """A listener rule: all kinds of condition must hold, of each kind one value. `headers`: (name, values)."""

    arn: str
    priority: int
    paths: tuple[str, ...]
    hosts: tuple[str, ...]
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    action: Action


@dataclass(frozen=True)
class Listener:
    """`address` and `port` are where it listens on this machine (port 0: any); `listen_port` is AWS's."""

    arn: str
    balancer: str
    dns_name: str
    address: str
    port: int
    listen_port: int
    protocol: Literal["HTTP", "HTTPS"]
    rules: tuple[Rule, ...]
    default: Action


@dataclass(frozen=True)
class Table:
    version: int
    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Tally:
    """Requests seen at one place (a listener, rule, group or target), cumulative.

    `requests` are those for which a target could be chosen, as AWS counts them.
    `target_codes` by class ("2XX"…) are the targets' answers; `elb_codes` by status ("502"…) are the balancer's own.
    `latency` counts TargetResponseTime by LATENCY_EDGES, in seconds summed up in `latency_sum`.
    """

    requests: int = 0
    target_codes: dict[str, int] = field(default_factory=dict)
    elb_codes: dict[str, int] = field(default_factory=dict)
    connection_errors: int = 0
    fixed_responses: int = 0
    redirects: int = 0
    cut_short: int = 0  # answers that ended before their end: the target closed while it was answering
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES) + 1)
    latency_sum: float = 0.0

    def metrics(self) -> dict[str, float]:
        """The same by the names that CloudWatch has for a load balancer."""
        named: dict[str, float] = {"RequestCount": self.requests}
        named |= {f"HTTPCode_Target_{kind}_Count": n for kind, n in self.target_codes.items()}
        for status, n in self.elb_codes.items():
            family = f"HTTPCode_ELB_{status[0]}XX_Count"
            named[family] = named.get(family, 0) + n
            if status in ("500", "502", "503", "504"):
                named[f"HTTPCode_ELB_{status}_Count"] = n
        named["HTTP_Fixed_Response_Count"] = self.fixed_responses
        named["HTTP_Redirect_Count"] = self.redirects
        named["TargetConnectionErrorCount"] = self.connection_errors
        answered = sum(self.latency)
        if answered:
            named["TargetResponseTime"] = self.latency_sum / answered
        return named

    def latency_percentile(self, percent: float) -> float | None:
        """Seconds below which that share of the targets' answers began: the upper edge of its bucket."""
        answered = sum(self.latency)
        if not answered:
            return None
        seen = 0
        for edge, n in zip((*LATENCY_EDGES, float("inf")), self.latency, strict=True):
            seen += n
            if seen * 100 >= answered * percent:
                return edge
        return float("inf")


@dataclass(frozen=True)
class Counters:
    """Since the data plane started, by ARN (targets: by id). What was removed from the table stays counted."""

    version: int  # of the table that is in force
    listeners: dict[str, Tally] = field(default_factory=dict)
    rules: dict[str, Tally] = field(default_factory=dict)
    groups: dict[str, Tally] = field(default_factory=dict)
    targets: dict[str, Tally] = field(default_factory=dict)
    outstanding: dict[str, int] = field(default_factory=dict)  # requests running now, by target id


@dataclass(frozen=True)
class App:
    """One demo app. `port` 0: any. `start_delay`: seconds until it listens. `behaviour`: see `behaviours`.

    `replicas`: how many it is behind its address. `variables`: the names in its environment.
    """

    id: str
    address: str
    port: int
    service: str
    version: str
    color: str
    image: str
    behaviour: str = "ok"
    health_path: str = "/health/deep"
    start_delay: float = 0.0
    replicas: int = 1
    variables: tuple[str, ...] = ()


class WireError(ValueError):
    """A line that isn't what it should be."""


Value = TypeVar("Value")


def dump(value: Any) -> Any:
    """A wire value as what json can write. Like `dataclasses.asdict`, but numbers are not copied one by one."""
    if isinstance(value, tuple):
        return value if not value or isinstance(value[0], int | float | str) else tuple(map(dump, value))
    if isinstance(value, dict):
        return {name: dump(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {each.name: dump(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return value


def load(kind: type[Value], doc: Any) -> Value:
    """The value of that dataclass that `dump` turned into `doc`. Raises WireError."""
    try:
        return typing.cast(Value, _read(kind, doc))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise WireError(f"not a {kind.__name__}: {error}") from error


def line(doc: Any) -> bytes:
    return json.dumps(doc, separators=(",", ":")).encode() + b"\n"


_hints = functools.cache(typing.get_type_hints)


def _read(kind: Any, doc: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(type, kind))
        if unknown := doc.keys() - hints.keys():
            raise KeyError(f"unknown fields {sorted(unknown)}")
        return typing.cast(Any, kind)(**{name: _read(hints[name], item) for name, item in doc.items()})
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if parts == (int, ...) and all(type(item) is int for item in doc):
        return tuple(doc)  # histograms are long
    if origin is tuple:
        kinds = parts[:1] * len(doc) if parts[-1] is Ellipsis else parts
        return tuple(_read(part, item) for part, item in zip(kinds, doc, strict=True))
    if origin is dict:
        return {key: _read(parts[1], item) for key, item in doc.items()}
    fits = doc in parts if origin is Literal else isinstance(doc, (int, float) if kind is float else kind)
    if not fits or (isinstance(doc, bool) and kind is not bool):
        raise TypeError(f"{doc!r} is no {kind}")
    return float(doc) if kind is float else doc
