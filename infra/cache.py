"""The cache: Redis or Valkey in ElastiCache, over TLS, with a token, in the private subnets."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra.network import Network
from infra.setting_supplies import CACHE_PORT
from infra.setting_supplies import Cache as Chosen
from infra.settings import Settings


class Cache(pulumi.ComponentResource):
    """One primary and its replicas. Both colors use it: what one release writes there, the other reads."""

    environment: pulumi.Output[Mapping[str, str]]
    """How the app finds it. The token is one of the secrets."""

    def __init__(
        self, name: str, settings: Settings, chosen: Chosen, network: Network, token: pulumi.Output[str]
    ) -> None:
        super().__init__("bluegreen:index:Cache", name)
        tags, owned = settings.own_tags, pulumi.ResourceOptions(parent=self)
        self.security_group = aws.ec2.SecurityGroup(
            f"{name}-access",
            description="The cache: open to the colors' instances only",
            vpc_id=network.vpc,
            tags=tags,
            opts=owned,
        )
        subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            description=f"{settings.project} {settings.stack}: the private subnets",
            subnet_ids=network.private_subnets,
            tags=tags,
            opts=owned,
        )
        several = chosen.replicas > 0
        group = aws.elasticache.ReplicationGroup(
            name,
            description=f"{settings.project} {settings.stack}",
            engine=chosen.engine,
            engine_version=chosen.line,
            node_type=chosen.node_type,
            num_cache_clusters=1 + chosen.replicas,
            automatic_failover_enabled=several,
            multi_az_enabled=several,
            port=CACHE_PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[self.security_group.id],
            transit_encryption_enabled=True,
            at_rest_encryption_enabled=True,
            auth_token=token,
            # The old token goes on working beside the new one, so that the release that serves is not locked out.
            auth_token_update_strategy="ROTATE",
            snapshot_retention_limit=chosen.snapshots,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        self.environment = group.primary_endpoint_address.apply(
            lambda host: {
                "CACHE_HOST": host,
                "CACHE_PORT": str(CACHE_PORT),
                "CACHE_URL": f"rediss://{host}:{CACHE_PORT}/0",
            }
        )
        self.register_outputs({"endpoint": group.primary_endpoint_address})
