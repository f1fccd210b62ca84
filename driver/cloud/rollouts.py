"""Replacing a color's members in place, whatever its platform. Used by `driver.cloud.aws` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from driver.cloud import deployments, refreshes
from infra.record import SERVICE

if TYPE_CHECKING:
    from driver.cloud.fleets import Clients
    from driver.release.rollout import Rollout


class Rollouts:
    """Of scaling groups instance refreshes, of ECS services their rolling deployments. `driver.ports` says what each
    call means.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def latest(self, name: str) -> Rollout | None:
        if name.startswith(SERVICE):
            return deployments.latest(self._clients("ecs"), name)
        return refreshes.latest(self._clients("autoscaling"), name)

    def begin(self, name: str, template: str, *, warmup: int, first: bool = False, alarms: Sequence[str] = ()) -> None:
        if name.startswith(SERVICE):
            deployments.begin(self._clients("ecs"), name, template)
        else:
            scaling = self._clients("autoscaling")
            refreshes.begin(scaling, name, template, warmup=warmup, first=first, alarms=alarms)

    def stop(self, name: str) -> None:
        if not name.startswith(SERVICE):
            refreshes.stop(self._clients("autoscaling"), name)

    def back(self, name: str, template: str, *, warmup: int) -> None:
        if name.startswith(SERVICE):
            deployments.begin(self._clients("ecs"), name, template)
        else:
            refreshes.back(self._clients("autoscaling"), name, template, warmup=warmup)
