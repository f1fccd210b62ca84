"""The instances of one release: role, launch template, scaling group."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra import access, immutable, names, scaling
from infra.colors.bundled import Bundled, bundled
from infra.colors.instance_role import needs
from infra.colors.machine import machine_image
from infra.colors.platform import Ground, Site
from infra.record import Color, Slot

RENDERING = 2
"""Raise it when this module makes something else from the same settings and bundle: a release is known by it."""


class Fleet(pulumi.ComponentResource):
    """Everything is named after color and fill: another release has other resources.

    Outside the update that renders the release anew, only the capacity bounds may change, and of the color that a
    rollback would go to only the lower one.
    """

    group_name: pulumi.Output[str]

    def __init__(
        self, color: Color, slot: Slot, site: Site, ground: Ground, *, anew: bool, steady: bool = False
    ) -> None:
        name = f"{color}-{slot.fill}"
        super().__init__("bluegreen:index:Fleet", f"{name}-fleet")
        self.name, self.slot, self.anew, self.settings = name, slot, anew, site.settings
        self.steady = steady
        self.tags = {
            **site.settings.own_tags,
            "bluegreen:color": color,
            "bluegreen:fill": str(slot.fill),
            "bluegreen:release": slot.digest,
        }
        boot = bundled(color, slot, site, f"{name}-bundle", self._opts(aws.s3.BucketObjectv2Args))
        profile, policy = self._profile(color, site, boot)
        template = self._template(ground, profile, boot)
        group = self._group(site, ground, template, [policy, *site.behind])
        self.group_name = group.name
        if self.settings.scaling:
            label = pulumi.Output.concat(site.balancer, "/", ground.measured)
            scaling.follow(name, self.settings.scaling, group.name, label, self)
        self.register_outputs({"group": self.group_name})

    def _opts(self, arguments: type) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, ignore_changes=None if self.anew else immutable.inputs(arguments))

    def _profile(self, color: Color, site: Site, boot: Bundled) -> tuple[aws.iam.InstanceProfile, aws.iam.RolePolicy]:
        role = aws.iam.Role(
            f"{self.name}-role",
            assume_role_policy=access.trust("ec2.amazonaws.com"),
            tags=self.tags,
            opts=self._opts(aws.iam.RoleArgs),
        )
        policy = aws.iam.RolePolicy(
            f"{self.name}-policy",
            role=role.name,
            policy=needs(color, self.slot, site, boot).apply(access.instance_policy),
            opts=self._opts(aws.iam.RolePolicyArgs),
        )
        profile = aws.iam.InstanceProfile(
            f"{self.name}-profile", role=role.name, tags=self.tags, opts=self._opts(aws.iam.InstanceProfileArgs)
        )
        return profile, policy

    def _template(self, ground: Ground, profile: aws.iam.InstanceProfile, boot: Bundled) -> aws.ec2.LaunchTemplate:
        chosen = self.settings.compose
        return aws.ec2.LaunchTemplate(
            f"{self.name}-template",
            description=f"{self.settings.project} {self.settings.stack}: release {self.slot.digest}",
            image_id=machine_image(chosen.instance_type, chosen.ami, look_up=self.anew),
            instance_type=chosen.instance_type,
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=profile.arn),
            user_data=boot.user_data,
            network_interfaces=[
                aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                    device_index=0,
                    associate_public_ip_address="false",
                    delete_on_termination="true",
                    security_groups=[ground.security_group],
                )
            ],
            # One hop: a token stays on the host, out of the containers' reach.
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                # Where an instance finds the name of its scaling group.
                instance_metadata_tags="enabled",
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        encrypted="true", volume_size=chosen.volume, volume_type="gp3", delete_on_termination="true"
                    ),
                )
            ],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type="volume", tags=self.tags),
            ],
            tags=self.tags,
            opts=self._opts(aws.ec2.LaunchTemplateArgs),
        )

    def _group(
        self, site: Site, ground: Ground, template: aws.ec2.LaunchTemplate, before: list[pulumi.Resource]
    ) -> aws.autoscaling.Group:
        chosen, floor = self.settings.compose, self.slot.floor
        # Bounds follow the record in every update, so that one that failed half-way is put right by the next.
        # Desired capacity is the scaler's after creation, also in an update that renders in place.
        ignored = ["desiredCapacity"]
        if not self.anew:
            ignored = immutable.inputs(
                aws.autoscaling.GroupArgs, but=("min_size",) if self.steady else ("min_size", "max_size")
            )
        return aws.autoscaling.Group(
            f"{self.name}-group",
            min_size=floor,
            max_size=max(chosen.max, floor) if floor else 0,
            desired_capacity=max(floor, chosen.desired or 0) if floor else 0,
            vpc_zone_identifiers=site.subnets,
            launch_template=aws.autoscaling.GroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
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
