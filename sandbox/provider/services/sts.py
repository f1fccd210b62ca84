"""Who asks, and where."""

from __future__ import annotations

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job


def get_caller_identity(job: Job) -> Properties:
    answer = job.client("sts").get_caller_identity()
    account = answer["Account"]
    return {"accountId": account, "arn": answer["Arn"], "id": account, "userId": answer["UserId"]}


def get_region(job: Job) -> Properties:
    import botocore.session

    region = job.news.get("name") or job.region
    endpoints = botocore.session.Session().get_data("endpoints")
    regions = {name: held for part in endpoints["partitions"] for name, held in part["regions"].items()}
    return {
        "description": regions.get(region, {}).get("description", region),
        "endpoint": f"ec2.{region}.amazonaws.com",
        "id": region,
        "name": region,
        "region": region,
    }


LOOKUPS = {
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getRegion:getRegion": get_region,
}
