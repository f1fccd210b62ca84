"""What load balancers, listeners, rules and target groups share: tags and lists of named attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.protocol import Properties
from sandbox.provider import tagging
from sandbox.provider.resource import Job


def client(job: Job) -> Any:
    return job.client("elbv2")


def tagged(news: Properties) -> dict[str, Any]:
    return {"Tags": tagging.as_list(news["tags"])} if news.get("tags") else {}


def tags_of(job: Job, arn: str) -> Properties:
    answer = client(job).describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return tagging.outputs(tagging.as_map(answer[0]["Tags"] if answer else []))


def update_tags(job: Job, arn: str) -> None:
    put, drop = tagging.delta(job)
    if drop:
        client(job).remove_tags(ResourceArns=[arn], TagKeys=drop)
    if put:
        client(job).add_tags(ResourceArns=[arn], Tags=tagging.as_list(put))


def attribute_list(
    news: Properties, names: Mapping[str, str], only: frozenset[str] | None = None
) -> list[dict[str, str]]:
    """The inputs among `names` as AWS's attributes; with `only`, just those."""
    return [
        {"Key": name, "Value": written(news[key])}
        for key, name in names.items()
        if news.get(key) is not None and (only is None or key in only)
    ]


def attribute_outputs(answer: list[dict[str, str]], names: Mapping[str, str], flags: frozenset[str]) -> Properties:
    """AWS's attributes as outputs; numbers are numbers, and `flags` are booleans."""
    values = {held["Key"]: held.get("Value", "") for held in answer}
    outputs: Properties = {}
    for key, name in names.items():
        value = values.get(name)
        if value is None:
            continue
        if key in flags:
            outputs[key] = value == "true"
        else:
            outputs[key] = int(value) if value.isdigit() else value
    return outputs


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def arn_suffix(arn: str, kind: str) -> str:
    """CloudWatch's name for it: the ARN's tail, from `targetgroup/` on; for a balancer what follows `loadbalancer/`."""
    tail = arn.split(":", 5)[-1]
    return tail.removeprefix("loadbalancer/") if kind == "balancer" else tail
