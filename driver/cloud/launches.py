"""Why a scaling group's instances never came into service. Used by `driver.cloud.aws` alone.

Auto Scaling knows only that a launch was given up; the reason is the line that the instance left in its log group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driver.cloud.failures import spoken
from driver.errors import Failure
from driver.release.lines import LostLaunch, boot_failure, told

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

_RECENT = timedelta(hours=1)
_LOOKED_AT = 50
_ASKED = 6
"""Of so many the logs are read: a group that can't get ready tries again and again."""
_LAUNCH = re.compile(r"Launching a new EC2 instance(?:: (?P<id>i-[0-9a-f]+))?")


def failures(scaling: AutoScalingClient, group: str, last_words: Callable[[str], str]) -> tuple[str, ...]:
    """A line for each reason, the newest first. `last_words` reads an instance's own, and raises what reading may.

    What a later launch has made good is not told.
    """
    with spoken(f"activities of {group}"):
        found = scaling.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=_LOOKED_AT)["Activities"]
    mended, lost, earliest = None, list[LostLaunch](), datetime.now(UTC) - _RECENT
    for activity in sorted(found, key=lambda one: one["StartTime"], reverse=True):
        launch = _LAUNCH.match(activity.get("Description", ""))
        ended = activity.get("EndTime")
        if launch is None or ended is None:
            continue
        if activity["StatusCode"] == "Successful":
            mended = mended or activity["StartTime"]
        elif ended >= earliest and (mended is None or mended < ended):
            lost.append(LostLaunch(launch["id"] or "", _reason(launch["id"] or "", activity, last_words)))
        if len(lost) == _ASKED:
            break
    return told(lost)


def _reason(id: str, activity: Mapping[str, Any], last_words: Callable[[str], str]) -> str:
    said = " ".join(str(activity.get("StatusMessage") or activity["StatusCode"]).split())
    if not id:
        return said
    try:
        return boot_failure(last_words(id)) or said
    except (Failure, LookupError):
        return said
