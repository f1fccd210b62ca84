"""The actions and conditions of listeners and rules: forward by weights, fixed answers, redirects."""

from __future__ import annotations

from typing import Any

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import ordered_like
from sandbox.provider.schema import block, blocks, flag, number, text, texts
from sandbox.provider.shapes import from_aws, to_aws
from sandbox.provider.values import known_items

ACTION = {
    "type": text("forward", "fixed-response", "redirect", required=True),
    "order": number(1, 50000, kept=True),
    "targetGroupArn": text(kept=True),
    "forward": block(
        {
            "targetGroups": blocks(
                {"arn": text(required=True), "weight": number(0, 999, default=1)}, key="arn", most=5, required=True
            ),
            "stickiness": block({"duration": number(1, 604800, required=True), "enabled": flag(False)}, kept=True),
        },
        kept=True,
    ),
    "fixedResponse": block(
        {
            "contentType": text(
                "text/plain", "text/css", "text/html", "application/javascript", "application/json", required=True
            ),
            "messageBody": text(longest=1024),
            "statusCode": text(kept=True),
        }
    ),
    "redirect": block(
        {
            "host": text(default="#{host}"),
            "path": text(default="/#{path}"),
            "port": text(default="#{port}"),
            "protocol": text("HTTP", "HTTPS", "#{protocol}", default="#{protocol}"),
            "query": text(default="#{query}"),
            "statusCode": text("HTTP_301", "HTTP_302", required=True),
        }
    ),
}

_VALUES = {"values": texts(required=True)}
CONDITION = {
    "hostHeader": block(_VALUES),
    "httpHeader": block({"httpHeaderName": text(required=True), **_VALUES}),
    "httpRequestMethod": block(_VALUES),
    "pathPattern": block(_VALUES),
    "queryStrings": blocks({"key": text(), "value": text(required=True)}),
    "sourceIp": block(_VALUES),
}
_FIELDS = {
    "hostHeader": ("host-header", "HostHeaderConfig"),
    "httpHeader": ("http-header", "HttpHeaderConfig"),
    "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
    "pathPattern": ("path-pattern", "PathPatternConfig"),
    "queryStrings": ("query-string", "QueryStringConfig"),
    "sourceIp": ("source-ip", "SourceIpConfig"),
}


def action_problems(actions: Any, path: str) -> list[tuple[str, str]]:
    needed = {"fixed-response": ("fixedResponse",), "redirect": ("redirect",), "forward": ("targetGroupArn", "forward")}
    found = []
    for index, action in known_items(actions):
        one_of = needed.get(action["type"], ())
        if one_of and not any(key in action for key in one_of):
            found.append((f"{path}[{index}]", f"a {action['type']} action needs {' or '.join(one_of)}"))
    return found


def to_actions(actions: list[Properties]) -> list[dict[str, Any]]:
    """As AWS takes them. A single group goes as `TargetGroupArn`, several with their weights as `ForwardConfig`."""
    asked = []
    for index, action in enumerate(actions):
        one: dict[str, Any] = {"Type": action["type"], "Order": action.get("order") or index + 1}
        if action["type"] == "forward" and action.get("forward"):
            one["ForwardConfig"] = _forward_config(action["forward"])
        elif action["type"] == "forward":
            one["TargetGroupArn"] = action["targetGroupArn"]
        elif action["type"] == "fixed-response":
            one["FixedResponseConfig"] = to_aws(action["fixedResponse"])
        else:
            one["RedirectConfig"] = to_aws(action["redirect"])
        asked.append(one)
    return asked


def _forward_config(forward: Properties) -> dict[str, Any]:
    config: dict[str, Any] = {
        "TargetGroups": [
            {"TargetGroupArn": group["arn"], "Weight": group.get("weight", 1)} for group in forward["targetGroups"]
        ]
    }
    sticky = forward.get("stickiness")
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": sticky["enabled"], "DurationSeconds": sticky["duration"]}
    return config


def from_actions(answer: list[dict[str, Any]], known: list[Properties] | None) -> list[Properties]:
    """As outputs, shaped as they were asked for: AWS answers a forward both ways whichever way it was written."""
    actions = []
    for index, one in enumerate(sorted(answer, key=lambda held: held.get("Order", 0))):
        before = known[index] if known and index < len(known) else {}
        action: Properties = {"type": one["Type"], "order": one.get("Order") or index + 1}
        if one["Type"] == "forward":
            action |= _forward(one, before)
        elif one["Type"] == "fixed-response":
            action["fixedResponse"] = from_aws(one["FixedResponseConfig"])
        else:
            action["redirect"] = from_aws(one["RedirectConfig"])
        actions.append(action)
    return actions


def _forward(one: dict[str, Any], before: Properties) -> Properties:
    config = one.get("ForwardConfig") or {}
    groups = [
        {"arn": group["TargetGroupArn"], "weight": group.get("Weight", 1)} for group in config.get("TargetGroups", [])
    ]
    single = one.get("TargetGroupArn") or (groups[0]["arn"] if len(groups) == 1 else None)
    wanted_single = not before.get("forward") and single is not None and len(groups) <= 1
    if wanted_single:
        return {"targetGroupArn": single}
    asked = (before.get("forward") or {}).get("targetGroups")
    forward: Properties = {"targetGroups": ordered_like(groups, asked, key=lambda group: group["arn"])}
    sticky = config.get("TargetGroupStickinessConfig")
    if sticky:
        duration = sticky.get("DurationSeconds") or ((before.get("forward") or {}).get("stickiness") or {}).get(
            "duration"
        )
        forward["stickiness"] = {"enabled": sticky.get("Enabled", False), "duration": duration}
    return {"forward": forward}


def to_conditions(conditions: list[Properties]) -> list[dict[str, Any]]:
    asked = []
    for condition in conditions:
        for key, (field, config) in _FIELDS.items():
            held = condition.get(key)
            if not held:
                continue
            if key == "queryStrings":
                asked.append({"Field": field, config: {"Values": to_aws(held)}})
            else:
                asked.append({"Field": field, config: to_aws(held)})
    return asked


def from_conditions(answer: list[dict[str, Any]], known: list[Properties] | None) -> list[Properties]:
    conditions: list[Properties] = []
    fields = {field: (key, config) for key, (field, config) in _FIELDS.items()}
    for one in answer:
        key, config = fields[one["Field"]]
        held = one.get(config) or {"Values": one.get("Values", [])}
        conditions.append({key: from_aws(held["Values"]) if key == "queryStrings" else from_aws(held)})
    return ordered_like(conditions, known, key=lambda held: next(iter(held), ""))
