"""AWS through botocore: the only room that talks to it. Says what was refused in the driver's own errors.

botocore's clients are used directly: boto3's resources are not needed, and a rollback would wait for their import.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import botocore.config
import botocore.loaders
import botocore.session

from driver.cloud.account import Credentials, assumed
from driver.cloud.failures import spoken
from driver.errors import Busy, Failure, Invalid
from driver.release.freeze import sentence
from driver.release.once import parse as parse_once
from driver.release.snapshot import Rule, Stored, Target
from infra.record import parse_deployed, parse_intent

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from driver.cloud.rollouts import Rollouts
    from driver.cloud.scan import Ecr
    from driver.ports import Runs
    from driver.release.history import Version
    from driver.release.lines import Line
    from driver.release.signals import Alarm, Served
    from driver.release.snapshot import Capacity, Crew
    from infra.record import Color

# Three attempts within seconds: a rollback must not hang on a connection that leads nowhere.
_CONFIG = botocore.config.Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})


_SERVICES = (
    "application-autoscaling",
    "autoscaling",
    "cloudwatch",
    "ecr",
    "ecs",
    "elbv2",
    "logs",
    "sns",
    "ssm",
    "sts",
)


class _FewServices(botocore.loaders.Loader):
    """Finds the services used here without looking through all of botocore's: a rollback would wait for that."""

    def __init__(self, session: botocore.session.Session) -> None:
        own = session.get_config_variable("data_path")
        super().__init__(extra_search_paths=own.split(os.pathsep) if own else None)

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - each has every type of file
        return list(_SERVICES)


