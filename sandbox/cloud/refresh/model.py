"""One instance refresh: what it replaces, how far it is, and what it tells of itself."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud.members import TemplateVersion
from sandbox.cloud.refresh.preferences import Preferences

ACTIVE = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")


@dataclass(eq=False)
class Refresh:
    """`asked`: the DesiredConfiguration; `version`: moto's template version that it names, `before`: the one before.

    `old`: the instances to replace, by id; `known`: those that there were when it began to. Times are simulated
    seconds but for those that are told.
    """

    group: Any
    preferences: Preferences
    asked: dict[str, Any] | None
    version: Any
    before: Any
    strategy: str = "Rolling"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "Pending"
    reason: str | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    old: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    total: int = 0
    done: int = 0
    passed: int = 0
    begins_at: float = 0.0
    waits_until: float | None = None
    bakes_until: float = 0.0
    moved_at: float = 0.0
    rollback: dict[str, Any] | None = None
    percent_before: int = 0

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def percent(self) -> int:
        share = 100 * self.done // self.total if self.total else 100
        if self.rollback is not None:
            return self.percent_before * (100 - share) // 100
        return 0 if self.status == "Pending" else share

    @property
    def left(self) -> int:
        return self.total - self.done

    def end(self, status: str, reason: str | None = None) -> None:
        self.status, self.ended = status, datetime.now(UTC)
        self.reason = reason or (self.reason if status in ("Failed", "RollbackFailed") else None)

    def described(self) -> dict[str, Any]:
        return {
            "InstanceRefreshId": self.id,
            "AutoScalingGroupName": self.group.name,
            "Status": self.status,
            "StatusReason": self.reason,
            "StartTime": self.started if self.status != "Pending" else None,
            "EndTime": self.ended,
            "PercentageComplete": self.percent,
            "InstancesToUpdate": self.left,
            "Preferences": self.preferences.described(),
            "DesiredConfiguration": self.asked,
            "RollbackDetails": self.rollback,
            "Strategy": self.strategy,
        }


def named(version: Any) -> TemplateVersion:
    return TemplateVersion(version.template.id, version.template.name, version.number)
