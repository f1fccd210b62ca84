"""The cluster of a stack's tasks: one, with Container Insights, for both colors and all their fills."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.settings import Settings

PROVIDERS = ("FARGATE", "FARGATE_SPOT")


class Cluster(pulumi.ComponentResource):
    """It holds nothing of a release, so it stays when colors come and go."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:Cluster", name)
        cluster = aws.ecs.Cluster(
            name,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            tags=settings.own_tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.providers = aws.ecs.ClusterCapacityProviders(
            f"{name}-providers",
            cluster_name=cluster.name,
            capacity_providers=list(PROVIDERS),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name, self.arn = cluster.name, cluster.arn
        self.register_outputs({"name": self.name})
