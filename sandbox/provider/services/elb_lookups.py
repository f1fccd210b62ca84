"""Finding load balancers that are there."""

from __future__ import annotations

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider.resource import Job
from sandbox.provider.services import elb
from sandbox.provider.services.elb_balancer import LoadBalancer


def get_load_balancer(job: Job) -> Properties:
    """By arn, by name, or by tags; there must be exactly one."""
    client = elb.client(job)
    wanted = job.news
    asked = {"LoadBalancerArns": [wanted["arn"]]} if "arn" in wanted else {}
    if "name" in wanted and not asked:
        asked = {"Names": [wanted["name"]]}
    arns = [held["LoadBalancerArn"] for held in client.describe_load_balancers(**asked)["LoadBalancers"]]
    if wanted.get("tags"):
        arns = [arn for arn in arns if wanted["tags"].items() <= elb.tags_of(job, arn)["tags"].items()]
    if len(arns) != 1:
        found = "no" if not arns else f"{len(arns)} matching"
        raise ProviderError(f"{found} ELBv2 Load Balancer found; use additional constraints to find exactly one")
    outputs = LoadBalancer().read(job, arns[0]) or {}
    outputs.pop("tagsAll", None)
    return {**outputs, "id": arns[0], "region": job.region}


def get_load_balancers(job: Job) -> Properties:
    """The ARNs of all that carry the tags; an empty list where none does."""
    pages = elb.client(job).get_paginator("describe_load_balancers").paginate()
    arns = [balancer["LoadBalancerArn"] for page in pages for balancer in page["LoadBalancers"]]
    wanted = job.news.get("tags") or {}
    if wanted:
        arns = [arn for arn in arns if wanted.items() <= elb.tags_of(job, arn)["tags"].items()]
    return {"arns": arns, "id": job.region, "region": job.region, **({"tags": wanted} if wanted else {})}


LOOKUPS = {
    "aws:lb/getLoadBalancer:getLoadBalancer": get_load_balancer,
    "aws:lb/getLbs:getLbs": get_load_balancers,
}
