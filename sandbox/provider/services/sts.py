"""Who asks, and where."""

from __future__ import annotations

import functools

from sandbox.engine.protocol import Properties
from sandbox.provider.clients import session
from sandbox.provider.resource import Job


def get_caller_identity(job: Job) -> Properties:
    answer = job.client("sts").get_caller_identity()
    account = answer["Account"]
    return {"accountId": account, "arn": answer["Arn"], "id": account, "userId": answer["UserId"]}


def get_region(job: Job) -> Properties:
    region = job.news.get("name") or job.region
    return {
        "description": _described().get(region, region),
        "endpoint": f"ec2.{region}.amazonaws.com",
        "id": region,
        "name": region,
        "region": region,
    }


@functools.cache
def _described() -> dict[str, str]:
    """What AWS calls its regions, by name."""
    parts = session().get_data("endpoints")["partitions"]
    return {name: str(held["description"]) for part in parts for name, held in part["regions"].items()}


LOOKUPS = {
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getRegion:getRegion": get_region,
}
