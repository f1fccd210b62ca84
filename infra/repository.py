"""The ECR repository of a stack's image, where the stack makes it."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.images import parse_image
from infra.settings import Settings

LIVE = "live-"
"""Tags that begin so are put by `deploy` on images that a record names."""
# More than a repository may hold, so this rule never expires anything; an image that it applies to is out of reach of
# the rules behind it.
_NEVER = 100_000


class Repository(pulumi.ComponentResource):
    """Scanned on push; a tag that was pushed stays what it is."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("bluegreen:index:Repository", name)
        repository = aws.ecr.Repository(
            name,
            name=parse_image(settings.image).name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")],
            tags=settings.own_tags,
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=lifecycle(settings.registry.keep, settings.registry.untagged),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = repository.repository_url
        self.register_outputs({"url": repository.repository_url})


def lifecycle(keep: int, untagged: int) -> str:
    """What runs stays; of the rest the newest images, and untagged ones for some days. ECR wants `any` last."""
    expire = {"type": "expire"}

    def rule(priority: int, description: str, **selection: Any) -> dict[str, Any]:
        return {"rulePriority": priority, "description": description, "selection": selection, "action": expire}

    newest = {"countType": "imageCountMoreThan"}
    rules = [
        rule(1, "what a stack runs stays", tagStatus="tagged", tagPrefixList=[LIVE], **newest, countNumber=_NEVER),
        rule(
            2,
            f"untagged images go after {untagged} days",
            tagStatus="untagged",
            countType="sinceImagePushed",
            countUnit="days",
            countNumber=untagged,
        ),
        rule(3, f"the newest {keep} images stay", tagStatus="any", **newest, countNumber=keep),
    ]
    return json.dumps({"rules": rules})
