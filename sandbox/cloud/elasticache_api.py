"""The ElastiCache API where moto lacks something: replicas by their number, subnet groups that change, what is gone."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.models import CacheSubnetGroup, ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.cloud.refusals import Refused
from sandbox.cloud.seam import Seam


def install(seam: Seam) -> None:
    @seam.around(ElastiCacheBackend, "create_replication_group")
    def create(original: Any, backend: Any, **given: Any) -> Any:
        # moto counts only the replicas of a node group, not the clusters that were asked for.
        if given.get("num_cache_clusters") and not given.get("replicas_per_node_group"):
            given["replicas_per_node_group"] = given["num_cache_clusters"] - 1
        return original(backend, **given)

    @seam.around(ElastiCacheBackend, "delete_replication_group")
    def delete(original: Any, backend: Any, replication_group_id: str, **given: Any) -> Any:
        group = original(backend, replication_group_id, **given)
        del backend.replication_groups[replication_group_id]
        return group

    def increase_replica_count(response: Any) -> ActionResult:
        return _resize(response)

    seam.replace(ElastiCacheResponse, "increase_replica_count", increase_replica_count)
    seam.replace(ElastiCacheResponse, "decrease_replica_count", increase_replica_count)

    def delete_cache_subnet_group(response: Any) -> EmptyResult:
        backend, name = response.elasticache_backend, response._get_param("CacheSubnetGroupName")
        group = _subnet_group(backend, name)
        if any(held.cache_subnet_group_name == name for held in backend.replication_groups.values()):
            raise Refused("CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster.")
        del backend.cache_subnet_groups[group.cache_subnet_group_name]
        return EmptyResult()

    def modify_cache_subnet_group(response: Any) -> ActionResult:
        backend = response.elasticache_backend
        group = _subnet_group(backend, response._get_param("CacheSubnetGroupName"))
        changed = CacheSubnetGroup(
            backend.account_id,
            backend.region_name,
            group.cache_subnet_group_name,
            response._get_param("CacheSubnetGroupDescription") or group.cache_subnet_group_description,
            response._get_param("SubnetIds") or group.subnet_ids,
            group.tags,
        )
        backend.cache_subnet_groups[group.cache_subnet_group_name] = changed
        return ActionResult({"CacheSubnetGroup": changed})

    seam.replace(ElastiCacheResponse, "delete_cache_subnet_group", delete_cache_subnet_group)
    seam.replace(ElastiCacheResponse, "modify_cache_subnet_group", modify_cache_subnet_group)


def _subnet_group(backend: Any, name: str) -> Any:
    if name not in backend.cache_subnet_groups:
        raise Refused("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {name} does not exist.")
    return backend.cache_subnet_groups[name]


def _resize(response: Any) -> ActionResult:
    """Replicas come and go at once."""
    id = response._get_param("ReplicationGroupId")
    group = response.elasticache_backend.describe_replication_groups(id)[0]
    wanted = response._get_int_param("NewReplicaCount")
    group.member_clusters[:] = [f"{id}-{number:0>3}" for number in range(1, wanted + 2)]
    return ActionResult({"ReplicationGroup": group})
