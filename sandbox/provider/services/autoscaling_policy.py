"""Scaling policies: by how much a group grows or shrinks, and what it keeps level."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Naming, block, blocks, flag, number, text
from sandbox.provider.shapes import from_aws, to_aws

_PREDEFINED = {"predefinedMetricType": text(required=True), "resourceLabel": text()}
_CUSTOM = {
    "metricName": text(),
    "namespace": text(),
    "statistic": text(),
    "unit": text(),
    "metricDimensions": blocks({"name": text(required=True), "value": text(required=True)}, key="name"),
}
_TRACKING = {
    "targetValue": number(required=True),
    "disableScaleIn": flag(False),
    "predefinedMetricSpecification": block(_PREDEFINED),
    "customizedMetricSpecification": block(_CUSTOM),
}
_STEP = {
    "scalingAdjustment": number(required=True),
    "metricIntervalLowerBound": text(),
    "metricIntervalUpperBound": text(),
}
_NAMES = {"metricDimensions": "Dimensions"}


class Policy(Resource):
    token = "aws:autoscaling/policy:Policy"
    label = "Auto Scaling Policy"
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "autoscalingGroupName": text(required=True, replaces=True),
        "policyType": text("SimpleScaling", "StepScaling", "TargetTrackingScaling", default="SimpleScaling"),
        "adjustmentType": text("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"),
        "scalingAdjustment": number(),
        "cooldown": number(0),
        "enabled": flag(True),
        "estimatedInstanceWarmup": number(0),
        "metricAggregationType": text("Minimum", "Maximum", "Average", kept=True),
        "minAdjustmentMagnitude": number(1),
        "stepAdjustments": blocks(_STEP),
        "targetTrackingConfiguration": block(_TRACKING),
    }
    computed = ("arn",)

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        needed = {
            "SimpleScaling": ("adjustmentType", "scalingAdjustment"),
            "StepScaling": ("adjustmentType", "stepAdjustments"),
            "TargetTrackingScaling": ("targetTrackingConfiguration",),
        }
        kind = news["policyType"]
        return [(key, f"{key} is required for policy type {kind}") for key in needed.get(kind, ()) if key not in news]

    def create(self, job: Job) -> str:
        self._put(job)
        return str(job.news["name"])

    def read(self, job: Job, id_: str) -> Properties | None:
        # Imports name a policy with its group.
        group, _, name = id_.rpartition("/")
        group = group or job.given("autoscalingGroupName")
        answer = _scaling(job).describe_policies(AutoScalingGroupName=group, PolicyNames=[name])
        if not answer["ScalingPolicies"]:
            return None
        policy = answer["ScalingPolicies"][0]
        tracking = policy.get("TargetTrackingConfiguration")
        return {
            "id": name,
            "arn": policy["PolicyARN"],
            "name": policy["PolicyName"],
            "autoscalingGroupName": policy["AutoScalingGroupName"],
            "policyType": policy["PolicyType"],
            "adjustmentType": policy.get("AdjustmentType"),
            "scalingAdjustment": policy.get("ScalingAdjustment"),
            "cooldown": policy.get("Cooldown"),
            "enabled": policy.get("Enabled", True),
            "estimatedInstanceWarmup": policy.get("EstimatedInstanceWarmup"),
            "metricAggregationType": policy.get("MetricAggregationType"),
            "minAdjustmentMagnitude": policy.get("MinAdjustmentMagnitude"),
            "stepAdjustments": [_step_outputs(step) for step in policy.get("StepAdjustments", [])],
            "targetTrackingConfiguration": from_aws(tracking, _NAMES) if tracking else None,
        }

    def update(self, job: Job, id_: str) -> None:
        self._put(job)

    def delete(self, job: Job, id_: str) -> None:
        # AWS answers the policy of a group that is gone with a validation error, so it is looked for first.
        if self.read(job, id_) is not None:
            _scaling(job).delete_policy(AutoScalingGroupName=job.olds["autoscalingGroupName"], PolicyName=id_)

    @staticmethod
    def _put(job: Job) -> None:
        names = {"autoscalingGroupName": "AutoScalingGroupName", "name": "PolicyName"}
        plain = {key: job.news[key] for key in Policy.inputs if key in job.news and key != "stepAdjustments"}
        steps = [_step(held) for held in job.news.get("stepAdjustments", [])]
        asked = to_aws(plain, {**names, **_NAMES})
        _scaling(job).put_scaling_policy(**asked, **({"StepAdjustments": steps} if steps else {}))


def _step(held: Properties) -> dict[str, Any]:
    """Bounds are strings, because none is infinity and no number."""
    step = {"ScalingAdjustment": held["scalingAdjustment"]}
    for key in ("metricIntervalLowerBound", "metricIntervalUpperBound"):
        if held.get(key):
            step[key[0].upper() + key[1:]] = float(held[key])
    return step


def _step_outputs(step: dict[str, Any]) -> Properties:
    outputs = from_aws(step)
    return {key: f"{held:g}" if key.startswith("metric") else held for key, held in outputs.items()}


def _scaling(job: Job) -> Any:
    return job.client("autoscaling")


RESOURCES = (Policy(),)
