"""Caches: a replication group of Redis or Valkey nodes, and the subnets that it lives in."""

# ruff: noqa: ARG002 - every resource takes the same five calls, needed or not
from __future__ import annotations

import re
from typing import Any, ClassVar

from sandbox.engine.protocol import Change, Properties, ProviderError
from sandbox.provider import tagging
from sandbox.provider.comparing import Changes
from sandbox.provider.resource import Job, Resource, ordered_like
from sandbox.provider.schema import Fields, Naming, flag, number, text, texts
from sandbox.provider.tagging import TAGS

_GONE = frozenset({"CacheSubnetGroupNotFoundFault", "CacheSubnetGroupNotFound", "ReplicationGroupNotFoundFault"})
_MADE = {
    "description": "ReplicationGroupDescription",
    "nodeType": "CacheNodeType",
    "engine": "Engine",
    "engineVersion": "EngineVersion",
    "numCacheClusters": "NumCacheClusters",
    "automaticFailoverEnabled": "AutomaticFailoverEnabled",
    "multiAzEnabled": "MultiAZEnabled",
    "port": "Port",
    "subnetGroupName": "CacheSubnetGroupName",
    "securityGroupIds": "SecurityGroupIds",
    "atRestEncryptionEnabled": "AtRestEncryptionEnabled",
    "transitEncryptionEnabled": "TransitEncryptionEnabled",
    "authToken": "AuthToken",
    "snapshotRetentionLimit": "SnapshotRetentionLimit",
}
_CHANGED = (
    "description",
    "nodeType",
    "engine",
    "engineVersion",
    "automaticFailoverEnabled",
    "multiAzEnabled",
    "securityGroupIds",
    "transitEncryptionEnabled",
    "authToken",
    "snapshotRetentionLimit",
)


class SubnetGroup(Resource):
    token = "aws:elasticache/subnetGroup:SubnetGroup"
    label = "ElastiCache Subnet Group"
    gone = _GONE
    naming = Naming(255, prefix_input="", lower=True)
    inputs: ClassVar[Fields] = {
        "name": text(longest=255, kept=True, replaces=True),
        "description": text(default="Managed by Pulumi"),
        "subnetIds": texts(required=True),
        **TAGS,
    }
    computed = ("arn", "vpcId", "tagsAll")

    def create(self, job: Job) -> str:
        news = job.news
        _cache(job).create_cache_subnet_group(
            CacheSubnetGroupName=news["name"],
            CacheSubnetGroupDescription=news["description"],
            SubnetIds=news["subnetIds"],
            **({"Tags": tagging.as_list(news["tags"])} if news.get("tags") else {}),
        )
        return str(news["name"])

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _cache(job).describe_cache_subnet_groups(CacheSubnetGroupName=id_)["CacheSubnetGroups"][0]
        subnets = [subnet["SubnetIdentifier"] for subnet in found["Subnets"]]
        return {
            "arn": found["ARN"],
            "name": found["CacheSubnetGroupName"],
            "description": found["CacheSubnetGroupDescription"],
            "subnetIds": ordered_like(subnets, job.given("subnetIds")),
            "vpcId": found["VpcId"],
            **_tags(job, found["ARN"]),
        }

    def update(self, job: Job, id_: str) -> None:
        if job.changes("description", "subnetIds"):
            _cache(job).modify_cache_subnet_group(
                CacheSubnetGroupName=id_,
                CacheSubnetGroupDescription=job.news["description"],
                SubnetIds=job.news["subnetIds"],
            )
        _retag(job)

    def delete(self, job: Job, id_: str) -> None:
        _cache(job).delete_cache_subnet_group(CacheSubnetGroupName=id_)


