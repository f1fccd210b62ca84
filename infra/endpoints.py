"""VPC endpoints: what instances call of AWS, reached without a way out of the VPC."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.network import Network
from infra.settings import Settings

# What an instance calls from its boot to its end: its image (ecr.*; the layers themselves come from S3), a session
# (ssm*), its secrets, its log, its metrics (monitoring), its group's name (ec2: DescribeTags), its lifecycle hook
# (autoscaling), and the token service behind a role.
INTERFACES = (
    "ecr.api",
    "ecr.dkr",
    "ssm",
    "ssmmessages",
    "secretsmanager",
    "logs",
    "monitoring",
    "ec2",
    "autoscaling",
    "sts",
)


class Endpoints(pulumi.ComponentResource):
    """A gateway for S3, an interface in each private subnet for every other service."""

    def __init__(self, name: str, settings: Settings, network: Network, region: str) -> None:
        super().__init__("bluegreen:index:Endpoints", name)
        self.security_group = aws.ec2.SecurityGroup(
            f"{name}-access",
            description="The VPC endpoints: open to the colors' instances only",
            vpc_id=network.vpc,
            tags=settings.own_tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        found = aws.ec2.get_route_tables_output(
            vpc_id=network.vpc,
            filters=pulumi.Output.from_input(network.private_subnets).apply(
                lambda ids: [aws.ec2.GetRouteTablesFilterArgs(name="association.subnet-id", values=ids)]
            ),
            # Of a VPC that is being made the tables are there before their subnets have joined them.
            opts=pulumi.InvokeOutputOptions(depends_on=[network]),
        )
        # Amazon Linux's packages and the layers of images in ECR lie in S3, and only a gateway serves the former.
        gateway = aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=network.vpc,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=found.ids,
            tags={**settings.own_tags, "Name": f"{settings.project}-{settings.stack}-s3"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        interfaces = [
            aws.ec2.VpcEndpoint(
                f"{name}-{service.replace('.', '-')}",
                vpc_id=network.vpc,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=network.private_subnets,
                security_group_ids=[self.security_group.id],
                # So that every tool finds them under the service's usual name.
                private_dns_enabled=True,
                tags={**settings.own_tags, "Name": f"{settings.project}-{settings.stack}-{service}"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for service in INTERFACES
        ]
        self.all: list[pulumi.Resource] = [gateway, *interfaces]
        self.register_outputs({"securityGroup": self.security_group.id})
