"""Target groups: health checks and attributes out of AWS's bounds."""

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend
from moto.elbv2.responses import ELBV2Response

from sandbox.cloud import elb_api
from sandbox.cloud.refusals import Refused, constraint
from sandbox.cloud.seam import Seam

# Bounds of an HTTP target group's health check, both inclusive: "Health check settings" in the User Guide.
BOUNDS = {
    "HealthCheckIntervalSeconds": ("Health check interval", 5, 300),
    "HealthCheckTimeoutSeconds": ("Health check timeout", 2, 120),
    "HealthyThresholdCount": ("Healthy threshold count", 2, 10),
    "UnhealthyThresholdCount": ("Unhealthy threshold count", 2, 10),
}
_MATCHER = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*")
MOST_TAGS = 50

# What each attribute may be: bounds in seconds or counts, or the words.
ATTRIBUTES: dict[str, tuple[int, int] | tuple[str, ...]] = {
    "deregistration_delay.timeout_seconds": (0, 3600),
    "slow_start.duration_seconds": (0, 900),
    "stickiness.enabled": ("true", "false"),
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests", "weighted_random"),
    "load_balancing.algorithm.anomaly_mitigation": ("on", "off"),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
}
_UNCHECKED = {"stickiness.type", "waf.fail_open.enabled", "lambda.multi_value_headers.enabled"}


def install(seam: Seam) -> None:
    @seam.around(ELBV2Response, "create_target_group")
    def create(original: Any, response: Any) -> Any:
        params = response._get_params()
        port = params.get("Port")
        if port is not None and not 1 <= int(port) <= 65535:
            raise constraint(port, "port", "Member must have value between 1 and 65535")
        if params.get("Protocol") in ("HTTP", "HTTPS"):
            _check_health(params, {})
        for group in response.elbv2_backend.target_groups.values():
            if group.name == params.get("Name"):
                raise Refused(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{group.name}' exists, but with different settings",
                )
        return original(response)

    @seam.around(ELBV2Response, "modify_target_group")
    def modify(original: Any, response: Any) -> Any:
        params = response._get_params()
        group = response.elbv2_backend.target_groups.get(params["TargetGroupArn"])
        if group is not None and group.protocol in ("HTTP", "HTTPS"):
            held = {
                "HealthCheckIntervalSeconds": group.health_check_interval_seconds,
                "HealthCheckTimeoutSeconds": group.health_check_timeout_seconds,
            }
            _check_health(params, held)
        return original(response)

    @seam.around(ELBv2Backend, "modify_target_group_attributes")
    def modify_attributes(original: Any, backend: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
        for key, value in attributes.items():
            check_attribute(key, str(value))
        original(backend, target_group_arn, attributes)

    @seam.around(ELBV2Response, "register_targets")
    def register(original: Any, response: Any) -> Any:
        params = response._get_params()
        group = response.elbv2_backend.target_groups.get(params["TargetGroupArn"])
        for target in params.get("Targets") or []:
            _check_target(group, target)
        return original(response)

    @seam.instead(ELBv2Backend, "add_tags")
    def add_tags(backend: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
        # moto stops at 10 tags, AWS at 50.
        for arn in resource_arns:
            backend._get_resource_by_arn(arn)
            keys = {*backend.tagging_service.get_tag_dict_for_resource(arn), *(tag["Key"] for tag in tags)}
            if len(keys) > MOST_TAGS:
                raise Refused("TooManyTags", "The maximum number of tags has been reached on one or more resources")
            backend.tagging_service.tag_resource(arn, tags)


def check_attribute(key: str, value: str) -> None:
    """Raises Refused."""
    allowed = ATTRIBUTES.get(key)
    if allowed is None:
        if key not in elb_api.GROUP_DEFAULTS and key not in _UNCHECKED:
            raise Refused("ValidationError", f"Target group attribute key '{key}' is not recognized")
    elif isinstance(allowed[0], str):
        if value not in allowed:
            raise Refused("ValidationError", f"'{key}' value '{value}' must be one of [{', '.join(map(str, allowed))}]")
    else:
        low, high = allowed
        off = key == "slow_start.duration_seconds" and value.isdigit() and 0 < int(value) < 30
        if not value.isdigit() or not int(low) <= int(value) <= int(high) or off:
            raise Refused("ValidationError", f"'{key}' value '{value}' must be between '{low}-{high}' inclusive")


def _check_health(params: dict[str, Any], held: dict[str, Any]) -> None:
    for key, (name, low, high) in BOUNDS.items():
        if params.get(key) is not None and not low <= int(params[key]) <= high:
            raise Refused("ValidationError", f"{name} '{params[key]}' must be between {low} and {high}")
    interval = int(params.get("HealthCheckIntervalSeconds") or held.get("HealthCheckIntervalSeconds") or 30)
    timeout = int(params.get("HealthCheckTimeoutSeconds") or held.get("HealthCheckTimeoutSeconds") or 5)
    if timeout >= interval:
        raise Refused(
            "ValidationError", f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        )
    path = params.get("HealthCheckPath")
    if path is not None and (not path.startswith("/") or len(path) > 1024):
        raise Refused(
            "ValidationError", f"Health check path '{path}' must begin with a '/' and have at most 1024 characters"
        )
    codes = (params.get("Matcher") or {}).get("HttpCode")
    if codes is not None:
        numbers = [int(number) for number in re.findall(r"\d+", codes)]
        if not _MATCHER.fullmatch(codes) or not all(200 <= number <= 499 for number in numbers):
            raise Refused(
                "ValidationError", f"Health check matcher HTTP code '{codes}' must be within '200-499' inclusive"
            )


def _check_target(group: Any, target: dict[str, Any]) -> None:
    if group is None or group.target_type != "instance":
        return
    instance = group.ec2_backend.get_instance_by_id(target["Id"])
    if instance is None:
        raise Refused("InvalidTarget", f"The following targets do not exist: '{target['Id']}'")
    if instance.vpc_id != group.vpc_id:
        raise Refused(
            "InvalidTarget", f"The following targets are not in the target group VPC '{group.vpc_id}': '{target['Id']}'"
        )
