"""Application Auto Scaling: between which bounds a service is scaled, and by what."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.refusals import error_code
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, Input, Naming, block, blocks, flag, number, text
from sandbox.provider.shapes import from_aws, to_aws
from sandbox.provider.tagging import TAGS

_GONE = "ObjectNotFoundException"
_WHERE: dict[str, Input] = {
    "resourceId": text(required=True, replaces=True),
    "scalableDimension": text(required=True, replaces=True),
    "serviceNamespace": text(required=True, replaces=True),
}
_TRACKING = {
    "targetValue": number(required=True),
    "disableScaleIn": flag(False),
    "scaleInCooldown": number(0),
    "scaleOutCooldown": number(0),
    "predefinedMetricSpecification": block({"predefinedMetricType": text(required=True), "resourceLabel": text()}),
    "customizedMetricSpecification": block(
        {
            "metricName": text(),
            "namespace": text(),
            "statistic": text(),
            "unit": text(),
            "dimensions": blocks({"name": text(required=True), "value": text(required=True)}, key="name"),
        }
    ),
}
_STEPS = {
    "adjustmentType": text("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"),
    "cooldown": number(0),
    "metricAggregationType": text("Minimum", "Maximum", "Average"),
    "minAdjustmentMagnitude": number(0),
    "stepAdjustments": blocks(
        {
            "scalingAdjustment": number(required=True),
            "metricIntervalLowerBound": text(),
            "metricIntervalUpperBound": text(),
        }
    ),
}
_KINDS = {
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
    "StepScaling": "stepScalingPolicyConfiguration",
}


def _client(job: Job) -> Any:
    return job.client("application-autoscaling")


def _place(held: Properties) -> dict[str, str]:
    return {
        "ServiceNamespace": held["serviceNamespace"],
        "ResourceId": held["resourceId"],
        "ScalableDimension": held["scalableDimension"],
    }


class Target(Resource):
    token = "aws:appautoscaling/target:Target"
    label = "Application AutoScaling Target"
    gone = frozenset({_GONE})
    inputs: ClassVar[Fields] = {
        **_WHERE,
        "minCapacity": number(0, required=True),
        "maxCapacity": number(0, required=True),
        "roleArn": text(kept=True, replaces=True),
        "suspendedState": block(
            {
                "dynamicScalingInSuspended": flag(False),
                "dynamicScalingOutSuspended": flag(False),
                "scheduledScalingSuspended": flag(False),
            },
            kept=True,
        ),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def create(self, job: Job) -> str:
        self._register(job, job.news.get("tags"))
        return str(job.news["resourceId"])

    def read(self, job: Job, id_: str) -> Properties | None:
        if id_.startswith("ecs/") and id_.endswith(":DesiredCount"):  # as an import names it
            namespace, _, rest = id_.partition("/")
            resource, _, dimension = rest.rpartition("/")
        else:
            namespace, resource = job.given("serviceNamespace"), id_
            dimension = job.given("scalableDimension")
        answer = _client(job).describe_scalable_targets(
            ServiceNamespace=namespace, ResourceIds=[resource], ScalableDimension=dimension
        )
        if not answer["ScalableTargets"]:
            return None
        held = answer["ScalableTargets"][0]
        tags = _client(job).list_tags_for_resource(ResourceARN=held["ScalableTargetARN"])["Tags"]
        return {
            "id": resource,
            "arn": held["ScalableTargetARN"],
            "resourceId": held["ResourceId"],
            "scalableDimension": held["ScalableDimension"],
            "serviceNamespace": held["ServiceNamespace"],
            "minCapacity": held["MinCapacity"],
            "maxCapacity": held["MaxCapacity"],
            "roleArn": held.get("RoleARN"),
            "suspendedState": from_aws(held.get("SuspendedState") or {}),
            **tagging.outputs(tags),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("minCapacity", "maxCapacity", "suspendedState"):
            self._register(job, None)
        put, drop = tagging.delta(job)
        if drop:
            _client(job).untag_resource(ResourceARN=job.olds["arn"], TagKeys=drop)
        if put:
            _client(job).tag_resource(ResourceARN=job.olds["arn"], Tags=put)

    def delete(self, job: Job, id_: str) -> None:
        _client(job).deregister_scalable_target(**_place(job.olds))

    @staticmethod
    def _register(job: Job, tags: dict[str, str] | None) -> None:
        news = job.news
        _client(job).register_scalable_target(
            **_place(news),
            MinCapacity=news["minCapacity"],
            MaxCapacity=news["maxCapacity"],
            **({"RoleARN": news["roleArn"]} if news.get("roleArn") else {}),
            **({"SuspendedState": to_aws(news["suspendedState"])} if news.get("suspendedState") else {}),
            **({"Tags": tags} if tags else {}),
        )


class Policy(Resource):
    token = "aws:appautoscaling/policy:Policy"
    label = "Application AutoScaling Policy"
    gone = frozenset({_GONE})
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        **_WHERE,
        "policyType": text(*_KINDS, default="StepScaling"),
        "targetTrackingScalingPolicyConfiguration": block(_TRACKING),
        "stepScalingPolicyConfiguration": block(_STEPS),
    }
    computed = ("arn", "alarmArns")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        needed = _KINDS.get(news["policyType"], "")
        return [(needed, f"{needed} is required for policy type {news['policyType']}")] if needed not in news else []

    def create(self, job: Job) -> str:
        self._put(job)
        return str(job.news["name"])

    def read(self, job: Job, id_: str) -> Properties | None:
        place = {"name": id_, **{key: job.given(key) for key in _WHERE}}
        if "/" in id_:  # as an import names it: namespace/resource/dimension/name
            namespace, _, rest = id_.partition("/")
            resource, dimension, name = rest.rsplit("/", 2)
            place = {
                "name": name,
                "serviceNamespace": namespace,
                "resourceId": resource,
                "scalableDimension": dimension,
            }
        answer = _client(job).describe_scaling_policies(**_place(place))
        found = [held for held in answer["ScalingPolicies"] if held["PolicyName"] == place["name"]]
        if not found:
            return None
        held = found[0]
        tracking = held.get("TargetTrackingScalingPolicyConfiguration")
        steps = held.get("StepScalingPolicyConfiguration")
        return {
            "id": held["PolicyName"],
            "arn": held["PolicyARN"],
            "name": held["PolicyName"],
            "resourceId": held["ResourceId"],
            "scalableDimension": held["ScalableDimension"],
            "serviceNamespace": held["ServiceNamespace"],
            "policyType": held["PolicyType"],
            "alarmArns": [alarm["AlarmARN"] for alarm in held.get("Alarms", [])],
            "targetTrackingScalingPolicyConfiguration": from_aws(tracking) if tracking else None,
            "stepScalingPolicyConfiguration": _step_outputs(steps) if steps else None,
        }

    def update(self, job: Job, id_: str) -> None:
        self._put(job)

    def delete(self, job: Job, id_: str) -> None:
        try:
            _client(job).delete_scaling_policy(PolicyName=id_, **_place(job.olds))
        except Exception as error:
            # The policies of a target that was deregistered are gone with it; moto says so by another code.
            if error_code(error) != "ValidationException" or "No scaling policy found" not in str(error):
                raise

    @staticmethod
    def _put(job: Job) -> None:
        news = job.news
        key = _KINDS[news["policyType"]]
        held = to_aws(news[key])
        for step in held.get("StepAdjustments", []):
            for bound in ("MetricIntervalLowerBound", "MetricIntervalUpperBound"):
                if bound in step:
                    step[bound] = float(step[bound])
        _client(job).put_scaling_policy(
            PolicyName=news["name"], PolicyType=news["policyType"], **_place(news), **{key[0].upper() + key[1:]: held}
        )


def _step_outputs(steps: dict[str, Any]) -> Properties:
    outputs: Properties = from_aws(steps)
    for step in outputs.get("stepAdjustments", []):
        for bound in ("metricIntervalLowerBound", "metricIntervalUpperBound"):
            if bound in step:
                step[bound] = f"{step[bound]:g}"
    return outputs


RESOURCES = (Target(), Policy())
