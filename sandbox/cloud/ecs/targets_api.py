"""The Application Auto Scaling API for ECS services: bounds that are obeyed, activities told, tags kept."""

import json
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

from sandbox.cloud.ecs import tracking
from sandbox.cloud.ecs.scalable import ScalableTargets
from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam

NOT_SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
ROLE = (
    "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
)


def install(seam: Seam, targets: ScalableTargets) -> None:
    @seam.instead(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target")
    def exists(backend: Any, resource_id: str) -> bool:
        if targets.service(backend.region_name, resource_id) is None:
            raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")
        return True

    # moto's alarms are about other metrics and thresholds.
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
            backend.policies.pop(key).delete_alarms(backend.account_id, backend.region_name)
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
        key = next(key for key, policy in backend.policies.items() if policy is made)
        held = before.get(key)
        if held is not None:
            made.policy_arn, made.creation_time = held.policy_arn, held.creation_time
        try:
            tracking.keep_alarms(backend.region_name, made, held)
        except Refused:
            backend.policies = before
            raise
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