class ReplicationGroup(Resource):
    """With one shard: cluster mode is not here."""

    token = "aws:elasticache/replicationGroup:ReplicationGroup"
    label = "ElastiCache Replication Group"
    gone = _GONE
    naming = Naming(40, input="replicationGroupId", prefix_input="", lower=True)
    inputs: ClassVar[Fields] = {
        "replicationGroupId": text(longest=40, kept=True, replaces=True),
        "description": text(required=True),
        "nodeType": text(kept=True),
        "engine": text("redis", "valkey", default="redis"),
        "engineVersion": text(kept=True),
        "numCacheClusters": number(1, 6, kept=True),
        "automaticFailoverEnabled": flag(False),
        "multiAzEnabled": flag(False),
        "port": number(1, 65535, replaces=True, kept=True),
        "subnetGroupName": text(replaces=True, kept=True),
        "securityGroupIds": texts(kept=True),
        "atRestEncryptionEnabled": flag(replaces=True, kept=True),
        "transitEncryptionEnabled": flag(replaces=True, kept=True),
        "authToken": text(longest=128, hidden=True),
        "authTokenUpdateStrategy": text("SET", "ROTATE", "DELETE"),
        "snapshotRetentionLimit": number(0, 35),
        "applyImmediately": flag(kept=True),
        **TAGS,
    }
    computed = (
        "arn",
        "clusterEnabled",
        "configurationEndpointAddress",
        "engineVersionActual",
        "memberClusters",
        "primaryEndpointAddress",
        "readerEndpointAddress",
        "tagsAll",
    )
    moving: ClassVar = {"engineVersionActual": frozenset({"engineVersion", "engine"})}

    def adjust(self, changes: Changes, olds: Properties, news: Properties) -> Changes:
        """Encryption on the wire can be turned on in place since Redis 7.0.5, and in every Valkey."""
        version = tuple(int(part) for part in re.findall(r"\d+", str(news.get("engineVersion", ""))))
        if news["engine"] != "valkey" and version < (7, 1):
            return changes
        return {
            path: Change.UPDATE if path[0] == "transitEncryptionEnabled" else held for path, held in changes.items()
        }

    def problems(self, news: Properties) -> list[tuple[str, str]]:
        found = []
        if news.get("multiAzEnabled") is True and news.get("automaticFailoverEnabled") is False:
            found.append(("multiAzEnabled", "automaticFailoverEnabled must be true if multiAzEnabled is true"))
        if news.get("automaticFailoverEnabled") is True and news.get("numCacheClusters", 2) == 1:
            found.append(("numCacheClusters", "must be at least 2 if automaticFailoverEnabled is true"))
        token = news.get("authToken")
        if isinstance(token, str) and len(token) < 16:
            found.append(("authToken", "must have 16 to 128 characters"))
        if token is not None and news.get("transitEncryptionEnabled") in (None, False):
            found.append(("authToken", "needs transitEncryptionEnabled"))
        return found

    def create(self, job: Job) -> str:
        news = job.news
        asked = {name: news[key] for key, name in _MADE.items() if news.get(key) is not None}
        if news.get("tags"):
            asked["Tags"] = tagging.as_list(news["tags"])
        id_ = str(news["replicationGroupId"])
        _cache(job).create_replication_group(ReplicationGroupId=id_, **asked)
        return id_

    def settle(self, job: Job, id_: str) -> None:
        self._wait(job, id_)

    def read(self, job: Job, id_: str) -> Properties | None:
        found = _cache(job).describe_replication_groups(ReplicationGroupId=id_)["ReplicationGroups"][0]
        if found["Status"] == "deleting":
            return None
        node = found["NodeGroups"][0]
        version = job.given("engineVersion")
        return {
            "arn": found["ARN"],
            "replicationGroupId": id_,
            "description": found["Description"],
            "nodeType": found["CacheNodeType"],
            "automaticFailoverEnabled": found["AutomaticFailover"] in ("enabled", "enabling"),
            "multiAzEnabled": found.get("MultiAZ") == "enabled",
            "atRestEncryptionEnabled": found.get("AtRestEncryptionEnabled", False),
            "transitEncryptionEnabled": found.get("TransitEncryptionEnabled", False),
            "snapshotRetentionLimit": found.get("SnapshotRetentionLimit", 0),
            "numCacheClusters": len(found["MemberClusters"]),
            "memberClusters": sorted(found["MemberClusters"]),
            "port": node.get("PrimaryEndpoint", {}).get("Port") or job.given("port") or 6379,
            "primaryEndpointAddress": node.get("PrimaryEndpoint", {}).get("Address", ""),
            "readerEndpointAddress": node.get("ReaderEndpoint", {}).get("Address", ""),
            "configurationEndpointAddress": "",
            "clusterEnabled": found.get("ClusterEnabled", False),
            "engineVersionActual": version or "",
            **_tags(job, found["ARN"]),
        }

    def update(self, job: Job, id_: str) -> None:
        news = job.news
        asked = {_MADE[key]: news[key] for key in _CHANGED if key in job.changed and news.get(key) is not None}
        if "AuthToken" in asked:
            asked["AuthTokenUpdateStrategy"] = news.get("authTokenUpdateStrategy", "ROTATE")
        if asked:
            now = {"ApplyImmediately": True} if news.get("applyImmediately") else {}
            _cache(job).modify_replication_group(ReplicationGroupId=id_, **asked, **now)
        if job.changes("numCacheClusters"):
            self._resize(job, id_)
        self._wait(job, id_)
        _retag(job)

    def delete(self, job: Job, id_: str) -> None:
        _cache(job).delete_replication_group(ReplicationGroupId=id_)

    @staticmethod
    def _resize(job: Job, id_: str) -> None:
        wanted, there = job.news["numCacheClusters"], job.olds["numCacheClusters"]
        client = _cache(job)
        change = client.increase_replica_count if wanted > there else client.decrease_replica_count
        change(ReplicationGroupId=id_, NewReplicaCount=wanted - 1, ApplyImmediately=True)

    @staticmethod
    def _wait(job: Job, id_: str) -> None:
        def available() -> bool:
            found = _cache(job).describe_replication_groups(ReplicationGroupId=id_)["ReplicationGroups"][0]
            if found["Status"] == "create-failed":
                raise ProviderError(f"ElastiCache Replication Group {id_} could not be created")
            return bool(found["Status"] == "available")

        job.wait(available, for_what=f"ElastiCache Replication Group {id_}", seconds=3600)


def _tags(job: Job, arn: str) -> Properties:
    return tagging.outputs(tagging.as_map(_cache(job).list_tags_for_resource(ResourceName=arn)["TagList"]))


def _retag(job: Job) -> None:
    put, drop = tagging.delta(job)
    if drop:
        _cache(job).remove_tags_from_resource(ResourceName=job.olds["arn"], TagKeys=drop)
    if put:
        _cache(job).add_tags_to_resource(ResourceName=job.olds["arn"], Tags=tagging.as_list(put))


def _cache(job: Job) -> Any:
    return job.client("elasticache")


RESOURCES = (SubnetGroup(), ReplicationGroup())
