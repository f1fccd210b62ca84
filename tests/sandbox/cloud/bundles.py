"""Releases as instances boot them: the project's own bundles in a bucket, a role that may read them, and a stub."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

from infra import bundle
from infra.compose_release import ComposeRelease, Secret
from sandbox.cloud import images
from tests.sandbox.cloud.conftest import REGION, Site

ACCOUNT = "000000000000"
LOG_GROUP = "/bluegreen/shop/dev/blue"
HOOK = {
    "LifecycleHookName": "ready",
    "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    "HeartbeatTimeout": 900,
    "DefaultResult": "ABANDON",
}
ASSUME = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def allow(action: Any, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    }


class Depot:
    """What instances boot from. `without`: actions that the role lacks."""

    def __init__(self, site: Site, without: tuple[str, ...] = ()) -> None:
        self.site, self.aws = site, site.aws
        where = {"LocationConstraint": REGION}
        self.aws("s3").create_bucket(Bucket="bundles", CreateBucketConfiguration=where)
        self.aws("s3").put_bucket_versioning(Bucket="bundles", VersioningConfiguration={"Status": "Enabled"})
        self.aws("logs").create_log_group(logGroupName=LOG_GROUP)
        iam, self.policy = self.aws("iam"), [each for each in self._statements() if each["Action"] not in without]
        iam.create_role(RoleName="blue-1-role", AssumeRolePolicyDocument=json.dumps({"Statement": [ASSUME]}))
        iam.create_instance_profile(InstanceProfileName="blue-1-profile")
        iam.add_role_to_instance_profile(InstanceProfileName="blue-1-profile", RoleName="blue-1-role")
        document = json.dumps({"Version": "2012-10-17", "Statement": self.policy})
        iam.put_role_policy(RoleName="blue-1-role", PolicyName="boot", PolicyDocument=document)

    def close(self) -> None:
        s3, iam = self.aws("s3"), self.aws("iam")
        for held in s3.list_object_versions(Bucket="bundles").get("Versions", []):
            s3.delete_object(Bucket="bundles", Key=held["Key"], VersionId=held["VersionId"])
        s3.delete_bucket(Bucket="bundles")
        self.aws("logs").delete_log_group(logGroupName=LOG_GROUP)
        for held in self.aws("secretsmanager").list_secrets()["SecretList"]:
            self.aws("secretsmanager").delete_secret(SecretId=held["ARN"], ForceDeleteWithoutRecovery=True)
        iam.remove_role_from_instance_profile(InstanceProfileName="blue-1-profile", RoleName="blue-1-role")
        iam.delete_instance_profile(InstanceProfileName="blue-1-profile")
        iam.delete_role_policy(RoleName="blue-1-role", PolicyName="boot")
        iam.delete_role(RoleName="blue-1-role")

    def release(self, tag: str = "v1", **changed: Any) -> ComposeRelease:
        given = ComposeRelease(
            service="shop",
            stack="dev",
            color="blue",
            fill=1,
            release="9c41",
            image=images.push("shop", tag, REGION)["image"],
            app_port=3000,
            health_path="/health/deep",
        )
        return dataclasses.replace(given, **changed)

    def files(self, **changed: Any) -> dict[str, str]:
        return bundle.files(self.release(**changed))

    def upload(self, files: dict[str, str]) -> bundle.Place:
        """As an object of its own version; the place is what a stub has to know."""
        packed = bundle.packed(files)
        key = "releases/blue/1/9c41.tar.gz"
        version = self.aws("s3").put_object(Bucket="bundles", Key=key, Body=packed)["VersionId"]
        return bundle.Place("bundles", key, version, bundle.checksum(packed), REGION, "ready", LOG_GROUP)

    def secret(self, name: str, value: str | None) -> None:
        self.aws("secretsmanager").create_secret(Name=name, **({"SecretString": value} if value is not None else {}))

    def fleet(self, place: bundle.Place, **changed: Any) -> str:
        """A scaling group whose instances boot from there."""
        data = base64.b64encode(bundle.stub(place).encode()).decode()
        profile = {"Name": "blue-1-profile"}
        hooks: dict[str, Any] = {"LifecycleHookSpecificationList": [HOOK]}
        tags = [
            {"Key": key, "Value": value, "PropagateAtLaunch": True}
            for key, value in {"bluegreen:project": "shop", "bluegreen:stack": "dev"}.items()
        ]
        return self.site.scaling_group(data=data, profile=profile, **{**hooks, "Tags": tags, **changed})

    def lines(self, stream: str) -> list[str]:
        """Of a log stream, of whichever instance."""
        logs, found = self.aws("logs"), []
        for held in logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]:
            if held["logStreamName"].endswith(f"/{stream}"):
                name = held["logStreamName"]
                events = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name, startFromHead=True)["events"]
                found += [event["message"] for event in events]
        return found

    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.aws("autoscaling").describe_scaling_activities(AutoScalingGroupName="blue")[
            "Activities"
        ]
        return found

    @staticmethod
    def _statements() -> list[dict[str, Any]]:
        prefix = f"{REGION}:{ACCOUNT}"
        tags = {"aws:ResourceTag/bluegreen:project": "shop", "aws:ResourceTag/bluegreen:stack": "dev"}
        return [
            allow("s3:GetObjectVersion", "arn:aws:s3:::bundles/releases/*", StringNotEquals={"s3:VersionId": "none"}),
            allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{prefix}:secret:shop/*"),
            allow("ecr:GetAuthorizationToken"),
            *(
                allow(action, f"arn:aws:ecr:{prefix}:repository/shop")
                for action in ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
            ),
            *(
                allow(action, f"arn:aws:logs:{prefix}:log-group:{LOG_GROUP}:*")
                for action in ("logs:CreateLogStream", "logs:PutLogEvents")
            ),
            allow(
                "autoscaling:CompleteLifecycleAction",
                f"arn:aws:autoscaling:{prefix}:autoScalingGroup:*:autoScalingGroupName/blue*",
                StringEquals=tags,
            ),
        ]


__all__ = ["HOOK", "LOG_GROUP", "Depot", "Secret"]
