"""Services that are scaled: brought within bounds, to what a policy wants, and what was told of it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud.ecs.model import Service, Store

DIMENSION = "ecs:service:DesiredCount"
_KEPT = 100


class ScalableTargets:
    """What happened to the services that are scaled. `activities`: newest first, by region."""

    def __init__(self, store: Callable[[str], Store]) -> None:
        self._store = store
        self._activities: dict[str, list[dict[str, Any]]] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def service(self, region: str, resource_id: str) -> Service | None:
        _, _, rest = resource_id.partition("/")
        held = self._store(region).services.get(rest)
        return held if held is not None and held.status == "ACTIVE" else None

    def activities(self, region: str) -> list[dict[str, Any]]:
        return self._activities.get(region, [])

    def bound(self, region: str, target: Any) -> None:
        """Brings a service within bounds that were just set."""
        held = self.service(region, target.resource_id)
        if held is None:
            return
        if held.desired < target.min_capacity:
            self.scale(region, target, target.min_capacity, f"minimum capacity was set to {target.min_capacity}")
        elif held.desired > target.max_capacity:
            self.scale(region, target, target.max_capacity, f"maximum capacity was set to {target.max_capacity}")

    def scale(self, region: str, target: Any, wanted: int, cause: str) -> None:
        held = self.service(region, target.resource_id)
        if held is None or held.desired == wanted:
            return
        held.desired, held.steady = wanted, False
        held.say(f"has set desired count to {wanted}.")
        told = self._activities.setdefault(region, [])
        at = datetime.now(UTC).timestamp()
        told.insert(
            0,
            {
                "ActivityId": str(uuid.uuid4()),
                "ServiceNamespace": "ecs",
                "ResourceId": target.resource_id,
                "ScalableDimension": DIMENSION,
                "Description": f"Setting desired count to {wanted}.",
                "Cause": cause,
                "StartTime": at,
                "EndTime": at,
                "StatusCode": "Successful",
                "StatusMessage": f"Successfully set desired count to {wanted}. Change successfully fulfilled by ecs.",
            },
        )
        del told[_KEPT:]
