"""Actions of listeners and rules: what AWS refuses of them. Public limits: five groups, weights from 0 to 999."""

from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.refusals import Refused, constraint

FINAL = ("forward", "redirect", "fixed-response")
MOST_GROUPS = 5
LONGEST_STICKINESS = 604800


def check_actions(backend: Any, balancer_arn: str, actions: list[dict[str, Any]]) -> None:
    """Raises Refused."""
    finals = [action for action in actions if action.get("Type") in FINAL]
    if len(finals) != 1 or actions[-1] is not finals[0]:
        raise Refused(
            "InvalidLoadBalancerAction",
            "Exactly one of the following action types is required, as the last action to be performed: forward, "
            "redirect, or fixed-response",
        )
    last = finals[0]
    if last["Type"] == "forward":
        _check_forward(backend, balancer_arn, last)
    elif last["Type"] == "redirect":
        _check_redirect(last.get("RedirectConfig") or {})
    else:
        _check_fixed_response(last.get("FixedResponseConfig") or {})


def _check_forward(backend: Any, balancer_arn: str, action: dict[str, Any]) -> None:
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"]}]
    if not groups:
        raise Refused("ValidationError", "A target group ARN must be specified for a forward action")
    if len(groups) > MOST_GROUPS:
        raise Refused(
            "ValidationError",
            f"You can specify at most {MOST_GROUPS} target groups in a forward action, not {len(groups)}",
        )
    arns = [group["TargetGroupArn"] for group in groups]
    if len(set(arns)) < len(arns):
        raise Refused("ValidationError", "A target group can be specified only once in a forward action")
    for group in groups:
        if not 0 <= int(group.get("Weight", 1)) <= 999:
            raise Refused("ValidationError", "The weight for each target group must be between 0 and 999, inclusive")
    for arn in arns:
        _check_group(backend, balancer_arn, arn)
    sticky = config.get("TargetGroupStickinessConfig") or {}
    duration = sticky.get("DurationSeconds")
    on = str(sticky.get("Enabled")).lower() == "true"
    if on and (duration is None or not 1 <= int(duration) <= LONGEST_STICKINESS):
        raise Refused(
            "ValidationError",
            f"Target group stickiness duration must be between 1 and {LONGEST_STICKINESS} seconds, inclusive",
        )


def _check_group(backend: Any, balancer_arn: str, arn: str) -> None:
    group = backend.target_groups.get(arn)
    if group is None:
        raise Refused("TargetGroupNotFound", f"Target groups '{arn}' not found")
    if group.protocol not in ("HTTP", "HTTPS"):
        raise Refused(
            "InvalidConfigurationRequest",
            f"Listener protocol 'HTTP' is not supported with a target group with the protocol '{group.protocol}'",
        )
    used = stores.balancers_by_target_group().get(arn)
    if used is not None and used.arn != balancer_arn:
        raise Refused(
            "TargetGroupAssociationLimit",
            f"The following target groups cannot be associated with more than one load balancer: {arn}",
        )


def _check_redirect(config: dict[str, Any]) -> None:
    if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
        raise constraint(
            config.get("StatusCode"),
            "redirectConfig.statusCode",
            "Member must satisfy enum value set: [HTTP_301, HTTP_302]",
        )
    parts = ("Protocol", "Host", "Port", "Path", "Query")
    if not any(config.get(part) not in (None, f"#{{{part.lower()}}}", "/#{path}") for part in parts):
        raise Refused(
            "InvalidLoadBalancerAction",
            "The redirect configuration is not valid because it creates a loop.",
        )


def _check_fixed_response(config: dict[str, Any]) -> None:
    if len(config.get("MessageBody") or "") > 1024:
        raise Refused("ValidationError", "The MessageBody of a fixed-response action must be at most 1024 characters")
