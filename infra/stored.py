"""Reads what is there: the parameters of the stack, its balancer, the live weights, the record in the config.

Plain invokes, whose values are there at once: they run in a preview as in an update, and before any resource.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws

from infra.decision import Copy
from infra.record import (
    COLORS,
    RECORD_KEYS,
    Color,
    Deployed,
    Intent,
    RecordError,
    from_data,
    parse_deployed,
    parse_intent,
)
from infra.refusal import refuse
from infra.settings import NAMESPACE, Settings


def folder(settings: Settings) -> str:
    """Where record, intent and lease lie in the parameter store."""
    return f"/bluegreen/{settings.project}/{settings.stack}"


def parameters(settings: Settings) -> tuple[Deployed | None, Intent | None]:
    """The deployed record and the intent. Raises Refusal for one that can't be read."""
    path = folder(settings)
    try:
        found = aws.ssm.get_parameters_by_path(path=path)
    except Exception as error:
        raise refuse(
            "unreachable",
            f"the parameters below {path} can't be read, so nobody knows what is deployed",
            next(iter(str(error).splitlines()), type(error).__name__),
            "$ aws sts get-caller-identity",
            f"bluegreen -s {settings.stack} status",
        ) from None
    texts = dict(zip((name.rpartition("/")[2] for name in found.names), found.values, strict=True))
    try:
        deployed = parse_deployed(texts["record"]) if "record" in texts else None
    except RecordError as error:
        raise refuse(
            "corrupt-record",
            f"the deployed record can't be read: {path}/record",
            "; ".join(error.problems),
            f"$ aws ssm get-parameter-history --name {path}/record",
            f"$ pulumi -s {settings.stack} stack output record --json",
        ) from None
    try:
        return deployed, parse_intent(texts["intent"]) if "intent" in texts else None
    except RecordError as error:
        raise refuse(
            "corrupt-intent",
            f"a rollback is in progress, but its intent can't be read: {path}/intent",
            "; ".join(error.problems),
            f"bluegreen -s {settings.stack} rollback",
            f"$ aws ssm delete-parameter --name {path}/intent",
        ) from None


def config_copy(config: Mapping[str, Any], settings: Settings) -> Copy:
    """The record keys of the stack's config. Raises Refusal where they make no record."""
    given = {key: _value(config[f"{NAMESPACE}:{key}"]) for key in RECORD_KEYS if f"{NAMESPACE}:{key}" in config}
    based_on = given.pop("basedOn", None)
    if not given:
        return Copy(None, None if based_on is None else str(based_on))
    try:
        return Copy(from_data(given, where=f"{NAMESPACE}:"), None if based_on is None else str(based_on))
    except RecordError as error:
        raise refuse(
            "config-record",
            "the record in this stack's config can't be read",
            "; ".join(error.problems),
            f"bluegreen -s {settings.stack} sync",
        ) from None


def balancer_exists(settings: Settings) -> bool:
    """Whether a load balancer carries this stack's tags."""
    tags = {key: settings.own_tags[key] for key in ("bluegreen:project", "bluegreen:stack")}
    return bool(aws.lb.get_lbs(tags=tags).arns)


def live_weights(deployed: Deployed) -> dict[Color, int] | None:
    """Percent by color as the live production rule forwards; None where it can't be read as that."""
    arn = deployed.rules.get("production")
    if not arn:
        return None
    colors = {group: color for color in COLORS for group in deployed.target_groups.get(color, {}).values()}
    found = dict.fromkeys(COLORS, 0)
    for action in aws.lb.get_listener_rule(arn=arn).actions or ():
        for forward in action.forwards or ():
            for group in forward.target_groups or ():
                if group.arn not in colors:
                    return None
                found[colors[group.arn]] += group.weight
    total = sum(found.values())
    return {color: round(weight * 100 / total) for color, weight in found.items()} if total else None


def _value(value: Any) -> Any:
    """Objects come as JSON text, words as they are; a number that stands alone stays text, as the record has none."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
