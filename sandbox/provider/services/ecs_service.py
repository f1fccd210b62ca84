"""ECS services."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Change, Properties, ProviderError
from sandbox.provider.comparing import Changes
from sandbox.provider.refusals import error_code
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Input, Naming, block, blocks, flag, labels, number, text, texts
from sandbox.provider.services.ecs import Named, ecs, tag_outputs, tagged, update_tags
from sandbox.provider.tagging import TAGS

# What makes UpdateService take an input along when it changed.
_UPDATED = {
    "taskDefinition",
    "desiredCount",
    "networkConfiguration",
    "loadBalancers",
    "capacityProviderStrategies",
    "deploymentMaximumPercent",
    "deploymentMinimumHealthyPercent",
    "deploymentCircuitBreaker",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableEcsManagedTags",
    "propagateTags",
    "platformVersion",
    "availabilityZoneRebalancing",
    "forceNewDeployment",
    "triggers",
}
_CONFIGURATION = (
    "deploymentMaximumPercent",
    "deploymentMinimumHealthyPercent",
    "deploymentCircuitBreaker",
    "deploymentConfiguration",
)
LONGEST_WAIT = 1200.0  # seconds: 20 minutes, as AWS's provider waits


class Service(Resource):
    token = "aws:ecs/service:Service"
    label = "ECS Service"
    gone = frozenset({"ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"})
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "cluster": Input(Named(), kept=True, replaces=True),
        "taskDefinition": Input(Named()),
        "desiredCount": number(0),
        "launchType": text("EC2", "FARGATE", "EXTERNAL", kept=True, replaces=True),
        "capacityProviderStrategies": blocks(
            {
                "capacityProvider": text(required=True),
                "base": number(0, 100000, default=0),
                "weight": number(0, 1000, default=0),
            },
            key="capacityProvider",
        ),
        "platformVersion": text(kept=True),
        "networkConfiguration": block(
            {"subnets": texts(required=True), "securityGroups": texts(), "assignPublicIp": flag(False)}
        ),
        "loadBalancers": blocks(
            {
                "targetGroupArn": text(required=True),
                "containerName": text(required=True),
                "containerPort": number(0, 65536, required=True),
            },
            key="targetGroupArn",
        ),
        "deploymentMaximumPercent": number(0, default=200),
        "deploymentMinimumHealthyPercent": number(0, default=100),
        "deploymentCircuitBreaker": block({"enable": flag(required=True), "rollback": flag(required=True)}, kept=True),
        "deploymentConfiguration": block(
            {"strategy": text(kept=True), "bakeTimeInMinutes": text(kept=True)}, kept=True
        ),
        "deploymentController": block({"type": text(default="ECS")}, kept=True, replaces=True),
        "schedulingStrategy": text("REPLICA", "DAEMON", default="REPLICA", replaces=True),
        "healthCheckGracePeriodSeconds": number(0, 2147483647),
        "enableExecuteCommand": flag(),
        "enableEcsManagedTags": flag(),
        "propagateTags": text("SERVICE", "TASK_DEFINITION", "NONE", kept=True),
        "availabilityZoneRebalancing": text("ENABLED", "DISABLED", kept=True),
        "forceNewDeployment": flag(),
        "triggers": labels(kept=True),
        "waitForSteadyState": flag(False),
        "sigintRollback": flag(),
        "forceDelete": flag(),
        **TAGS,
    }
    computed = ("arn", "iamRole", "tagsAll")
    moving: ClassVar = {"iamRole": frozenset({"loadBalancers"})}

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        if news.get("launchType") and news.get("capacityProviderStrategies"):
            found.append(("launchType", "launchType conflicts with capacityProviderStrategies"))
        if news.get("sigintRollback") and not news["waitForSteadyState"]:
            found.append(("sigintRollback", "sigintRollback requires waitForSteadyState"))
        return found

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        """Another strategy needs a new deployment: without leave to force one, it is a new service."""
        if news.get("forceNewDeployment"):
            return changes
        turned = {
            Change.ADD: Change.ADD_REPLACE,
            Change.DELETE: Change.DELETE_REPLACE,
            Change.UPDATE: Change.UPDATE_REPLACE,
        }
        return {
            path: turned.get(change, change) if path[0] == "capacityProviderStrategies" else change
            for path, change in changes.items()
        }

    def create(self, job: Job) -> str:
        news = job.news
        asked = _asked(news, _UPDATED - {"forceNewDeployment", "triggers"})
        launch = {"launchType": news["launchType"]} if news.get("launchType") else {}
        controller = {"deploymentController": news["deploymentController"]} if news.get("deploymentController") else {}
        answer = ecs(job).create_service(
            serviceName=news["name"],
            cluster=news.get("cluster", "default"),
            schedulingStrategy=news["schedulingStrategy"],
            **{"desiredCount": 0, **asked},
            **launch,
            **controller,
            **tagged(news),
        )
        return str(answer["service"]["serviceArn"])

    def settle(self, job: Job, id_: str) -> None:
        self._wait(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        held = _find(job, id_)
        if held is None or held["status"] in ("INACTIVE", "DRAINING"):
            return None
        configuration = held.get("deploymentConfiguration", {})
        network = (held.get("networkConfiguration") or {}).get("awsvpcConfiguration")
        before = job.given("networkConfiguration") or {}
        breaker = configuration.get("deploymentCircuitBreaker") or {}
        return {
            "id": held["serviceArn"],
            "arn": held["serviceArn"],
            "name": held["serviceName"],
            "cluster": held["clusterArn"],
            "taskDefinition": held["taskDefinition"],
            "desiredCount": held["desiredCount"],
            "launchType": held.get("launchType"),
            "capacityProviderStrategies": held.get("capacityProviderStrategy", []),
            "platformVersion": held.get("platformVersion"),
            "networkConfiguration": {
                "subnets": ordered_like(network["subnets"], before.get("subnets")),
                "securityGroups": ordered_like(network.get("securityGroups", []), before.get("securityGroups")),
                "assignPublicIp": network.get("assignPublicIp") == "ENABLED",
            }
            if network
            else None,
            "loadBalancers": held.get("loadBalancers", []),
            "deploymentMaximumPercent": configuration.get("maximumPercent"),
            "deploymentMinimumHealthyPercent": configuration.get("minimumHealthyPercent"),
            "deploymentCircuitBreaker": {key: bool(breaker.get(key)) for key in ("enable", "rollback")},
            "deploymentConfiguration": {"strategy": configuration.get("strategy", "ROLLING")},
            "deploymentController": held.get("deploymentController"),
            "schedulingStrategy": held["schedulingStrategy"],
            "healthCheckGracePeriodSeconds": held.get("healthCheckGracePeriodSeconds", 0),
            "enableExecuteCommand": held["enableExecuteCommand"],
            "enableEcsManagedTags": held["enableECSManagedTags"],
            "propagateTags": held.get("propagateTags"),
            "availabilityZoneRebalancing": held.get("availabilityZoneRebalancing"),
            "iamRole": held.get("roleArn"),
            **tag_outputs(held.get("tags")),
        }

    def update(self, job: Job, id_: str) -> None:
        asked = _asked(job.news, job.changed & _UPDATED)
        if job.changes(*_UPDATED):
            if job.news.get("forceNewDeployment"):
                asked["forceNewDeployment"] = True
            ecs(job).update_service(cluster=_cluster(id_), service=id_, **asked)
        update_tags(job, id_)
        self._wait(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        cluster = _cluster(id_)
        held = _find(job, id_)
        if held is None or held["status"] == "INACTIVE":
            return
        if held["status"] == "ACTIVE":
            if not job.olds.get("forceDelete"):
                ecs(job).update_service(cluster=cluster, service=id_, desiredCount=0)
            ecs(job).delete_service(cluster=cluster, service=id_, force=bool(job.olds.get("forceDelete")))

        def inactive() -> bool:
            now = _find(job, id_)
            return now is None or now["status"] == "INACTIVE"

        job.wait(inactive, for_what=f"ECS Service ({id_}) to be inactive", seconds=LONGEST_WAIT)

    @staticmethod
    def _wait(job: Job, id_: str) -> None:
        if not job.news["waitForSteadyState"]:
            return
        wanted = (_find(job, id_) or {}).get("taskDefinition")

        def steady() -> bool:
            held = _find(job, id_) or {}
            primary = (held.get("deployments") or [{}])[0]
            if held.get("taskDefinition") != wanted or primary.get("rolloutState") == "FAILED":
                raise ProviderError(f"ECS Service ({id_}) deployment failed: {primary.get('rolloutStateReason')}")
            return len(held.get("deployments", [])) == 1 and primary["rolloutState"] == "COMPLETED"

        job.wait(steady, for_what=f"ECS Service ({id_}) to be steady", seconds=LONGEST_WAIT)


def _asked(news: Properties, keys: set[str] | frozenset[str]) -> dict[str, Any]:
    """The parameters that Create- and UpdateService have in common."""
    names = {
        "enableEcsManagedTags": "enableECSManagedTags",
        "capacityProviderStrategies": "capacityProviderStrategy",
    }
    asked: dict[str, Any] = {}
    for key in keys - {*_CONFIGURATION, "networkConfiguration", "forceNewDeployment", "triggers"}:
        if news.get(key) is not None:
            asked[names.get(key, key)] = news[key]
        elif key in ("loadBalancers", "capacityProviderStrategies"):
            asked[names.get(key, key)] = []
        elif key in ("desiredCount", "healthCheckGracePeriodSeconds"):
            asked[key] = 0
        elif key in ("enableExecuteCommand", "enableEcsManagedTags"):
            asked[names.get(key, key)] = False
    if not news.get("loadBalancers"):
        asked.pop("healthCheckGracePeriodSeconds", None)
    if "networkConfiguration" in keys and news.get("networkConfiguration"):
        network = dict(news["networkConfiguration"])
        network["assignPublicIp"] = "ENABLED" if network.get("assignPublicIp") else "DISABLED"
        asked["networkConfiguration"] = {"awsvpcConfiguration": network}
    if keys & set(_CONFIGURATION):
        configuration = {
            "maximumPercent": news["deploymentMaximumPercent"],
            "minimumHealthyPercent": news["deploymentMinimumHealthyPercent"],
            "deploymentCircuitBreaker": news.get("deploymentCircuitBreaker"),
            **(news.get("deploymentConfiguration") or {}),
        }
        if "bakeTimeInMinutes" in configuration:
            configuration["bakeTimeInMinutes"] = int(configuration["bakeTimeInMinutes"])
        asked["deploymentConfiguration"] = {key: held for key, held in configuration.items() if held is not None}
    return asked


def _find(job: Job, id_: str) -> dict[str, Any] | None:
    """By ARN; an import names a service as cluster/service."""
    cluster, name = _cluster(id_), id_.rpartition("/")[2]
    try:
        answer = ecs(job).describe_services(cluster=cluster, services=[name], include=["TAGS"])
    except Exception as error:
        if error_code(error) in Service.gone:
            return None
        raise
    return answer["services"][0] if answer["services"] else None


def _cluster(id_: str) -> str:
    return id_.split("/")[-2]


RESOURCES = (Service(),)
