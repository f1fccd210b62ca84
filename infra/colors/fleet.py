"""The instances of one fill: their role, the releases that they run, and the scaling group."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra import access, immutable, names, scaling
from infra.colors.instance_release import InstanceRelease
from infra.colors.platform import Change, Ground, Site
from infra.colors.released import Standing, release_tags, releases
from infra.record import Color, Slot

RENDERING = 2
"""Raise it when this module makes something else from the same settings and bundle: a release is known by it."""


class Fleet(pulumi.ComponentResource):
    """Everything is named after color and fill: another fill has other resources.

    Outside the update that fills the color anew only the capacity bounds may change, and of the color that a rollback
    would go to only the lower one; and, at the end of a handover, what the group launches from. Instances that are
    there stay until an instance refresh replaces them.
    """

    group_name: pulumi.Output[str]

    def __init__(self, color: Color, slot: Slot, site: Site, ground: Ground, change: Change) -> None:
        name = f"{color}-{slot.fill}"
        super().__init__("bluegreen:index:Fleet", f"{name}-fleet")
        self.name, self.slot, self.change, self.settings = name, slot, change, site.settings
        self.tags = release_tags(site.settings, color, slot)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=access.trust("ec2.amazonaws.com"),
            tags=self.tags,
            opts=self._opts(aws.iam.RoleArgs),
        )
        profile = aws.iam.InstanceProfile(
            f"{name}-profile", role=role.name, tags=self.tags, opts=self._opts(aws.iam.InstanceProfileArgs)
        )

        def made(of: Slot, standing: Standing) -> InstanceRelease:
            return InstanceRelease(color, of, site, ground, role, profile, standing)

        found = releases(slot, change, self, made)
        self.templates = found.templates
        group = self._group(site, ground, found.runs, [found.runs.policy, *site.behind])
        self.group_name = group.name
        if self.settings.scaling:
            label = pulumi.Output.concat(site.balancer, "/", ground.measured)
            scaling.follow(name, self.settings.scaling, group.name, label, self)
        self.register_outputs({"group": self.group_name})

    def _opts(self, arguments: type) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self, ignore_changes=None if self.change.anew else immutable.inputs(arguments)
        )

    def _group(
        self, site: Site, ground: Ground, release: InstanceRelease, before: list[pulumi.Resource]
    ) -> aws.autoscaling.Group:
        chosen, floor = self.settings.compose, self.slot.floor
        # Bounds follow the record in every update, so that one that failed half-way is put right by the next.
        # Desired capacity is the scaler's after creation.
        ignored = ["desiredCapacity"]
        if not self.change.anew:
            free = ("min_size",) if self.change.steady else ("min_size", "max_size")
            settled = ("launch_template", "tags") if self.change.handover.ends else ()
            ignored = immutable.inputs(aws.autoscaling.GroupArgs, but=(*free, *settled))
        return aws.autoscaling.Group(
            f"{self.name}-group",
            min_size=floor,
            max_size=max(chosen.max, floor) if floor else 0,
            desired_capacity=max(floor, chosen.desired or 0) if floor else 0,
            vpc_zone_identifiers=site.subnets,
            launch_template=aws.autoscaling.GroupLaunchTemplateArgs(id=release.template.id, version=release.version),
            target_group_arns=[ground.target_group],
            health_check_type="ELB",
            health_check_grace_period=chosen.grace,
            # Part of the group: a hook of its own would come after the first instances.
            initial_lifecycle_hooks=[
                aws.autoscaling.GroupInitialLifecycleHookArgs(
                    name=names.HOOK,
                    lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
                    default_result="ABANDON",
                    heartbeat_timeout=chosen.boot_timeout,
                )
            ],
            # New ones first: a health check that fails everywhere at once must not empty the fleet.
            instance_maintenance_policy=aws.autoscaling.GroupInstanceMaintenancePolicyArgs(
                min_healthy_percentage=100, max_healthy_percentage=200
            ),
            # Waiting inside an update would hold the stack's lock against a rollback.
            wait_for_capacity_timeout="0",
            force_delete=True,
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                for key, value in {"Name": f"{self.settings.project}-{self.name}", **self.tags}.items()
            ],
            # An instance that boots before its role may do anything would be abandoned.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=ignored, depends_on=before),
        )
