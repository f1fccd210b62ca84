"""Task definitions as ECS takes them: what it refuses, and what it fills in. Pure."""

import re
from typing import Any

from sandbox.cloud.ecs import fargate
from sandbox.cloud.ecs.refusals import client_error

_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_LOG_NEEDS = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
HEALTH_CHECK = {"interval": 30, "timeout": 5, "retries": 3}
"""Defaults of a container's own health check, in seconds and times."""
_HEALTH_BOUNDS = {"interval": (5, 300), "timeout": (2, 120), "retries": (1, 10), "startPeriod": (0, 300)}
STOP_TIMEOUT = 30
LONGEST_STOP = 120  # seconds, on Fargate
KEPT = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "runtimePlatform",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "enableFaultInjection",
)


def taken(params: dict[str, Any]) -> dict[str, Any]:
    """A request's definition with what ECS fills in. Raises Refused."""
    family = params.get("family") or ""
    if not _FAMILY.fullmatch(family):
        raise client_error(
            "Family contains invalid characters. Only alphanumeric characters, dashes and underscores are allowed."
            if family
            else "Family should not be null or empty."
        )
    containers = params.get("containerDefinitions") or []
    if not containers:
        raise client_error("Task definition must have at least one container definition.")
    given = {key: params[key] for key in KEPT if params.get(key) is not None}
    on_fargate = "FARGATE" in given.get("requiresCompatibilities", [])
    if on_fargate:
        _check_fargate(given, containers)
    for role in ("taskRoleArn", "executionRoleArn"):
        if given.get(role, "arn:").startswith("arn:") and role in given and not _ROLE.fullmatch(given[role]):
            raise client_error("Role is not valid")
    given["containerDefinitions"] = [_container(held, given, on_fargate) for held in containers]
    names = [held["name"] for held in given["containerDefinitions"]]
    if len(set(names)) < len(names):
        raise client_error("Container names must be unique within a task definition.")
    if not any(held["essential"] for held in given["containerDefinitions"]):
        raise client_error("A task definition must have at least one essential container.")
    given.setdefault("volumes", [])
    given.setdefault("placementConstraints", [])
    given["compatibilities"] = ["EC2", "FARGATE"] if given.get("networkMode") == "awsvpc" else ["EC2"]
    return given


def _check_fargate(given: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    if given.get("networkMode") != "awsvpc":
        raise client_error("Fargate only supports network mode ‘awsvpc’.")
    cpu, memory = fargate.size(given.get("cpu"), given.get("memory"))
    given["cpu"], given["memory"] = str(cpu), str(memory)
    role = given.get("executionRoleArn")
    for held in containers:
        if not role and _ECR.match(held.get("image") or ""):
            raise client_error("Fargate requires task definition to have execution role ARN to support ECR images.")
        driver = (held.get("logConfiguration") or {}).get("logDriver")
        if not role and driver:
            raise client_error(
                f"Fargate requires task definition to have execution role ARN to support log driver {driver}."
            )
        if not role and held.get("secrets"):
            raise client_error(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        if held.get("privileged"):
            raise client_error("Fargate compatible task definitions do not support privileged.")
        stop = held.get("stopTimeout")
        if stop is not None and not 0 <= stop <= LONGEST_STOP:
            raise client_error(f"Container.stopTimeout must be between 0 and {LONGEST_STOP} on Fargate.")
    total = sum(held.get("cpu") or 0 for held in containers)
    if total > cpu:
        raise client_error(
            f"The 'cpu' value for the task ({cpu}) is less than the sum of its containers' ({total}). "
            "Invalid 'cpu' setting for task."
        )
    most = max((held.get("memory") or 0 for held in containers), default=0)
    if most > memory:
        raise client_error("Invalid setting for container. The 'memory' of a container exceeds that of its task.")


def _container(given: dict[str, Any], task: dict[str, Any], on_fargate: bool) -> dict[str, Any]:
    held = {key: value for key, value in given.items() if value is not None}
    name = held.get("name") or ""
    if not _NAME.fullmatch(name):
        raise client_error(f"Invalid setting for container '{name}'. Container.name contains invalid characters.")
    if not held.get("image"):
        raise client_error("Container.image should not be null or empty.")
    if not on_fargate and not task.get("memory") and not (held.get("memory") or held.get("memoryReservation")):
        raise client_error(
            f"Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be "
            "specified."
        )
    ports = []
    for mapping in held.get("portMappings") or []:
        port = mapping.get("containerPort")
        if port is None or not 0 < port < 65536:
            raise client_error(f"Invalid 'containerPort' setting for container '{name}'")
        host = mapping.get("hostPort")
        if task.get("networkMode") == "awsvpc" and host not in (None, port):
            raise client_error(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            )
        ports.append(
            {**mapping, "hostPort": port if host is None else host, "protocol": mapping.get("protocol", "tcp")}
        )
    for secret in held.get("secrets") or []:
        if not secret.get("name") or not secret.get("valueFrom"):
            raise client_error("The secret name and valueFrom must not be null or empty.")
    _check_logs(name, held.get("logConfiguration"), on_fargate)
    if check := held.get("healthCheck"):
        held["healthCheck"] = _health_check(check)
    defaults = {"cpu": 0, "essential": True, "environment": [], "mountPoints": [], "volumesFrom": []}
    return {**defaults, **held, "portMappings": ports, "systemControls": held.get("systemControls") or []}


def _check_logs(name: str, logs: dict[str, Any] | None, on_fargate: bool) -> None:
    if not logs:
        return
    driver = logs.get("logDriver")
    if on_fargate and driver not in ("awslogs", "splunk", "awsfirelens"):
        raise client_error(
            f"Invalid setting for container '{name}'. Fargate supports the log drivers awslogs, splunk and awsfirelens."
        )
    if driver == "awslogs" and on_fargate:
        options = logs.get("options") or {}
        missing = [key for key in _LOG_NEEDS if not options.get(key)]
        if missing:
            raise client_error(f"Log driver awslogs requires options: {', '.join(missing)}")


def _health_check(check: dict[str, Any]) -> dict[str, Any]:
    command = check.get("command") or []
    if not command or command[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise client_error("Health check command must begin with CMD, CMD-SHELL or NONE.")
    for key, (low, high) in _HEALTH_BOUNDS.items():
        value = check.get(key)
        if value is not None and not low <= value <= high:
            raise client_error(f"Health check {key} must be between {low} and {high}.")
    return {**HEALTH_CHECK, **check}
