"""Auto Scaling groups: how many instances of which template, where, and in which target groups."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.naming import prefixed_name
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Naming, block, blocks, flag, number, text, texts
from sandbox.provider.services.autoscaling_waits import drain_and_delete, find, scaling, seconds, wait_for_capacity
from sandbox.provider.shapes import to_aws

_HOOK = {
    "name": text(required=True),
    "lifecycleTransition": text(
        "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING", required=True
    ),
    "defaultResult": text("ABANDON", "CONTINUE", kept=True),
    "heartbeatTimeout": number(30, 7200),
    "notificationMetadata": text(longest=4000),
    "notificationTargetArn": text(),
    "roleArn": text(),
}
_SIZES = {
    "minSize": "MinSize",
    "maxSize": "MaxSize",
    "desiredCapacity": "DesiredCapacity",
    "defaultCooldown": "DefaultCooldown",
    "defaultInstanceWarmup": "DefaultInstanceWarmup",
    "healthCheckType": "HealthCheckType",
    "healthCheckGracePeriod": "HealthCheckGracePeriod",
    "maxInstanceLifetime": "MaxInstanceLifetime",
    "capacityRebalance": "CapacityRebalance",
    "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
    "terminationPolicies": "TerminationPolicies",
    "availabilityZones": "AvailabilityZones",
}
# What AWS takes for "none" where an input is taken away.
_NONE = {
    "defaultInstanceWarmup": -1,
    "maxInstanceLifetime": 0,
    "capacityRebalance": False,
    "terminationPolicies": ["Default"],
}
_CAPACITY = ("minSize", "maxSize", "desiredCapacity")


class Group(Resource):
    token = "aws:autoscaling/group:Group"
    label = "Auto Scaling Group"
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "namePrefix": text(longest=229, replaces=True),
        "minSize": number(0, required=True),
        "maxSize": number(0, required=True),
        "desiredCapacity": number(0, kept=True),
        "defaultCooldown": number(0, kept=True),
        "defaultInstanceWarmup": number(0),
        "healthCheckType": text(kept=True),
        "healthCheckGracePeriod": number(0, default=300),
        "launchTemplate": block({"id": text(kept=True), "name": text(kept=True), "version": text(kept=True)}),
        "vpcZoneIdentifiers": texts(kept=True),
        "availabilityZones": texts(kept=True),
        "targetGroupArns": texts(kept=True),
        "terminationPolicies": texts(ordered=True),
        "initialLifecycleHooks": blocks(_HOOK, key="name", replaces=True),
        "instanceMaintenancePolicy": block(
            {
                "minHealthyPercentage": number(-1, 100, required=True),
                "maxHealthyPercentage": number(-1, 200, required=True),
            }
        ),
        "tags": blocks(
            {"key": text(required=True), "value": text(required=True), "propagateAtLaunch": flag(required=True)},
            key="key",
        ),
        "suspendedProcesses": texts(),
        "enabledMetrics": texts(),
        "metricsGranularity": text(default="1Minute"),
        "maxInstanceLifetime": number(0),
        "capacityRebalance": flag(),
        "protectFromScaleIn": flag(False),
        "forceDelete": flag(False),
        "ignoreFailedScalingActivities": flag(False),
        "waitForCapacityTimeout": text(default="10m"),
    }
    computed = ("arn", "predictedCapacity", "warmPoolSize")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        template = news.get("launchTemplate")
        if template is None:
            found.append(("launchTemplate", "a group needs a launch template"))
        elif isinstance(template, dict) and ("id" in template) == ("name" in template):
            found.append(("launchTemplate", "one of id and name must be specified, and not both"))
        if "vpcZoneIdentifiers" not in news and "availabilityZones" not in news:
            found.append(("vpcZoneIdentifiers", "vpcZoneIdentifiers or availabilityZones must be specified"))
        if seconds(news["waitForCapacityTimeout"]) is None:
            found.append(("waitForCapacityTimeout", f"not a duration such as 10m: {news['waitForCapacityTimeout']}"))
        return found

    def create(self, job: Job) -> str:
        news = job.news
        name = str(news.get("name") or prefixed_name(news["namePrefix"]))
        hooks = [
            {name.replace("Name", "LifecycleHookName") if name == "Name" else name: held for name, held in hook.items()}
            for hook in to_aws(
                news.get("initialLifecycleHooks", []),
                {"notificationTargetArn": "NotificationTargetARN", "roleArn": "RoleARN"},
            )
        ]
        scaling(job).create_auto_scaling_group(
            AutoScalingGroupName=name,
            **_asked(news, frozenset(news)),
            **({"TargetGroupARNs": news["targetGroupArns"]} if news.get("targetGroupArns") else {}),
            **({"LifecycleHookSpecificationList": hooks} if hooks else {}),
            **({"Tags": _tags(name, news["tags"])} if news.get("tags") else {}),
        )
        return name

    def settle(self, job: Job, id_: str) -> None:
        client = scaling(job)
        if job.news.get("suspendedProcesses"):
            client.suspend_processes(AutoScalingGroupName=id_, ScalingProcesses=job.news["suspendedProcesses"])
        _collect_metrics(job, id_)
        wait_for_capacity(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        group = find(job, id_)
        if group is None:
            return None
        template = group.get("LaunchTemplate") or {}
        policy = group.get("InstanceMaintenancePolicy") or {}
        zones = [zone for zone in group.get("VPCZoneIdentifier", "").split(",") if zone]
        return {
            **{key: group.get(name) for key, name in _SIZES.items()},
            "arn": group["AutoScalingGroupARN"],
            "name": group["AutoScalingGroupName"],
            "protectFromScaleIn": group.get("NewInstancesProtectedFromScaleIn", False),
            "launchTemplate": {
                "id": template.get("LaunchTemplateId"),
                "name": template.get("LaunchTemplateName"),
                "version": template.get("Version"),
            }
            if template
            else None,
            "vpcZoneIdentifiers": ordered_like(zones, job.given("vpcZoneIdentifiers")),
            "availabilityZones": ordered_like(group.get("AvailabilityZones", []), job.given("availabilityZones")),
            "targetGroupArns": ordered_like(group.get("TargetGroupARNs", []), job.given("targetGroupArns")),
            "terminationPolicies": group.get("TerminationPolicies")
            if job.given("terminationPolicies") or group.get("TerminationPolicies") != ["Default"]
            else None,
            "instanceMaintenancePolicy": {
                "minHealthyPercentage": policy["MinHealthyPercentage"],
                "maxHealthyPercentage": policy["MaxHealthyPercentage"],
            }
            if policy.get("MinHealthyPercentage", -1) >= 0
            else None,
            "tags": _tag_outputs(group, job.given("tags")),
            "suspendedProcesses": sorted(held["ProcessName"] for held in group.get("SuspendedProcesses", [])),
            "enabledMetrics": sorted(held["Metric"] for held in group.get("EnabledMetrics", [])),
            "predictedCapacity": group.get("PredictedCapacity", 0),
            "warmPoolSize": group.get("WarmPoolSize", 0),
        }

    def update(self, job: Job, id_: str) -> None:
        client, news, olds = scaling(job), job.news, job.olds
        asked = _asked(news, job.changed)
        if asked:
            client.update_auto_scaling_group(AutoScalingGroupName=id_, **asked)
        if job.changes("tags"):
            _update_tags(job, id_)
        if job.changes("targetGroupArns"):
            new, old = set(news.get("targetGroupArns", [])), set(olds.get("targetGroupArns", []))
            if new - old:
                client.attach_load_balancer_target_groups(AutoScalingGroupName=id_, TargetGroupARNs=sorted(new - old))
            if old - new:
                client.detach_load_balancer_target_groups(AutoScalingGroupName=id_, TargetGroupARNs=sorted(old - new))
        if job.changes("suspendedProcesses"):
            stop, go = set(news.get("suspendedProcesses", [])), set(olds.get("suspendedProcesses", []))
            if go - stop:
                client.resume_processes(AutoScalingGroupName=id_, ScalingProcesses=sorted(go - stop))
            if stop - go:
                client.suspend_processes(AutoScalingGroupName=id_, ScalingProcesses=sorted(stop - go))
        if job.changes("enabledMetrics", "metricsGranularity"):
            if olds.get("enabledMetrics"):
                client.disable_metrics_collection(AutoScalingGroupName=id_, Metrics=olds["enabledMetrics"])
            _collect_metrics(job, id_)
        if job.changes(*_CAPACITY):
            wait_for_capacity(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        if find(job, id_) is not None:
            drain_and_delete(job, id_)


def _asked(news: Properties, changed: frozenset[str]) -> dict[str, Any]:
    """The changed inputs as AWS takes them, those taken away as AWS's word for none."""
    asked = {}
    for key, name in _SIZES.items():
        if key in changed:
            value = news.get(key, _NONE.get(key))
            if value is not None:
                asked[name] = value
    if "launchTemplate" in changed and news.get("launchTemplate"):
        template = news["launchTemplate"]
        names = {"LaunchTemplateId": "id", "LaunchTemplateName": "name", "Version": "version"}
        asked["LaunchTemplate"] = {name: template[key] for name, key in names.items() if key in template}
    if "vpcZoneIdentifiers" in changed and news.get("vpcZoneIdentifiers"):
        asked["VPCZoneIdentifier"] = ",".join(news["vpcZoneIdentifiers"])
    if "instanceMaintenancePolicy" in changed:
        policy = news.get("instanceMaintenancePolicy") or {}
        asked["InstanceMaintenancePolicy"] = {
            "MinHealthyPercentage": policy.get("minHealthyPercentage", -1),
            "MaxHealthyPercentage": policy.get("maxHealthyPercentage", -1),
        }
    return asked


