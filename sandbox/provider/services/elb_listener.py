"""Listeners and the rules by which they forward."""

from __future__ import annotations

from typing import ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.resource import Job, Resource
from sandbox.provider.schema import Fields, blocks, number, text
from sandbox.provider.services import elb
from sandbox.provider.services.elb_actions import (
    ACTION,
    CONDITION,
    action_problems,
    from_actions,
    from_conditions,
    to_actions,
    to_conditions,
)
from sandbox.provider.tagging import TAGS
from sandbox.provider.values import known_items


class Listener(Resource):
    token = "aws:lb/listener:Listener"
    label = "ELBv2 Listener"
    gone = frozenset({"ListenerNotFound", "LoadBalancerNotFound"})
    inputs: ClassVar[Fields] = {
        "loadBalancerArn": text(required=True, replaces=True),
        "port": number(1, 65535),
        "protocol": text("HTTP", "HTTPS", kept=True),
        "sslPolicy": text(kept=True),
        "certificateArn": text(),
        "defaultActions": blocks(ACTION, ordered=True, required=True),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = action_problems(news["defaultActions"], "defaultActions")
        if news.get("protocol") == "HTTPS" and "certificateArn" not in news:
            found.append(("certificateArn", "an HTTPS listener needs a certificate"))
        if "port" not in news:
            found.append(("port", "a listener of an application load balancer needs a port"))
        return found

    def create(self, job: Job) -> str:
        answer = elb.client(job).create_listener(
            LoadBalancerArn=job.news["loadBalancerArn"], **_listener(job.news), **elb.tagged(job.news)
        )
        return str(answer["Listeners"][0]["ListenerArn"])

    def read(self, job: Job, id_: str) -> Properties | None:
        listeners = elb.client(job).describe_listeners(ListenerArns=[id_])["Listeners"]
        if not listeners:
            return None
        listener = listeners[0]
        certificates = listener.get("Certificates") or [{}]
        return {
            "arn": id_,
            "loadBalancerArn": listener["LoadBalancerArn"],
            "port": listener["Port"],
            "protocol": listener["Protocol"],
            "sslPolicy": (listener.get("SslPolicy") or None) if listener["Protocol"] == "HTTPS" else None,
            "certificateArn": certificates[0].get("CertificateArn"),
            "defaultActions": from_actions(listener["DefaultActions"], job.given("defaultActions")),
            **elb.tags_of(job, id_),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changed - {"tags"}:
            elb.client(job).modify_listener(ListenerArn=id_, **_listener(job.news))
        elb.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        elb.client(job).delete_listener(ListenerArn=id_)


def _listener(news: Properties) -> Properties:
    asked = {
        "Port": news.get("port"),
        "Protocol": news.get("protocol", "HTTP"),
        "SslPolicy": news.get("sslPolicy"),
        "Certificates": [{"CertificateArn": news["certificateArn"]}] if "certificateArn" in news else None,
        "DefaultActions": to_actions(news["defaultActions"]),
    }
    return {name: value for name, value in asked.items() if value is not None}


class ListenerRule(Resource):
    token = "aws:lb/listenerRule:ListenerRule"
    label = "ELBv2 Listener Rule"
    gone = frozenset({"RuleNotFound", "ListenerNotFound"})
    inputs: ClassVar[Fields] = {
        "listenerArn": text(required=True, replaces=True),
        "priority": number(1, 50000, kept=True),
        "actions": blocks(ACTION, ordered=True, required=True),
        "conditions": blocks(CONDITION, required=True),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = action_problems(news["actions"], "actions")
        for index, condition in known_items(news["conditions"]):
            if len(condition) != 1:
                found.append((f"conditions[{index}]", f"exactly one of {', '.join(CONDITION)} must be specified"))
        return found

    def create(self, job: Job) -> str:
        news = job.news
        answer = elb.client(job).create_rule(
            ListenerArn=news["listenerArn"],
            Priority=news.get("priority") or self._next_priority(job),
            Actions=to_actions(news["actions"]),
            Conditions=to_conditions(news["conditions"]),
            **elb.tagged(news),
        )
        return str(answer["Rules"][0]["RuleArn"])

    def read(self, job: Job, id_: str) -> Properties | None:
        rules = elb.client(job).describe_rules(RuleArns=[id_])["Rules"]
        if not rules:
            return None
        rule = rules[0]
        return {
            "arn": id_,
            "listenerArn": job.given("listenerArn") or listener_of(id_),
            "priority": 99999 if rule.get("IsDefault") else int(rule["Priority"]),
            "actions": from_actions(rule["Actions"], job.given("actions")),
            "conditions": from_conditions(rule["Conditions"], job.given("conditions")),
            **elb.tags_of(job, id_),
        }

    def update(self, job: Job, id_: str) -> None:
        client = elb.client(job)
        if job.changes("priority"):
            client.set_rule_priorities(RulePriorities=[{"RuleArn": id_, "Priority": job.news["priority"]}])
        asked: Properties = {}
        if job.changes("actions"):
            asked["Actions"] = to_actions(job.news["actions"])
        if job.changes("conditions"):
            asked["Conditions"] = to_conditions(job.news["conditions"])
        if asked:
            client.modify_rule(RuleArn=id_, **asked)
        elb.update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        elb.client(job).delete_rule(RuleArn=id_)

    @staticmethod
    def _next_priority(job: Job) -> int:
        rules = elb.client(job).describe_rules(ListenerArn=job.news["listenerArn"])["Rules"]
        taken = [int(rule["Priority"]) for rule in rules if not rule.get("IsDefault") and rule["Priority"] != "default"]
        return max(taken, default=0) + 1


def listener_of(rule_arn: str) -> str:
    """AWS writes a rule's ARN as its listener's with one part more."""
    head, _, _ = rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")
    return head


RESOURCES = (Listener(), ListenerRule())
