"""What one release brings to a color's tasks: their definition, and what ECS may fetch for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import access, images, names
from infra.colors import task
from infra.colors.platform import Site
from infra.colors.released import Released, Standing
from infra.record import Color, Slot
from infra.secret_store import Readable, pattern
from infra.setting_content import Worker
from infra.settings import Settings


class TaskRelease(Released):
    """A release as tasks. `workers`: those that have a definition of their own."""

    def __init__(
        self,
        color: Color,
        slot: Slot,
        site: Site,
        execution: aws.iam.Role,
        role: aws.iam.Role,
        workers: Sequence[str],
        standing: Standing,
    ) -> None:
        super().__init__("TaskRelease", color, slot, site.settings, standing)
        self.site = site
        self.readable = {
            one: site.secrets.get(one, Readable(pattern(site.place, one)))
            for one in dict.fromkeys(each.secret for each in self.settings.all_secrets.values())
        }
        self.policy = aws.iam.RolePolicy(
            f"{self.name}-execution-policy",
            role=execution.name,
            policy=self._fetching(),
            opts=self._opts(aws.iam.RolePolicyArgs, "execution-policy"),
        )
        self.definition = self._definition(execution, role)
        self.workers = {name: self._definition(execution, role, name) for name in workers}
        self.launched_from = self.definition.arn
        self.register_outputs({"definition": self.definition.arn})

    def _fetching(self) -> pulumi.Output[str]:
        """What ECS does for the container before it starts, and its log driver after."""
        settings, place = self.settings, self.site.place

        def known(arns: list[str]) -> str:
            return access.execution_policy(
                place,
                images.parse_image(self.slot.image),
                names.log_group(settings, self.color),
                arns,
                tuple(dict.fromkeys(one.key for one in self.readable.values() if one.key)),
            )

        return pulumi.Output.all(*(one.arn for one in self.readable.values())).apply(known)

    def _definition(
        self, execution: aws.iam.Role, role: aws.iam.Role, worker: str | None = None
    ) -> aws.ecs.TaskDefinition:
        chosen = self.settings.fargate

        def rendered(found: Mapping[str, Any]) -> str:
            return task.containers(
                self.settings,
                color=self.color,
                fill=self.slot.fill,
                release=self.slot.digest,
                image=images.exact(self.slot.image),
                region=self.site.place.region,
                secrets=found["secrets"],
                supplied=found["supplied"],
                worker=_named(self.settings, worker) if worker else None,
            )

        told = pulumi.Output.all(
            secrets={name: one.arn for name, one in self.readable.items()}, supplied=self.site.supplied
        )
        return aws.ecs.TaskDefinition(
            f"{self.name}-{worker}-task" if worker else f"{self.name}-task",
            family=names.family(self.settings, self.color, self.slot, worker or ""),
            container_definitions=told.apply(rendered),
            cpu=str(chosen.cpu),
            memory=str(chosen.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture=task.CPU[chosen.architecture], operating_system_family="LINUX"
            ),
            ephemeral_storage=(
                aws.ecs.TaskDefinitionEphemeralStorageArgs(size_in_gib=chosen.storage) if chosen.storage else None
            ),
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name=name) for name in task.volumes(self.settings)] or None,
            execution_role_arn=execution.arn,
            task_role_arn=role.arn,
            # A definition that is deregistered can't start a task any more, and a service on its way out may need one.
            skip_destroy=True,
            tags=self.tags,
            opts=self._opts(aws.ecs.TaskDefinitionArgs, f"{worker}-task" if worker else "task"),
        )


def _named(settings: Settings, name: str) -> Worker:
    """The worker as the settings have it. One that they no longer have stands, and is not rendered again."""
    return next((one for one in settings.workers if one.name == name), Worker(name=name, command="false"))
