"""An instance as its scaling group sees it, and which of them a group lets go first."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from moto.autoscaling.models import InstanceState

from sandbox.cloud.activities import Activity


@dataclass(frozen=True)
class TemplateVersion:
    """The launch template version that an instance was launched with."""

    id: str
    name: str
    number: int


class Member(InstanceState):
    """moto's record of it, with the template version that it has (moto gives the template's default) and its story."""

    def __init__(self, instance: Any, group: Any, version: TemplateVersion | None, activity: Activity) -> None:
        super().__init__(
            instance,
            lifecycle_state="Pending",
            protected_from_scale_in=group.new_instances_protected_from_scale_in,
            autoscaling_group=group,
        )
        self.version = version
        self.activity = activity
        self.in_service_at: float | None = None
        self.proceeds_at: float | None = None
        self.leaves_at: float | None = None
        self.gone_at: float | None = None
        self.known_unhealthy = ""

    @property
    def id(self) -> str:
        return str(self.instance.id)

    @property
    def launch_template(self) -> dict[str, Any] | None:
        if self.version is None:
            return None
        return {
            "LaunchTemplateId": self.version.id,
            "LaunchTemplateName": self.version.name,
            "Version": str(self.version.number),
        }

    @property
    def counts(self) -> bool:
        """Towards the capacity that the group has."""
        return self.lifecycle_state.startswith(("Pending", "InService")) and self.health_status == "Healthy"

    @property
    def leaving(self) -> bool:
        return self.lifecycle_state.startswith("Terminating")


def members_of(group: Any) -> list[Member]:
    """As moto's list holds them, oldest first."""
    return [state for state in group.instance_states if isinstance(state, Member)]


def first_to_go(members: list[Member], current: TemplateVersion | None) -> Member | None:
    """By the default termination policy: from the fullest zone, with an old template version, the oldest."""
    unprotected = [member for member in members if not member.protected_from_scale_in]
    if not unprotected:
        return None
    zones = Counter(member.availability_zone for member in members)
    fullest = max(zones[member.availability_zone] for member in unprotected)
    candidates = [member for member in unprotected if zones[member.availability_zone] == fullest]
    return min(candidates, key=lambda member: (member.version == current, members.index(member)))
