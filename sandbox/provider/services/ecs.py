"""What ECS's resources share: the client, tags with small letters, and names that may be ARNs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job
from sandbox.provider.schema import Text


@dataclass(frozen=True)
class Named(Text):
    """A name or the ARN that ends in it."""

    def same(self, old: Any, new: Any) -> bool:
        return str(old).rpartition("/")[2] == str(new).rpartition("/")[2]


def ecs(job: Job) -> Any:
    return job.client("ecs")


def tagged(news: Properties) -> dict[str, Any]:
    return {"tags": as_list(news["tags"])} if news.get("tags") else {}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def tag_outputs(tags: Iterable[Mapping[str, Any]] | None) -> Properties:
    return tagging.outputs(tagging.as_map(tags, "key", "value"))


def update_tags(job: Job, arn: str) -> None:
    put, drop = tagging.delta(job)
    if drop:
        ecs(job).untag_resource(resourceArn=arn, tagKeys=drop)
    if put:
        ecs(job).tag_resource(resourceArn=arn, tags=as_list(put))
