"""ECS clusters, and the capacity providers that they run tasks on."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.engine.protocol import Properties
from sandbox.provider.refusals import error_code
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Input, Naming, block, blocks, flag, number, text, texts
from sandbox.provider.services.ecs import ecs, tag_outputs, tagged, update_tags
from sandbox.provider.tagging import TAGS

_BUSY = ("ClusterContainsServicesException", "ClusterContainsTasksException", "UpdateInProgressException")
_NAMES = {"s3BucketEncryptionEnabled": "s3EncryptionEnabled"}
_LOGS = {
    "cloudWatchEncryptionEnabled": flag(),
    "cloudWatchLogGroupName": text(),
    "s3BucketEncryptionEnabled": flag(),
    "s3BucketName": text(),
    "s3KeyPrefix": text(),
}
_EXECUTE = {
    "kmsKeyId": text(),
    "logging": text("NONE", "DEFAULT", "OVERRIDE", kept=True),
    "logConfiguration": block(_LOGS),
}


def camel(value: Any, names: dict[str, str] | None = None) -> Any:
    """ECS writes its names with a small letter first, as Pulumi does."""
    if isinstance(value, dict):
        return {(names or {}).get(key, key): camel(held, names) for key, held in value.items() if held is not None}
    if isinstance(value, list):
        return [camel(held, names) for held in value]
    return value


class Cluster(Resource):
    token = "aws:ecs/cluster:Cluster"
    label = "ECS Cluster"
    gone = frozenset({"ClusterNotFoundException"})
    naming = Naming(255)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "settings": blocks(
            {"name": text("containerInsights", required=True), "value": text(required=True)}, key="name", kept=True
        ),
        "configuration": block({"executeCommandConfiguration": block(_EXECUTE)}),
        "serviceConnectDefaults": block({"namespace": text(required=True)}),
        **TAGS,
    }
    computed = ("arn", "tagsAll")

    def create(self, job: Job) -> str:
        answer = ecs(job).create_cluster(clusterName=job.news["name"], **_asked(job.news), **tagged(job.news))
        return str(answer["cluster"]["clusterArn"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = ecs(job).describe_clusters(clusters=[id_], include=["TAGS", "SETTINGS", "CONFIGURATIONS"])
        found = [held for held in answer["clusters"] if held["status"] != "INACTIVE"]
        if not found:
            return None
        held = found[0]
        back = {there: here for here, there in _NAMES.items()}
        return {
            "id": held["clusterArn"],
            "arn": held["clusterArn"],
            "name": held["clusterName"],
            "settings": held.get("settings", []),
            "configuration": camel(held.get("configuration"), back) or None,
            "serviceConnectDefaults": held.get("serviceConnectDefaults"),
            **tag_outputs(held.get("tags")),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("settings", "configuration", "serviceConnectDefaults"):
            ecs(job).update_cluster(cluster=id_, **_asked(job.news))
        update_tags(job, id_)

    def delete(self, job: Job, id_: str) -> None:
        def deleted() -> bool:
            try:
                ecs(job).delete_cluster(cluster=id_)
            except Exception as error:
                if error_code(error) in _BUSY:
                    return False
                raise
            return True

        job.wait(deleted, for_what=f"the services and tasks of cluster {id_} to be gone", seconds=600)


def _asked(news: Properties) -> dict[str, Any]:
    keys = ("settings", "configuration", "serviceConnectDefaults")
    return {key: camel(news[key], _NAMES) for key in keys if news.get(key)}


_STRATEGY: dict[str, Input] = {
    "capacityProvider": text(required=True),
    "base": number(0, 100000, default=0),
    "weight": number(0, 1000, default=0),
}


class ClusterCapacityProviders(Resource):
    token = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
    label = "ECS Cluster Capacity Providers"
    gone = frozenset({"ClusterNotFoundException"})
    inputs: ClassVar[Fields] = {
        "clusterName": text(required=True, replaces=True, longest=255),
        "capacityProviders": texts(),
        "defaultCapacityProviderStrategies": blocks(_STRATEGY, key="capacityProvider"),
    }

    def create(self, job: Job) -> str:
        _put(job, job.news["clusterName"], job.news)
        return str(job.news["clusterName"])

    def read(self, job: Job, id_: str) -> Properties | None:
        answer = ecs(job).describe_clusters(clusters=[id_])
        found = [held for held in answer["clusters"] if held["status"] != "INACTIVE"]
        if not found or (job.olds and not found[0]["capacityProviders"] and job.olds.get("capacityProviders")):
            return None
        held = found[0]
        names = ordered_like(held["capacityProviders"], job.given("capacityProviders"))
        return {
            "clusterName": held["clusterName"],
            "capacityProviders": names,
            "defaultCapacityProviderStrategies": held["defaultCapacityProviderStrategy"],
        }

    def update(self, job: Job, id_: str) -> None:
        _put(job, id_, job.news)

    def delete(self, job: Job, id_: str) -> None:
        _put(job, id_, {})


def _put(job: Job, cluster: str, news: Properties) -> None:
    ecs(job).put_cluster_capacity_providers(
        cluster=cluster,
        capacityProviders=news.get("capacityProviders") or [],
        defaultCapacityProviderStrategy=news.get("defaultCapacityProviderStrategies") or [],
    )


RESOURCES = (Cluster(), ClusterCapacityProviders())
