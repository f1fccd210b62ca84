"""Where one request goes: its rule's group by weight, the group's next target, or where a cookie says it was before."""

from dataclasses import dataclass

from sandbox.traffic import cookies
from sandbox.traffic.cookies import GROUP_COOKIE, TARGET_COOKIE, Seal
from sandbox.traffic.live import LiveGroup, LiveRule, LiveTarget
from sandbox.traffic.request import Request


@dataclass(frozen=True, slots=True)
class Route:
    """`set_cookies`: header lines for the answer, where the client is new and stickiness is on."""

    group: LiveGroup
    target: LiveTarget
    set_cookies: bytes = b""


def route(rule: LiveRule, request: Request, seal: Seal) -> Route | None:
    """None: no group has weight, or the one chosen has no target. AWS doesn't try another group then."""
    sticky = rule.action.sticky_seconds
    group = _known_group(rule, request, seal) if sticky else None
    new_to_group = sticky and group is None
    if group is None:
        chosen = rule.scales.next()
        if chosen is None:
            return None
        group = rule.groups[chosen]
    target = _known_target(group, request, seal) if group.sticky_seconds else None
    new_to_target = group.sticky_seconds and target is None
    target = target or group.choose()
    if target is None:
        return None
    lines = b""
    if new_to_group:
        lines += cookies.set_lines(GROUP_COOKIE, seal.issue(group.arn, sticky), sticky)
    if new_to_target:
        value = seal.issue(f"{group.arn}|{target.id}", group.sticky_seconds)
        lines += cookies.set_lines(TARGET_COOKIE, value, group.sticky_seconds)
    return Route(group, target, lines)


def _known_group(rule: LiveRule, request: Request, seal: Seal) -> LiveGroup | None:
    """A client stays with the group it was given whatever the weights are now, and whatever has become of it."""
    value = cookies.read(request.cookie.decode("latin-1"), GROUP_COOKIE)
    arn = seal.holder(value, rule.groups) if value else None
    return rule.groups[arn] if arn else None


def _known_target(group: LiveGroup, request: Request, seal: Seal) -> LiveTarget | None:
    """A client stays with the target it was given as long as that may get requests."""
    value = cookies.read(request.cookie.decode("latin-1"), TARGET_COOKIE)
    eligible = {f"{group.arn}|{target.id}": target for target in group.eligible} if value else {}
    holder = seal.holder(value, eligible) if value else None
    return eligible[holder] if holder else None
