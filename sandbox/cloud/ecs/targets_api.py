"""The Application Auto Scaling API for ECS services: bounds that are obeyed, activities told, tags kept."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

from sandbox.cloud.ecs.model import Service, Store
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

DIMENSION = "ecs:service:DesiredCount"
NOT_SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
ROLE = (
    "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
)
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


def install(seam: Seam, targets: ScalableTargets) -> None:
    @seam.instead(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target")
    def exists(backend: Any, resource_id: str) -> bool:
        if targets.service(backend.region_name, resource_id) is None:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")
        return True

    # Policies are judged by what the metrics say, and not through alarms that are theirs alone.
    seam.replace(FakeApplicationAutoscalingPolicy, "create_alarms", lambda _: None)
    _register(seam, targets)
    _tags(seam, targets)

    @seam.instead(ApplicationAutoScalingResponse, "describe_scaling_activities")
    def activities(response: Any) -> str:
        wanted = response._get_param("ResourceId")
        found = [each for each in targets.activities(response.region) if wanted in (None, each["ResourceId"])]
        return json.dumps({"ScalingActivities": found})


def _register(seam: Seam, targets: ScalableTargets) -> None:
    @seam.around(ApplicationAutoScalingResponse, "register_scalable_target")
    def register(original: Any, response: Any) -> str:
        backend, id_ = response.applicationautoscaling_backend, response._get_param("ResourceId")
        held = backend.targets.get(response._get_param("ScalableDimension"), {}).get(id_)
        low, high = response._get_int_param("MinCapacity"), response._get_int_param("MaxCapacity")
        if held is None and (low is None or high is None):
            missing = "MinCapacity" if low is None else "MaxCapacity"
            raise AWSValidationException(f"{missing} must be specified for a new scalable target")
        low = held.min_capacity if low is None else low
        high = held.max_capacity if high is None else high
        if low < 0 or high < 0:
            raise AWSValidationException("Minimum and maximum capacity must be 0 or more")
        if low > high:
            raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
        answer: str = original(response)
        made = backend.targets[response._get_param("ScalableDimension")][id_]
        made.suspended_state = {**NOT_SUSPENDED, **(made.suspended_state or {})}
        made.role_arn = f"arn:aws:iam::{backend.account_id}:{ROLE}"
        if response._get_param("Tags"):
            targets.tags[made.arn] = dict(response._get_param("Tags"))
        targets.bound(response.region, made)
        return answer

    @seam.around(ApplicationAutoScalingResponse, "deregister_scalable_target")
    def deregister(original: Any, response: Any) -> str:
        backend, id_ = response.applicationautoscaling_backend, response._get_param("ResourceId")
        try:
            answer: str = original(response)
        except AWSValidationException as error:
            raise Refused("ObjectNotFoundException", str(error.message)) from error
        for key in [key for key, policy in backend.policies.items() if policy.resource_id == id_]:
            del backend.policies[key]
        return answer

    @seam.around(ApplicationAutoScalingResponse, "put_scaling_policy")
    def put(original: Any, response: Any) -> str:
        backend, id_ = response.applicationautoscaling_backend, response._get_param("ResourceId")
        if id_ not in backend.targets.get(response._get_param("ScalableDimension"), {}):
            raise Refused(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: {response._get_param('ServiceNamespace')}, "
                f"resource ID: {id_}, scalable dimension: {response._get_param('ScalableDimension')}",
            )
        answer: str = original(response)
        return answer

    @seam.around(ApplicationAutoscalingBackend, "put_scaling_policy")
    def put_again(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
        # moto makes another policy of one that is put again; it is the same one.
        before = dict(backend.policies)
        made = original(backend, *args, **kwargs)
        for key, policy in backend.policies.items():
            if policy is made and key in before:
                made.policy_arn, made.creation_time = before[key].policy_arn, before[key].creation_time
        return made


def _tags(seam: Seam, targets: ScalableTargets) -> None:
    @seam.instead(ApplicationAutoScalingResponse, "tag_resource")
    def tag(response: Any) -> str:
        targets.tags.setdefault(response._get_param("ResourceARN"), {}).update(response._get_param("Tags") or {})
        return "{}"

    @seam.instead(ApplicationAutoScalingResponse, "untag_resource")
    def untag(response: Any) -> str:
        for key in response._get_param("TagKeys") or []:
            targets.tags.get(response._get_param("ResourceARN"), {}).pop(key, None)
        return "{}"

    @seam.instead(ApplicationAutoScalingResponse, "list_tags_for_resource")
    def listed(response: Any) -> str:
        return json.dumps({"Tags": targets.tags.get(response._get_param("ResourceARN"), {})})
