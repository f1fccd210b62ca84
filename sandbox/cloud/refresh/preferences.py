"""What an instance refresh is asked for: read, checked and filled in as Auto Scaling does. Pure."""

import math
from dataclasses import dataclass
from typing import Any

from sandbox.cloud.refusals import Refused

DEFAULT_LEAST = 90
CHECKPOINT_DELAY = 3600
LONGEST_DELAY = 172800
LONGEST_BAKE = 172800
MOST_ALARMS = 10


@dataclass(frozen=True)
class Preferences:
    """Percentages of the desired capacity; times in simulated seconds."""

    least: int
    most: int
    warmup: float
    checkpoints: tuple[int, ...] = ()
    delay: float = CHECKPOINT_DELAY
    skip_matching: bool = False
    auto_rollback: bool = False
    protected: str = "Wait"
    standby: str = "Wait"
    bake: float = 0.0
    alarms: tuple[str, ...] = ()

    @property
    def launches_first(self) -> bool:
        """Whether a new instance is there before an old one goes."""
        return self.most > 100 or self.least >= 100

    def kept(self, desired: int) -> int:
        """How many must be ready to use. One may always go, or there would be no way on."""
        kept = math.ceil(desired * self.least / 100)
        return kept if self.launches_first else min(kept, max(0, desired - 1))

    def extra(self, desired: int) -> int:
        """How many there may be above the desired capacity."""
        return max(1, math.floor(desired * self.most / 100) - desired) if self.launches_first else 0

    def stage(self, passed: int, total: int) -> int:
        """How many instances may be replaced before the next checkpoint, of which that many are passed."""
        if passed >= len(self.checkpoints):
            return total if not self.checkpoints else self.stage(len(self.checkpoints) - 1, total)
        return min(total, max(1, math.ceil(total * self.checkpoints[passed] / 100)))

    def described(self) -> dict[str, Any]:
        held: dict[str, Any] = {
            "MinHealthyPercentage": self.least,
            "MaxHealthyPercentage": self.most,
            "InstanceWarmup": int(self.warmup),
            "SkipMatching": self.skip_matching,
            "AutoRollback": self.auto_rollback,
            "ScaleInProtectedInstances": self.protected,
            "StandbyInstances": self.standby,
        }
        if self.checkpoints:
            held |= {"CheckpointPercentages": list(self.checkpoints), "CheckpointDelay": int(self.delay)}
        if self.bake:
            held["BakeTime"] = int(self.bake)
        if self.alarms:
            held["AlarmSpecification"] = {"Alarms": list(self.alarms)}
        return held


def read(given: dict[str, Any], group: Any) -> Preferences:
    """Raises Refused."""
    policy = getattr(group, "instance_maintenance_policy", None) or {}
    least, most = given.get("MinHealthyPercentage"), given.get("MaxHealthyPercentage")
    if most is not None and least is None:
        raise _wrong("You must specify MinHealthyPercentage when you specify MaxHealthyPercentage.")
    low = int(policy.get("MinHealthyPercentage", DEFAULT_LEAST) if least is None else least)
    high = int(policy.get("MaxHealthyPercentage", 100) if most is None else most)
    if not 0 <= low <= 100:
        raise _wrong("MinHealthyPercentage must be between 0 and 100.")
    if not 100 <= high <= 200:
        raise _wrong("MaxHealthyPercentage must be between 100 and 200.")
    if high - low > 100:
        raise _wrong("The difference between MinHealthyPercentage and MaxHealthyPercentage cannot be greater than 100.")
    warmup = given.get("InstanceWarmup")
    if warmup is None:
        own = getattr(group, "default_instance_warmup", None)
        warmup = (group.health_check_grace_period or 0) if own is None or int(own) < 0 else own
    if int(warmup) < 0:
        raise _wrong("InstanceWarmup must be 0 or more.")
    alarms = tuple((given.get("AlarmSpecification") or {}).get("Alarms") or ())
    if len(alarms) > MOST_ALARMS:
        raise _wrong(f"You can specify up to {MOST_ALARMS} alarms.")
    return Preferences(
        least=low,
        most=high,
        warmup=float(warmup),
        **_checkpoints(given),
        skip_matching=_flag(given.get("SkipMatching")),
        auto_rollback=_flag(given.get("AutoRollback")),
        protected=_one_of(given, "ScaleInProtectedInstances", ("Refresh", "Ignore", "Wait")),
        standby=_one_of(given, "StandbyInstances", ("Terminate", "Ignore", "Wait")),
        bake=_seconds(given, "BakeTime", LONGEST_BAKE, 0),
        alarms=alarms,
    )


def _checkpoints(given: dict[str, Any]) -> dict[str, Any]:
    found = tuple(int(each) for each in given.get("CheckpointPercentages") or ())
    if given.get("CheckpointDelay") is not None and not found:
        raise _wrong("You must specify CheckpointPercentages when you specify CheckpointDelay.")
    if any(not 1 <= each <= 100 for each in found) or list(found) != sorted(set(found)):
        raise _wrong("CheckpointPercentages must be unique values from 1 to 100 in ascending order.")
    return {"checkpoints": found, "delay": _seconds(given, "CheckpointDelay", LONGEST_DELAY, CHECKPOINT_DELAY)}


def _seconds(given: dict[str, Any], key: str, longest: int, usual: int) -> float:
    value = given.get(key)
    if value is None:
        return float(usual)
    if not 0 <= int(value) <= longest:
        raise _wrong(f"{key} must be between 0 and {longest}.")
    return float(value)


def _one_of(given: dict[str, Any], key: str, words: tuple[str, ...]) -> str:
    value = given.get(key) or "Wait"
    if value not in words:
        raise _wrong(f"{key} must be one of {', '.join(words)}.")
    return str(value)


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


def _wrong(message: str) -> Refused:
    return Refused("ValidationError", message)
