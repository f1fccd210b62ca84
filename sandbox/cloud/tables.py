"""The balancers' tables: what the load balancing API says now, for the data plane to forward by. Changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.health import Health
from sandbox.traffic import wire

ADDRESS = "127.0.0.1"
Endpoint = Callable[[str, int, Any], tuple[str, int]]


def build(health: Health, endpoint: Endpoint, ports: Mapping[str, int], version: int = 0) -> wire.Table:
    """The whole table. `ports`: where each listener listens on this machine, by ARN."""
    listeners = []
    groups: dict[str, wire.Group] = {}
    for balancer, listener in stores.listeners():
        if balancer.type != "application":
            continue
        listeners.append(_listener(balancer, listener, ports.get(listener.arn, 0)))
    for arn, balancer in stores.balancers_by_target_group().items():
        group = stores.elbv2(_region(arn)).target_groups.get(arn)
        if group is not None:
            groups[arn] = _group(group, balancer, health, endpoint)
    return wire.Table(version, tuple(listeners), tuple(groups.values()))


def _region(arn: str) -> str:
    return arn.split(":")[3]


def _listener(balancer: Any, listener: Any, port: int) -> wire.Listener:
    return wire.Listener(
        arn=listener.arn,
        balancer=balancer.name,
        dns_name=balancer.dns_name,
        address=ADDRESS,
        port=port,
        listen_port=int(listener.port),
        protocol="HTTPS" if listener.protocol == "HTTPS" else "HTTP",
        rules=tuple(_rule(rule) for rule in stores.rules_in_order(listener)),
        default=_action(listener.default_actions),
    )


def _rule(rule: Any) -> wire.Rule:
    paths: list[str] = []
    hosts: list[str] = []
    headers: list[tuple[str, tuple[str, ...]]] = []
    for condition in rule.conditions:
        kind = condition.get("Field")
        if kind == "path-pattern":
            paths += _values(condition, "PathPatternConfig")
        elif kind == "host-header":
            hosts += _values(condition, "HostHeaderConfig")
        elif kind == "http-header":
            config = condition["HttpHeaderConfig"]
            headers.append((config["HttpHeaderName"], tuple(config["Values"])))
    return wire.Rule(rule.arn, int(rule.priority), tuple(paths), tuple(hosts), tuple(headers), _action(rule.actions))


def _values(condition: dict[str, Any], config: str) -> list[str]:
    values: list[str] = (condition.get(config) or {}).get("Values") or condition.get("Values") or []
    return values


def _action(actions: list[Any]) -> wire.Action:
    last = actions[-1]
    if last.type == "fixed-response":
        fixed = last.data["FixedResponseConfig"]
        return wire.Action(
            "fixed-response",
            status=int(fixed["StatusCode"]),
            content_type=fixed.get("ContentType") or "text/plain",
            body=fixed.get("MessageBody") or "",
        )
    if last.type == "redirect":
        to = last.data["RedirectConfig"]
        location = (
            f"{(to.get('Protocol') or '#{protocol}').lower()}://{to.get('Host') or '#{host}'}"
            f":{to.get('Port') or '#{port}'}{to.get('Path') or '/#{path}'}?{to.get('Query') or '#{query}'}"
        )
        return wire.Action("redirect", status=301 if to["StatusCode"] == "HTTP_301" else 302, location=location)
    shares = tuple(wire.Share(arn, weight) for arn, weight in stores.forwarded_to(actions))
    sticky = (last.data.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    on = str(sticky.get("Enabled")).lower() == "true"
    return wire.Action("forward", shares=shares, sticky_seconds=int(sticky.get("DurationSeconds") or 0) if on else 0)


def _group(group: Any, balancer: Any, health: Health, endpoint: Endpoint) -> wire.Group:
    attributes = group.attributes
    sticky = str(attributes.get("stickiness.enabled")).lower() == "true"
    algorithm = attributes.get("load_balancing.algorithm.type")
    targets = []
    for target in health.of_group(group.arn):
        if target.state != "unused":
            address, port = endpoint(target.id, target.port, balancer)
            targets.append(wire.Target(target.id, address, port, _state(target.state)))
    return wire.Group(
        arn=group.arn,
        targets=tuple(targets),
        stickiness_seconds=int(attributes.get("stickiness.lb_cookie.duration_seconds") or 86400) if sticky else 0,
        load_balancing="least_outstanding_requests" if algorithm == "least_outstanding_requests" else "round_robin",
        idle_timeout=float(balancer.attrs.get("idle_timeout.timeout_seconds") or 60),
    )


def _state(state: str) -> wire.TargetState:
    return state if state in ("initial", "healthy", "unhealthy", "draining") else "unhealthy"  # type: ignore[return-value]
