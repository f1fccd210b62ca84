"""Tags: AWS's lists of keys and values, Pulumi's maps, and the calls that turn one into the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.provider.resource import Job
from sandbox.provider.schema import Input, labels

TAGS: dict[str, Input] = {"tags": labels()}


def as_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def as_map(tags: Iterable[Mapping[str, Any]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Without the tags that AWS itself puts on."""
    return {tag[key]: tag.get(value, "") for tag in tags or () if not tag[key].startswith("aws:")}


def outputs(tags: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {"tags": dict(tags), "tagsAll": dict(tags)}


def delta(job: Job) -> tuple[dict[str, str], list[str]]:
    """The tags to set and the keys to remove."""
    old, new = job.olds.get("tagsAll") or job.olds.get("tags") or {}, job.news.get("tags") or {}
    put = {key: value for key, value in new.items() if old.get(key) != value}
    return put, sorted(old.keys() - new.keys())
