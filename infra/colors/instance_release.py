"""What one release brings to a color's instances: its bundle, the leave to read that, and the launch template."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra import access
from infra.colors.bundled import Bundled, bundled
from infra.colors.instance_role import needs
from infra.colors.machine import machine_image
from infra.colors.platform import Ground, Site
from infra.colors.released import Released, Standing
from infra.record import Color, Slot


class InstanceRelease(Released):
    """A release on instances."""

    def __init__(
        self,
        color: Color,
        slot: Slot,
        site: Site,
        ground: Ground,
        role: aws.iam.Role,
        profile: aws.iam.InstanceProfile,
        standing: Standing,
    ) -> None:
        super().__init__("InstanceRelease", color, slot, site.settings, standing)
        boot = bundled(color, slot, site, f"{self.name}-bundle", self._opts(aws.s3.BucketObjectv2Args, "bundle"))
        self.policy = aws.iam.RolePolicy(
            f"{self.name}-policy",
            role=role.name,
            policy=needs(color, slot, site, boot).apply(access.instance_policy),
            opts=self._opts(aws.iam.RolePolicyArgs, "policy"),
        )
        self.template = self._template(ground, profile, boot)
        self.version = self.template.latest_version.apply(str)
        self.launched_from = pulumi.Output.concat(self.template.id, ":", self.version)
        self.register_outputs({"template": self.launched_from})

    def _template(self, ground: Ground, profile: aws.iam.InstanceProfile, boot: Bundled) -> aws.ec2.LaunchTemplate:
        chosen = self.settings.compose
        return aws.ec2.LaunchTemplate(
            f"{self.name}-template",
            description=f"{self.settings.project} {self.settings.stack}: release {self.slot.digest}",
            image_id=machine_image(chosen.instance_type, chosen.ami, look_up=self.standing.anew),
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
            opts=self._opts(aws.ec2.LaunchTemplateArgs, "template"),
        )