def _tags(name: str, tags: list[Properties]) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": name,
            "ResourceType": "auto-scaling-group",
            "Key": tag["key"],
            "Value": tag["value"],
            "PropagateAtLaunch": tag["propagateAtLaunch"],
        }
        for tag in tags
    ]


def _tag_outputs(group: Any, known: list[Properties] | None) -> list[Properties]:
    tags = [
        {"key": tag["Key"], "value": tag.get("Value", ""), "propagateAtLaunch": tag["PropagateAtLaunch"]}
        for tag in group.get("Tags", [])
        if not tag["Key"].startswith("aws:")
    ]
    return ordered_like(tags, known, key=lambda tag: tag["key"])


def _update_tags(job: Job, name: str) -> None:
    new = {tag["key"]: tag for tag in job.news.get("tags", [])}
    old = {tag["key"]: tag for tag in job.olds.get("tags", [])}
    drop = [tag for key, tag in old.items() if key not in new]
    put = [tag for key, tag in new.items() if old.get(key) != tag]
    if drop:
        scaling(job).delete_tags(Tags=_tags(name, drop))
    if put:
        scaling(job).create_or_update_tags(Tags=_tags(name, put))


def _collect_metrics(job: Job, name: str) -> None:
    if job.news.get("enabledMetrics"):
        scaling(job).enable_metrics_collection(
            AutoScalingGroupName=name,
            Metrics=job.news["enabledMetrics"],
            Granularity=job.news["metricsGranularity"],
        )


RESOURCES = (Group(),)
