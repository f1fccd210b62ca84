"""Tags of everything in ECS, by ARN."""

from typing import Any

from sandbox.cloud.ecs.model import Store
from sandbox.cloud.ecs.refusals import client_error, invalid

MOST = 50
Tags = list[dict[str, str]]


def put(store: Store, arn: str, tags: Tags | None) -> None:
    """Raises Refused."""
    wanted = {tag["key"]: tag.get("value", "") for tag in tags or []}
    for key in wanted:
        if key.lower().startswith("aws:"):
            raise invalid(f"Some tags contain invalid values: {key} begins with aws:, which is reserved.")
    held = store.tags.get(arn, {}) | wanted
    if len([key for key in held if not key.startswith("aws:")]) > MOST:
        raise invalid("The maximum number of tags has been exceeded.")
    if held:
        store.tags[arn] = held


def listed(store: Store, arn: str) -> Tags:
    return [{"key": key, "value": value} for key, value in store.tags.get(arn, {}).items()]


def tag(store: Store, params: dict[str, Any]) -> dict[str, Any]:
    put(store, _known(store, params.get("resourceArn") or ""), params.get("tags"))
    return {}


def untag(store: Store, params: dict[str, Any]) -> dict[str, Any]:
    held = store.tags.get(_known(store, params.get("resourceArn") or ""), {})
    for key in params.get("tagKeys") or []:
        held.pop(key, None)
    return {}


def list_of(store: Store, params: dict[str, Any]) -> dict[str, Any]:
    return {"tags": listed(store, _known(store, params.get("resourceArn") or ""))}


def _known(store: Store, arn: str) -> str:
    """Raises Refused for what isn't there."""
    kinds = (
        (each.arn for each in store.clusters.values()),
        (each.arn for each in store.services.values()),
        (each.arn for each in store.tasks.values()),
        (each.arn for held in store.families.values() for each in held),
    )
    if not arn.startswith("arn:"):
        raise invalid("Invalid ARN.")
    if not any(arn == known for kind in kinds for known in kind):
        raise (
            client_error("The specified resource is not found.")
            if ":task-definition/" in arn
            else invalid("The specified resource is not found.")
        )
    return arn
