"""What a color has on a platform whether it is filled or not: its target group, and who may reach it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra import immutable
from infra.colors.platform import Ground, Site
from infra.record import Color


class Footing(pulumi.ComponentResource):
    """Target group and security group of one color on one platform.

    While a release stands here all of it stays as it was when the release was made: a port or a health path that
    changed under running instances would take them out of service.
    """

    def __init__(
        self,
        color: Color,
        platform: str,
        target_type: str,
        port: int,
        site: Site,
        *,
        settled: bool,
        reached: int | None = None,
    ) -> None:
        """`reached`: where its targets listen, if that is another port than the group's."""
        name = f"{color}-{platform}"
        super().__init__("bluegreen:index:Footing", f"{name}-footing")
        settings, check, reached = site.settings, site.settings.health_check, reached or port
        tags = {**settings.own_tags, "bluegreen:color": color}

        def fixed(arguments: type) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, ignore_changes=immutable.inputs(arguments) if settled else None)

        targets = aws.lb.TargetGroup(
            f"{name}-targets",
            vpc_id=site.vpc,
            target_type=target_type,
            port=port,
            protocol="HTTP",
            deregistration_delay=settings.drain,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=check.path,
                protocol="HTTP",
                port="traffic-port",
                interval=check.interval,
                timeout=check.timeout,
                healthy_threshold=check.healthy,
                unhealthy_threshold=check.unhealthy,
                matcher=check.matcher,
            ),
            tags=tags,
            opts=fixed(aws.lb.TargetGroupArgs),
        )
        group = aws.ec2.SecurityGroup(
            f"{name}-instances",
            description=f"Instances of {color}: reachable from the load balancer only",
            vpc_id=site.vpc,
            tags=tags,
            opts=fixed(aws.ec2.SecurityGroupArgs),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-balancer",
            security_group_id=group.id,
            referenced_security_group_id=site.balancer_group,
            ip_protocol="tcp",
            from_port=reached,
            to_port=reached,
            tags=tags,
            opts=fixed(aws.vpc.SecurityGroupIngressRuleArgs),
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-anywhere",
            security_group_id=group.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="-1",
            tags=tags,
            opts=fixed(aws.vpc.SecurityGroupEgressRuleArgs),
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-balancer-out",
            security_group_id=site.balancer_group,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=reached,
            to_port=reached,
            tags=tags,
            opts=fixed(aws.vpc.SecurityGroupEgressRuleArgs),
        )
        self.ground = Ground(targets.arn, group.id, targets.arn_suffix, self)
        self.register_outputs({"targetGroup": targets.arn})
