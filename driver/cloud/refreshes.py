"""Instance refreshes of scaling groups, towards a numbered version of a launch template.

Each names its DesiredConfiguration: the group itself launches from the old release until all is well, so that AWS can
take a refresh back (Amazon EC2 Auto Scaling, "Undo changes with a rollback"). Used by `driver.cloud.rollouts` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from driver.cloud.failures import spoken
from driver.cloud.fleets import version
from driver.errors import Failure
from driver.release.rollout import Rollout, State

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

_LONGEST = 172_800
"""Seconds that a refresh may stand at a checkpoint (StartInstanceRefresh): after them AWS goes on by itself."""
_STATES: Mapping[str, State] = {
    "Pending": "going",
    "InProgress": "going",
    "Baking": "going",
    "Successful": "done",
    "Failed": "failed",
    "Cancelling": "stopping",
    "Cancelled": "stopped",
    "RollbackInProgress": "backing",
    "RollbackSuccessful": "back",
    "RollbackFailed": "failed",
}
_ACTIVE = ("Pending", "InProgress", "Baking")
_MOST_ALARMS = 10


def latest(scaling: AutoScalingClient, group: str) -> Rollout | None:
    """The latest refresh that names what it goes to; others are nobody's here."""
    found = _latest(scaling, group)
    return _told(found) if found else None


def begin(
    scaling: AutoScalingClient, group: str, template: str, *, warmup: int, first: bool, alarms: Sequence[str]
) -> None:
    """New members first, then the old ones go. AWS takes it back by itself where an alarm fires, or none gets healthy,
    also when no driver watches.
    """
    preferences = {**_preferences(warmup), "AutoRollback": True}
    if first:
        preferences |= {"CheckpointPercentages": [_share(scaling, group), 100], "CheckpointDelay": _LONGEST}
    if alarms:
        preferences["AlarmSpecification"] = {"Alarms": list(alarms)[:_MOST_ALARMS]}
    _start(scaling, group, template, preferences)


def stop(scaling: AutoScalingClient, group: str) -> None:
    """Its members stay as they are. One that is over needs no stop."""
    try:
        with spoken(f"the instance refresh of {group}"):
            scaling.cancel_instance_refresh(AutoScalingGroupName=group)
    except Failure:
        if (now := _latest(scaling, group)) and now["Status"] in _ACTIVE:
            raise


def back(scaling: AutoScalingClient, group: str, template: str, *, warmup: int) -> None:
    """Turns round the refresh under way; where there is none to turn, begins one to the old version."""
    found = _latest(scaling, group)
    if found and found["Status"] == "RollbackInProgress":
        return
    if found and found["Status"] in _ACTIVE:
        if _to(found) == template:
            return
        try:
            with spoken(f"the instance refresh of {group}"):
                scaling.rollback_instance_refresh(AutoScalingGroupName=group)
            return
        except Failure:
            # It can't be turned, or has ended meanwhile. The latter lets a new one begin.
            stop(scaling, group)
    _start(scaling, group, template, _preferences(warmup))


def _preferences(warmup: int) -> dict[str, Any]:
    """Without a warmup of its own a group's grace period is one, and lasts minutes for each member."""
    return {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 200,
        "InstanceWarmup": warmup,
        "SkipMatching": True,
        "ScaleInProtectedInstances": "Refresh",
        "StandbyInstances": "Terminate",
    }


def _start(scaling: AutoScalingClient, group: str, template: str, preferences: Mapping[str, Any]) -> None:
    id, _, number = template.rpartition(":")
    wanted: Any = {"LaunchTemplate": {"LaunchTemplateId": id, "Version": number}}
    with spoken(f"the instance refresh of {group}"):
        scaling.start_instance_refresh(
            AutoScalingGroupName=group,
            Strategy="Rolling",
            DesiredConfiguration=wanted,
            Preferences=dict(preferences),  # type: ignore[arg-type]
        )


def _latest(scaling: AutoScalingClient, group: str) -> Mapping[str, Any] | None:
    with spoken(f"the instance refreshes of {group}"):
        found = scaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=10)["InstanceRefreshes"]
    return next((one for one in found if _to(one)), None)


def _told(found: Mapping[str, Any]) -> Rollout:
    status, percent = found["Status"], int(found.get("PercentageComplete") or 0)
    checkpoints = (found.get("Preferences") or {}).get("CheckpointPercentages") or []
    state = _STATES.get(status, "going")
    if status == "InProgress" and checkpoints and percent >= checkpoints[0] and percent < 100:
        state = "waiting"
    reason = (found.get("RollbackDetails") or {}).get("RollbackReason") or found.get("StatusReason") or ""
    return Rollout(_to(found), state, reason, percent, first=bool(checkpoints))


def _to(found: Mapping[str, Any]) -> str:
    return version((found.get("DesiredConfiguration") or {}).get("LaunchTemplate"))


def _share(scaling: AutoScalingClient, group: str) -> int:
    """The percentage that is one member: rounded down, since AWS rounds the number of members up."""
    with spoken(f"the scaling group {group}"):
        (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return max(1, min(99, 100 // max(1, len(found["Instances"]))))
