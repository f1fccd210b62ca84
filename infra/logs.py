"""The log groups: one for each color, made by the stack, so that what is written there ends one day."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra import names
from infra.record import COLORS
from infra.settings import Settings


class Logs(pulumi.ComponentResource):
    """They belong to no fill: why a release never got ready is read when it is gone."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:Logs", name)
        self.groups: list[pulumi.Resource] = [
            aws.cloudwatch.LogGroup(
                f"{name}-{color}",
                name=names.log_group(settings, color),
                retention_in_days=settings.log_retention,
                tags={**settings.own_tags, "bluegreen:color": color},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for color in COLORS
        ]
        self.register_outputs({"names": [names.log_group(settings, color) for color in COLORS]})
