"""The network: a VPC of the stack's own over two zones or more, or one that is there already."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_awsx as awsx

from infra.settings import Settings

_NAT = {
    "single": awsx.ec2.NatGatewayStrategy.SINGLE,
    "per-zone": awsx.ec2.NatGatewayStrategy.ONE_PER_AZ,
    "none": awsx.ec2.NatGatewayStrategy.NONE,
}


class Network(pulumi.ComponentResource):
    """Public subnets for the load balancer, private ones for everything behind it."""

    vpc: pulumi.Input[str]
    public_subnets: pulumi.Input[Any]
    private_subnets: pulumi.Input[Any]

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:Network", name)
        chosen = settings.network
        if chosen.vpc is not None:
            self.vpc = chosen.vpc
            self.public_subnets, self.private_subnets = list(chosen.public_subnets), list(chosen.private_subnets)
        else:
            vpc = awsx.ec2.Vpc(
                f"{settings.project}-{settings.stack}",
                cidr_block=chosen.cidr,
                number_of_availability_zones=chosen.zones,
                nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=_NAT[chosen.gateways]),
                enable_dns_hostnames=True,
                tags=settings.own_tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.vpc, self.public_subnets, self.private_subnets = (
                vpc.vpc_id,
                vpc.public_subnet_ids,
                vpc.private_subnet_ids,
            )
        self.register_outputs({"vpc": self.vpc})
