"""The API of lifecycle hooks: what moto takes unseen is checked, and the actions that it lacks are answered."""

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloud.hooks import ABANDON, CONTINUE, LAUNCHING, TERMINATING, Hooks
from sandbox.cloud.refusals import Refused, constraint
from sandbox.cloud.seam import Seam


def install(seam: Seam, hooks: Hooks) -> None:
    @seam.around(AutoScalingResponse, "put_lifecycle_hook")
    def put(original: Any, response: Any) -> ActionResult:
        group = response._get_param("AutoScalingGroupName")
        assert response.autoscaling_backend.autoscaling_groups[group]  # refused where there is none
        known = response.autoscaling_backend.lifecycle_hooks.get(f"{group}_{response._get_param('LifecycleHookName')}")
        transition = response._get_param("LifecycleTransition")
        if known is None and transition is None:
            raise Refused("ValidationError", "LifecycleTransition is required when a lifecycle hook is created")
        check(transition, response._get_int_param("HeartbeatTimeout"), response._get_param("DefaultResult"))
        return original(response)  # type: ignore[no-any-return]

    @seam.around(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, response: Any) -> ActionResult:
        for hook in response._get_param("LifecycleHookSpecificationList", []) or []:
            timeout = hook.get("HeartbeatTimeout")
            check(hook.get("LifecycleTransition"), timeout and int(timeout), hook.get("DefaultResult"))
        return original(response)  # type: ignore[no-any-return]

    def complete_lifecycle_action(response: Any) -> EmptyResult:
        hooks.complete(*_named(response), response._get_param("LifecycleActionResult"), *_whose(response))
        return EmptyResult()

    def record_lifecycle_action_heartbeat(response: Any) -> EmptyResult:
        hooks.heartbeat(*_named(response), *_whose(response))
        return EmptyResult()

    seam.replace(AutoScalingResponse, "complete_lifecycle_action", complete_lifecycle_action)
    seam.replace(AutoScalingResponse, "record_lifecycle_action_heartbeat", record_lifecycle_action_heartbeat)


def check(transition: str | None, timeout: int | None, result: str | None) -> None:
    """Raises Refused."""
    if transition not in (None, LAUNCHING, TERMINATING):
        raise Refused("ValidationError", f"Invalid lifecycle transition: {transition}")
    if timeout is not None and not 30 <= timeout <= 7200:
        low = timeout < 30
        raise constraint(
            timeout,
            "heartbeatTimeout",
            f"Member must have value {'greater' if low else 'less'} than or equal to {30 if low else 7200}",
        )
    if result not in (None, CONTINUE, ABANDON):
        raise Refused("ValidationError", f"DefaultResult must be CONTINUE or ABANDON, not {result}")


def _named(response: Any) -> tuple[str, str]:
    group = response._get_param("AutoScalingGroupName")
    assert response.autoscaling_backend.autoscaling_groups[group]
    return group, response._get_param("LifecycleHookName")


def _whose(response: Any) -> tuple[str | None, str | None]:
    return response._get_param("InstanceId"), response._get_param("LifecycleActionToken")