class AwsCloud:
    """One stack's AWS. Its clients are made when they are first needed, and may be used by several threads."""

    def __init__(self, project: str, stack: str, credentials: Credentials) -> None:
        self.path = f"/bluegreen/{project}/{stack}"
        self._credentials = credentials
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            if os.environ.get(name) == "":
                del os.environ[name]  # botocore looks for a profile without a name; for Pulumi's provider it is none
        with spoken(self.path):
            self._session = botocore.session.Session(profile=credentials.profile)
            self._session.register_component("data_loader", _FewServices(self._session))
            if credentials.roles:
                assumed(self._session, credentials, _CONFIG)
            self.region = credentials.region or self._session.get_config_variable("region") or ""

    def account(self) -> str:
        with spoken("who is calling"):
            return cast("STSClient", self._client("sts")).get_caller_identity()["Account"]

    def stored(self) -> Stored:
        found = self._parameters()
        texts = {name: entry["Value"] for name, entry in found.items()}
        arns = [entry.get("ARN", "").split(":") for entry in found.values()]
        with spoken(f"parameters under {self.path}"):
            return Stored(
                deployed=parse_deployed(texts["record"]) if "record" in texts else None,
                intent=parse_intent(texts["intent"]) if "intent" in texts else None,
                freeze=sentence(texts.get("freeze", "")),
                watcher=texts.get("driver", ""),
                once=parse_once(texts["run"]) if "run" in texts else None,
                account=next((arn[4] for arn in arns if len(arn) > 4), ""),
            )

    def watcher(self) -> str:
        found = self._parameters().get("driver")
        return str(found["Value"]) if found else ""

    def _parameters(self) -> Mapping[str, Any]:
        with spoken(f"parameters under {self.path}"):
            answer = self._ssm.get_parameters_by_path(Path=self.path)
        return {entry["Name"].rpartition("/")[2]: entry for entry in answer["Parameters"]}

    def versions(self) -> tuple[Version, ...]:
        """Every version of the record that is still kept, oldest first."""
        from driver.release.history import Version  # a rollback would wait for it

        found: list[Version] = []
        name, more = f"{self.path}/record", dict[str, Any]()
        try:
            with spoken(f"the history of {name}"):
                while True:
                    answer = self._ssm.get_parameter_history(Name=name, MaxResults=50, **more)
                    found += [
                        Version(one["Version"], one["LastModifiedDate"], one["Value"]) for one in answer["Parameters"]
                    ]
                    if not answer.get("NextToken"):
                        return tuple(found)
                    more = {"NextToken": answer["NextToken"]}
        except LookupError:
            return ()

    def denied(self, service: str, operation: str, **asked: Any) -> str:
        """Why AWS refuses a call to these credentials; empty where it doesn't, whatever else it says of it."""
        try:
            with spoken(service):
                getattr(self._client(service), operation)(**asked)
        except Invalid as failure:
            return failure.why or failure.what
        except (Failure, LookupError):
            return ""
        return ""

    def rules(self, arns: Sequence[str]) -> Mapping[str, Rule]:
        wanted = [arn for arn in arns if arn]
        if not wanted:
            return {}
        try:
            with spoken("the listener rules"):
                found = self._elb.describe_rules(RuleArns=wanted)["Rules"]
        except LookupError:
            # One missing rule fails the call for all of them: then each is asked for alone.
            if len(wanted) == 1:
                return {}
            return {key: rule for arn in wanted for key, rule in self.rules([arn]).items()}
        return {rule["RuleArn"]: _forwarding(cast("Mapping[str, Any]", rule)) for rule in found}

    def health(self, target_group: str) -> tuple[Target, ...]:
        try:
            with spoken("target health"):
                found = self._elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        except LookupError:
            return ()
        return tuple(_target(cast("Mapping[str, Any]", entry)) for entry in found)

    def capacity(self, names: Sequence[str]) -> Mapping[str, Capacity]:
        from driver.cloud.fleets import capacities  # a rollback would wait for it

        return capacities(self._client, names)

    def crews(self, names: Sequence[str]) -> Mapping[str, Crew]:
        from driver.cloud.services import crews

        return crews(self._client("ecs"), names)

    def image(self, reference: str) -> str:
        return self.registry().resolved(reference, self.region, self.account)

    def registry(self) -> Ecr:
        from driver.cloud.scan import Ecr  # a rollback would wait for it

        return Ecr(self._client("ecr"))

    def forward(self, rule: Rule) -> None:
        stickiness: dict[str, Any] = {"Enabled": rule.sticky > 0}
        if rule.sticky:
            stickiness["DurationSeconds"] = rule.sticky
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in rule.shares.items()]
        forward = {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}
        with spoken(f"the rule {rule.arn}"):
            self._elb.modify_rule(RuleArn=rule.arn, Actions=cast(Any, [{"Type": "forward", "ForwardConfig": forward}]))

    def alarms(self, names: Sequence[str], since: datetime | None = None) -> Mapping[str, Alarm]:
        from driver.cloud.metrics import alarms  # a rollback would wait for it

        return alarms(self._client("cloudwatch"), names, since)

    def served(self, target_group: str, rule: str, since: datetime) -> Served:
        from driver.cloud.metrics import served

        return served(self._client("cloudwatch"), target_group, rule, since)

    def log_group(self, color: Color) -> str:
        return f"{self.path}/{color}"

    def log_lines(self, color: Color, since: datetime, limit: int) -> Sequence[Line]:
        from driver.cloud.logs import lines

        return lines(self._client("logs"), self.log_group(color), since, limit)

    def launch_failures(self, group: str, color: Color, template: str = "") -> tuple[str, ...]:
        from driver.cloud.fleets import failures

        return failures(self._client, group, self.log_group(color), template)

    def put_record(self, text: str) -> None:
        self._put("record", text)

    def put_intent(self, text: str) -> None:
        self._put("intent", text)

    def drop_intent(self) -> None:
        self._drop("intent")

    def put_driver(self, text: str) -> None:
        self._put("driver", text)

    def drop_driver(self) -> None:
        self._drop("driver")

    def put_freeze(self, text: str) -> None:
        self._put("freeze", text)

    def drop_freeze(self) -> None:
        self._drop("freeze")

    def put_once(self, text: str) -> None:
        self._put("run", text)

    def drop_once(self) -> None:
        self._drop("run")

    def claim(self, name: str, text: str) -> str:
        path = f"{self.path}/claims"
        try:
            with spoken(f"{path}/{name}"):
                self._ssm.put_parameter(Name=f"{path}/{name}", Value=text, Type="String", Overwrite=False)
        except FileExistsError:
            found = self._claims().get(name)
            if found is None:
                why = "its claim is there and can't be read yet"
                raise Busy("another driver is about to begin the same", why, ("status",)) from None
            return found
        return text

    def drop_claims(self) -> None:
        for name in self._claims():
            self._drop(f"claims/{name}")

    def _claims(self) -> dict[str, str]:
        with spoken(f"{self.path}/claims"):
            pages = self._ssm.get_paginator("get_parameters_by_path").paginate(Path=f"{self.path}/claims")
            return {one["Name"].rpartition("/")[2]: one["Value"] for page in pages for one in page["Parameters"]}

    def runs(self, name: str) -> Runs:
        from driver.cloud.runs import runs  # a rollback would wait for it

        return runs(self._client, name)

    def publish(self, topic: str, subject: str, message: str) -> None:
        with spoken(f"the topic {topic}"):
            cast("SNSClient", self._client("sns")).publish(TopicArn=topic, Subject=subject, Message=message)

    def _put(self, name: str, text: str) -> None:
        with spoken(f"{self.path}/{name}"):
            self._ssm.put_parameter(Name=f"{self.path}/{name}", Value=text, Type="String", Overwrite=True)

    def _drop(self, name: str) -> None:
        try:
            with spoken(f"{self.path}/{name}"):
                self._ssm.delete_parameter(Name=f"{self.path}/{name}")
        except LookupError:
            return

    def rollouts(self) -> Rollouts:
        from driver.cloud.rollouts import Rollouts  # most rollbacks need none

        return Rollouts(self._client)

    def set_desired(self, name: str, desired: int) -> None:
        from driver.cloud.fleets import set_desired

        set_desired(self._client, name, desired)

    def warm(self, *services: str) -> None:
        """Makes clients ahead of their first use."""
        for service in services:
            self._client(service)

    def _client(self, service: str) -> Any:
        with self._lock:  # a session may not make clients in two threads at once
            if service not in self._clients:
                with spoken(service):
                    self._clients[service] = self._session.create_client(
                        service, region_name=self.region or None, config=_CONFIG
                    )
            return self._clients[service]

    @property
    def _elb(self) -> ElasticLoadBalancingv2Client:
        return cast("ElasticLoadBalancingv2Client", self._client("elbv2"))

    @property
    def _ssm(self) -> SSMClient:
        return cast("SSMClient", self._client("ssm"))


def _forwarding(rule: Mapping[str, Any]) -> Rule:
    for action in rule.get("Actions", []):
        forward = action.get("ForwardConfig") or {}
        shares = {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in forward.get("TargetGroups", [])}
        if not shares and action.get("TargetGroupArn"):
            shares = {action["TargetGroupArn"]: 100}
        if shares:
            sticky = forward.get("TargetGroupStickinessConfig") or {}
            return Rule(
                rule["RuleArn"], shares, int(sticky.get("DurationSeconds") or 0) if sticky.get("Enabled") else 0
            )
    return Rule(rule["RuleArn"], {})


def _target(entry: Mapping[str, Any]) -> Target:
    health = entry.get("TargetHealth", {})
    reason = " ".join(part for part in (health.get("Reason", ""), health.get("Description", "")) if part)
    asked = entry["Target"]
    return Target(asked["Id"], health.get("State", "unknown"), reason, int(asked.get("Port") or 0))
