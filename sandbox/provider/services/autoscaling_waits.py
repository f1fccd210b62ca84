"""What a scaling group is waited for: that it fills, and how it goes: its instances first, then itself."""

from __future__ import annotations

import re
from typing import Any

from sandbox.engine.protocol import UNKNOWN, ProviderError
from sandbox.provider.resource import Job

_BUSY = ("ScalingActivityInProgress", "ResourceInUse")


def scaling(job: Job) -> Any:
    return job.client("autoscaling")


def find(job: Job, name: str) -> Any | None:
    """Also while AWS takes it down: only when the last trace has gone may what it used go too."""
    groups = scaling(job).describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return groups[0] if groups else None


def wait_for_capacity(job: Job, name: str) -> None:
    """As AWS's provider waits on its own account; a timeout of "0" is how a program says not to."""
    limit = seconds(job.news["waitForCapacityTimeout"])
    if not limit:
        return
    wanted = job.news.get("desiredCapacity") or job.news["minSize"]

    def filled() -> bool:
        group = find(job, name)
        if group is None:
            raise ProviderError(f"Auto Scaling Group {name} went away while its instances were awaited")
        if not job.news["ignoreFailedScalingActivities"]:
            _raise_failed_launch(job, name)
        ready = [
            held
            for held in group["Instances"]
            if (held["LifecycleState"], held["HealthStatus"]) == ("InService", "Healthy")
        ]
        return bool(len(ready) >= wanted)

    job.wait(filled, for_what=f"{wanted} healthy instance(s) in Auto Scaling Group {name}", seconds=limit)


def _raise_failed_launch(job: Job, name: str) -> None:
    for activity in scaling(job).describe_scaling_activities(AutoScalingGroupName=name)["Activities"]:
        if activity["StatusCode"] == "Failed":
            raise ProviderError(
                f"scaling activity ({activity['ActivityId']}): Failed: {activity.get('StatusMessage', '')}"
            )


def seconds(duration: Any) -> float | None:
    """Go's way to write durations: "10m", "1h30m", "0". None for what is none."""
    if duration is UNKNOWN or duration == "0":
        return 0
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s)", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit] for number, unit in parts)


def drain_and_delete(job: Job, name: str) -> None:
    """With `forceDelete` at once; else as AWS's provider does it, so that instances leave their target groups and
    run their terminating hooks before the group is gone."""
    client = scaling(job)
    force = bool(job.olds.get("forceDelete"))
    if not force:
        client.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, MaxSize=0, DesiredCapacity=0)

        def empty() -> bool:
            group = find(job, name)
            return group is None or not group["Instances"]

        job.wait(empty, for_what=f"Auto Scaling Group {name} to have no instances", seconds=600)

    def deleted() -> bool:
        from botocore.exceptions import ClientError

        if find(job, name) is None:
            return True
        try:
            client.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=force)
        except ClientError as error:
            told = error.response["Error"]
            # It can go between the look and the call: AWS then answers that it never knew it.
            if told["Code"] == "ValidationError" and "not found" in told["Message"]:
                return True
            if not told["Code"].startswith(_BUSY):
                raise
        return False

    job.wait(deleted, for_what=f"Auto Scaling Group {name} to be deleted", seconds=600)
