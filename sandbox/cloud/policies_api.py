"""Scaling policies and lifecycle hooks: kept by group, and gone with it. moto keeps policies by their names alone."""

from typing import Any

from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam


def install(seam: Seam) -> None:
    @seam.around(AutoScalingBackend, "put_scaling_policy")
    def put(original: Any, backend: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        group = backend.autoscaling_groups[kwargs["as_name"]]
        policy = original(backend, name, *args, **kwargs)
        del backend.policies[name]
        backend.policies[f"{group.name}/{name}"] = policy
        return policy

    @seam.instead(AutoScalingResponse, "delete_policy")
    def delete(response: Any) -> ActionResult:
        del response.autoscaling_backend.policies[_key(response)]
        return EmptyResult()

    @seam.instead(AutoScalingResponse, "execute_policy")
    def execute(response: Any) -> ActionResult:
        response.autoscaling_backend.policies[_key(response)].execute()
        return EmptyResult()


def forget(backend: Any, group_name: str) -> None:
    """What a deleted group had."""
    for held in (backend.policies, backend.lifecycle_hooks):
        for key in [key for key, value in held.items() if value.auto_scaling_group_name == group_name]:
            del held[key]


def _key(response: Any) -> str:
    """Of the policy that a request names, by ARN or by name and group."""
    named, group = response._get_param("PolicyName"), response._get_param("AutoScalingGroupName")
    for key, policy in response.autoscaling_backend.policies.items():
        if policy.arn == named or (policy.name == named and group in (None, policy.auto_scaling_group_name)):
            return str(key)
    raise Refused("ValidationError", f"Policy name not found - {named}")
