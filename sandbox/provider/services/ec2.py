"""What all of EC2's resources share: tags at creation and later, ARNs, and asking for one thing by its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job


def tagged(kind: str, tags: Mapping[str, str] | None) -> dict[str, Any]:
    """The argument that tags a new `kind`; none where there are no tags, as AWS refuses an empty one."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tagging.as_list(tags)}]} if tags else {}


def update_tags(job: Job, id_: str) -> None:
    put, drop = tagging.delta(job)
    if drop:
        job.client("ec2").delete_tags(Resources=[id_], Tags=[{"Key": key} for key in drop])
    if put:
        job.client("ec2").create_tags(Resources=[id_], Tags=tagging.as_list(put))


def arn(job: Job, owner: str, path: str) -> str:
    return f"arn:aws:ec2:{job.region}:{owner}:{path}"


def only(items: list[Any]) -> Any | None:
    return items[0] if items else None


def tags_of(answer: Mapping[str, Any]) -> Properties:
    return tagging.outputs(tagging.as_map(answer.get("Tags")))
