"""Lifecycle hooks that a scaling group gets beside its initial ones."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, number, text

_NAMES = {
    "lifecycleTransition": "LifecycleTransition",
    "defaultResult": "DefaultResult",
    "heartbeatTimeout": "HeartbeatTimeout",
}


class LifecycleHook(Resource):
    """Without the queue or topic that it may tell: nobody would listen there."""

    token = "aws:autoscaling/lifecycleHook:LifecycleHook"
    label = "Auto Scaling Lifecycle Hook"
    naming = Naming(255, prefix_input="")
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "autoscalingGroupName": text(required=True, replaces=True),
        "lifecycleTransition": text(
            "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING", required=True
        ),
        "defaultResult": text("ABANDON", "CONTINUE", kept=True),
        "heartbeatTimeout": number(30, 7200, kept=True),
    }

    def create(self, job: Job) -> str:
        self._put(job)
        return str(job.news["name"])

    def read(self, job: Job, id_: str) -> Properties | None:
        from botocore.exceptions import ClientError

        group = job.given("autoscalingGroupName")
        if group is None:  # an import: `group/hook`
            group, _, id_ = id_.partition("/")
        try:
            hooks = job.client("autoscaling").describe_lifecycle_hooks(
                AutoScalingGroupName=group, LifecycleHookNames=[id_]
            )["LifecycleHooks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        if not hooks:
            return None
        return {
            "id": id_,
            "name": id_,
            "autoscalingGroupName": group,
            **{key: hooks[0].get(name) for key, name in _NAMES.items()},
        }

    def update(self, job: Job, id_: str) -> None:
        self._put(job)

    def delete(self, job: Job, id_: str) -> None:
        from botocore.exceptions import ClientError

        try:
            job.client("autoscaling").delete_lifecycle_hook(
                LifecycleHookName=id_, AutoScalingGroupName=job.olds["autoscalingGroupName"]
            )
        except ClientError as error:
            # AWS's one code for a group and a hook that aren't there.
            if error.response["Error"]["Code"] != "ValidationError":
                raise

    @staticmethod
    def _put(job: Job) -> None:
        news: dict[str, Any] = job.news
        job.client("autoscaling").put_lifecycle_hook(
            LifecycleHookName=news["name"],
            AutoScalingGroupName=news["autoscalingGroupName"],
            **{name: news[key] for key, name in _NAMES.items() if news.get(key) is not None},
        )


RESOURCES = (LifecycleHook(),)
