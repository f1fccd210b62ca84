"""How many tasks a deployment may start and stop, and how many may fail. Pure."""

import math
from typing import Any

DEFAULTS: dict[str, Any] = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
}


def least_healthy(desired: int, configuration: dict[str, Any]) -> int:
    """Rounded up, as AWS does."""
    return math.ceil(desired * int(configuration["minimumHealthyPercent"]) / 100)


def most(desired: int, configuration: dict[str, Any]) -> int:
    """Rounded down, as AWS does."""
    return math.floor(desired * int(configuration["maximumPercent"]) / 100)


def breaker(configuration: dict[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = configuration.get("deploymentCircuitBreaker") or {}
    return held


def failure_threshold(desired: int, configuration: dict[str, Any]) -> int:
    """How many failed tasks in a row trip the circuit breaker: half of the desired count, from 3 to 200, by default."""
    asked = breaker(configuration).get("thresholdConfiguration") or {}
    kind, value = asked.get("type", "BOUNDED_PERCENT"), asked.get("value", 50)
    if kind == "COUNT":
        return max(1, int(value))
    share = math.ceil(desired * float(value) / 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(max(share, 3), 200)


def pause(failures: int) -> float:
    """Simulated seconds until a service whose tasks keep failing tries again."""
    return 0.0 if failures < 2 else min(10.0 * 2 ** (failures - 2), 900.0)
