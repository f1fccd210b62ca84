"""What CreateService and UpdateService refuse, and what they fill in."""

from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.ecs import clusters_api, limits, network, roles
from sandbox.cloud.ecs.model import Cluster, Definition
from sandbox.cloud.ecs.refusals import client_error, invalid, lacking

Params = dict[str, Any]
PLATFORMS = ("LATEST", "1.4.0", "1.3.0")
LONGEST_GRACE = 2147483647
SERVICE_ROLE = f"arn:aws:iam::{stores.ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


def configuration(asked: Params | None, before: Params | None = None) -> Params:
    """A deployment configuration whole. Raises Refused."""
    held = {**limits.DEFAULTS, **(before or {}), **{k: v for k, v in (asked or {}).items() if v is not None}}
    low, high = held["minimumHealthyPercent"], held["maximumPercent"]
    if low < 0 or high < 100 or low > 100:
        raise invalid("Invalid deployment configuration: minimumHealthyPercent and maximumPercent are out of bounds.")
    if low == 100 and high == 100:
        raise invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
    if held["strategy"] != "ROLLING":
        raise lacking(f"deployment strategy {held['strategy']}, only ROLLING")
    if held.get("lifecycleHooks"):
        raise lacking("deployment lifecycle hooks")
    if (held.get("alarms") or {}).get("enable"):
        raise lacking("deployment alarms")
    breaker = held["deploymentCircuitBreaker"]
    threshold = breaker.get("thresholdConfiguration")
    if threshold and threshold.get("type") not in (None, "BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"):
        raise invalid("Invalid circuit breaker threshold type.")
    held["deploymentCircuitBreaker"] = {"enable": False, "rollback": False, **breaker}
    return held


def check_controller(params: Params) -> None:
    kind = (params.get("deploymentController") or {}).get("type", "ECS")
    if kind != "ECS":
        raise lacking(f"deployment controller {kind}, only ECS")
    if params.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise invalid("The DAEMON scheduling strategy is not supported for tasks that use the Fargate launch type.")


def capacity(held: Cluster, params: Params) -> tuple[str | None, list[Params]]:
    """Launch type or capacity provider strategy; the cluster's default strategy where neither is given."""
    strategy, launch = params.get("capacityProviderStrategy") or [], params.get("launchType")
    if strategy and launch:
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if launch not in (None, "FARGATE"):
        raise lacking(f"launch type {launch}, only FARGATE")
    strategy = strategy or ([] if launch else held.default_strategy)
    clusters_api.check_strategy(held, strategy)
    if not strategy and launch is None:
        raise lacking("container instances: launchType must be FARGATE, or a capacity provider be given")
    return launch, [{"weight": 0, "base": 0, **item} for item in strategy]


def platform(params: Params) -> str:
    version = params.get("platformVersion") or "LATEST"
    if version not in PLATFORMS:
        raise invalid("The specified platform version does not exist.")
    return str(version)


def check_definition(definition: Definition, wanted_network: Params | None) -> None:
    """Raises Refused."""
    if "FARGATE" not in definition.given["compatibilities"] or not definition.given.get("cpu"):
        raise invalid("Task definition does not support launch_type FARGATE.")
    network.check(definition.region, wanted_network)
    for key in ("executionRoleArn", "taskRoleArn"):
        arn = definition.given.get(key)
        if arn and not roles.trusted(arn, "ecs-tasks.amazonaws.com"):
            raise client_error(
                f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the "
                "role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            )


def load_balancers(definition: Definition, asked: list[Params] | None) -> list[Params]:
    """Raises Refused."""
    groups = stores.elbv2(definition.region).target_groups
    used = stores.balancers_by_target_group()
    kept = []
    for held in asked or []:
        if held.get("advancedConfiguration"):
            raise lacking("load balancers with an advancedConfiguration (native blue/green)")
        name, port, arn = held.get("containerName"), held.get("containerPort"), held.get("targetGroupArn")
        container = next((each for each in definition.containers if each["name"] == name), None)
        if container is None:
            raise invalid(f"The container {name} does not exist in the task definition.")
        if port not in [each["containerPort"] for each in container["portMappings"]]:
            raise invalid(f"The container {name} did not have a container port {port} defined.")
        group = groups.get(arn)
        if group is None:
            raise invalid(
                "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service "
                f"role being passed has the proper permissions. ({arn} was not found)"
            )
        if arn not in used:
            raise invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
        if group.target_type != "ip":
            raise invalid(
                f"The provided target group {arn} has target type {group.target_type}, which is incompatible with the "
                "awsvpc network mode specified in the task definition."
            )
        kept.append({"targetGroupArn": arn, "containerName": name, "containerPort": port})
    return kept


def grace(params: Params, balanced: bool) -> int:
    seconds = params.get("healthCheckGracePeriodSeconds")
    if seconds is None:
        return 0
    if not balanced:
        raise invalid("Health check grace period is only valid for services configured to use load balancers")
    if not 0 <= seconds <= LONGEST_GRACE:
        raise invalid("Health check grace period is out of bounds.")
    return int(seconds)
