"""Members of fake groups replaced in place: one at each moment that passes, as an instance refresh would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from driver.errors import Unforeseen
from driver.release.rollout import Rollout
from driver.release.snapshot import Target

if TYPE_CHECKING:
    from tests.driver.fakes import FakeCloud


@dataclass
class FakeRollouts:
    """The latest rollout of each group. `asked`: every call that changed something, for tests to look at."""

    cloud: FakeCloud
    latest_of: dict[str, Rollout] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    number: int = 0
    one_at_once: bool = False
    """As ECS: nothing stops after the first member."""

    def latest(self, name: str) -> Rollout | None:
        self.cloud._call("latest")
        return self.latest_of.get(name)

    def begin(self, name: str, template: str, *, warmup: int, first: bool = False, alarms: Sequence[str] = ()) -> None:
        self.cloud._call("begin")
        self._unless_under_way(name)
        self.asked.append(("begin", template, *(["first"] if first else []), *alarms))
        self.latest_of[name] = Rollout(template, "going", first=first)

    def stop(self, name: str) -> None:
        self.cloud._call("stop")
        self.asked.append(("stop",))
        if (now := self.latest_of.get(name)) and now.under_way:
            self.latest_of[name] = replace(now, state="stopping")

    def back(self, name: str, template: str, *, warmup: int) -> None:
        self.cloud._call("back")
        now = self.latest_of.get(name)
        if now is not None and now.under_way and (now.state == "backing" or now.to == template):
            return
        self.asked.append(("back", template))
        if now is not None and now.state in {"going", "waiting"}:
            self.latest_of[name] = replace(now, state="backing", reason="taken back by a user")
        else:
            self._unless_under_way(name)
            self.latest_of[name] = Rollout(template, "going")

    def clone(self, cloud: FakeCloud) -> FakeRollouts:
        return FakeRollouts(cloud, dict(self.latest_of), list(self.asked), self.number, self.one_at_once)

    def pass_by(self) -> None:
        """A moment later: one member more is another one, or the end is noted."""
        for name, now in list(self.latest_of.items()):
            group = self.cloud.groups.get(name)
            if group is None or not now.under_way or now.state == "waiting":
                continue
            if now.state == "stopping":
                self.latest_of[name] = replace(now, state="stopped")
                continue
            to = group.template if now.state == "backing" else now.to
            old = [member for member in group.instances if group.launched.get(member, group.template) != to]
            if old and not self.cloud.is_sick(to):
                self._replace(name, old[0], to)
                old = old[1:]
            if not old:
                self._over(name, now)
            elif now.first and now.state == "going" and len(old) < len(group.instances):
                self.latest_of[name] = replace(now, state="waiting", percent=50)

    def _over(self, name: str, now: Rollout) -> None:
        group = self.cloud.groups[name]
        if now.state == "backing":
            self.latest_of[name] = replace(now, state="back")
            return
        self.cloud.groups[name] = replace(group, template=now.to)
        self.latest_of[name] = replace(now, state="done", percent=100)

    def _replace(self, name: str, member: str, template: str) -> None:
        group = self.cloud.groups[name]
        self.number += 1
        new = f"{member.partition('.')[0]}.{self.number}"
        members = tuple(new if one == member else one for one in group.instances)
        launched = {one: origin for one, origin in group.launched.items() if one != member} | {new: template}
        self.cloud.groups[name] = replace(group, instances=members, launched=launched)
        for arn, targets in self.cloud.targets.items():
            self.cloud.targets[arn] = tuple(Target(new, "healthy") if one.id == member else one for one in targets)

    def _unless_under_way(self, name: str) -> None:
        if (now := self.latest_of.get(name)) and now.under_way:
            raise Unforeseen(f"AWS refused the instance refresh of {name}", "InstanceRefreshInProgress")
