"""Finding load balancers and rules that are there."""

from __future__ import annotations

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.provider.resource import Job
from sandbox.provider.services import elb
from sandbox.provider.services.elb_actions import from_actions, from_conditions
from sandbox.provider.services.elb_balancer import LoadBalancer
from sandbox.provider.services.elb_listener import listener_of


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


def get_listener_rule(job: Job) -> Properties:
    """By arn, or by listener and priority. Every block is a list here, unlike in the resource."""
    wanted = job.news
    asked = {"RuleArns": [wanted["arn"]]} if "arn" in wanted else {"ListenerArn": wanted["listenerArn"]}
    rules = elb.client(job).describe_rules(**asked)["Rules"]
    if "arn" not in wanted:
        rules = [rule for rule in rules if rule["Priority"] == str(wanted["priority"])]
    if len(rules) != 1:
        raise ProviderError(f"{len(rules)} ELBv2 Listener Rules found, wanted exactly one")
    arn = rules[0]["RuleArn"]
    actions = from_actions(rules[0]["Actions"], None)
    conditions = from_conditions(rules[0]["Conditions"], None)
    return {
        "actions": [_action(action) for action in actions],
        "arn": arn,
        "conditions": [{_PLURALS[key]: [held] for key, held in condition.items()} for condition in conditions],
        "listenerArn": wanted.get("listenerArn") or listener_of(arn),
        "priority": 99999 if rules[0].get("IsDefault") else int(rules[0]["Priority"]),
        "region": job.region,
        "tags": elb.tags_of(job, arn)["tags"],
    }


_PLURALS = {
    "hostHeader": "hostHeaders",
    "httpHeader": "httpHeaders",
    "httpRequestMethod": "httpRequestMethods",
    "pathPattern": "pathPatterns",
    "queryStrings": "queryStrings",
    "sourceIp": "sourceIps",
}


def _action(action: Properties) -> Properties:
    listed: Properties = {"type": action["type"], "order": action["order"]}
    forward = action.get("forward")
    if "targetGroupArn" in action:
        forward = {"targetGroups": [{"arn": action["targetGroupArn"], "weight": 1}]}
    if forward:
        sticky = forward.get("stickiness") or {"enabled": False, "duration": 0}
        listed["forwards"] = [{"targetGroups": forward["targetGroups"], "stickinesses": [sticky]}]
    for key, plural in (("fixedResponse", "fixedResponses"), ("redirect", "redirects")):
        if key in action:
            listed[plural] = [action[key]]
    return listed


LOOKUPS = {
    "aws:lb/getListenerRule:getListenerRule": get_listener_rule,
    "aws:lb/getLoadBalancer:getLoadBalancer": get_load_balancer,
    "aws:lb/getLbs:getLbs": get_load_balancers,
}
