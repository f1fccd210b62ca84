"""The sandbox's state as a document: listeners, target groups, scaling groups, instances, services, tasks."""

from typing import Any

from sandbox.cloud import stores
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.ecs.model import Service, Task
from sandbox.cloud.members import Member


def describe(cloud: Cloud) -> dict[str, Any]:
    return {
        "now": round(cloud.clock.now(), 3),
        "table": cloud.balancing.table.version,
        "listeners": [_listener(cloud, balancer, listener) for balancer, listener in stores.listeners()],
        "groups": _groups(cloud),
        "scaling_groups": [_scaling_group(region, group) for region, group in stores.scaling_groups()],
        "instances": [_instance(cloud, id) for id in cloud.instances.machines],
        "services": [_service(held) for store in cloud.ecs.stores.values() for held in store.services.values()],
        "tasks": [_task(task) for task in cloud.ecs.all_tasks()],
    }


def _listener(cloud: Cloud, balancer: Any, listener: Any) -> dict[str, Any]:
    address, port = cloud.balancing.bound.get(listener.arn, ("", 0))
    return {
        "arn": listener.arn,
        "balancer": balancer.name,
        "dns_name": balancer.dns_name,
        "protocol": listener.protocol,
        "port": int(listener.port),
        "bound": {"address": address, "port": port},
        "url": f"http://{address}:{port}" if port else None,
        "default": [{"group": arn, "weight": weight} for arn, weight in stores.forwarded_to(listener.default_actions)],
        "rules": [
            {
                "arn": rule.arn,
                "priority": int(rule.priority),
                "weights": [{"group": arn, "weight": weight} for arn, weight in stores.forwarded_to(rule.actions)],
            }
            for rule in stores.rules_in_order(listener)
        ],
    }


def _groups(cloud: Cloud) -> list[dict[str, Any]]:
    used = stores.balancers_by_target_group()
    return [
        {
            "arn": group.arn,
            "name": group.name,
            "balancer": used[group.arn].name if group.arn in used else None,
            "targets": [_target(cloud, target) for target in cloud.health.of_group(group.arn)],
        }
        for _, group in stores.target_groups()
    ]


def _target(cloud: Cloud, target: Any) -> dict[str, Any]:
    state, reason, description = target.condition
    address, port = cloud.hosts.endpoint(target.id, target.port)
    return {
        "id": target.id,
        "port": target.port,
        "state": state,
        "reason": reason,
        "description": description,
        "address": f"{address}:{port}",
    }


def _scaling_group(region: str, group: Any) -> dict[str, Any]:
    return {
        "name": group.name,
        "region": region,
        "min": group.min_size,
        "max": group.max_size,
        "desired": group.desired_capacity,
        "status": getattr(group, "status", None),
        "instances": [
            {"id": member.instance.id, "lifecycle": member.lifecycle_state, "health": member.health_status}
            for member in group.instance_states
        ],
    }


def _instance(cloud: Cloud, id: str) -> dict[str, Any]:
    machine = cloud.instances.machines[id]
    group = getattr(machine.instance, "autoscaling_group", None)
    members = group.instance_states if group is not None else []
    version = next((m.version.number for m in members if isinstance(m, Member) and m.id == id and m.version), None)
    release = machine.release
    return {
        "id": id,
        "state": machine.instance.state,
        "zone": machine.instance.availability_zone,
        "scaling_group": group.name if group is not None else None,
        "template_version": version,
        "address": f"{machine.bound[0]}:{machine.bound[1]}" if machine.bound else None,
        "color": release.color if release else None,
        "fill": release.fill if release else None,
        "image": release.image if release else None,
        "tag": machine.tag or None,
        "workers": list(machine.workers),
        "console": machine.console[-3:],
    }


def _service(held: Service) -> dict[str, Any]:
    return {
        "name": held.name,
        "cluster": held.cluster.name,
        "region": held.cluster.region,
        "status": held.status,
        "desired": held.desired,
        "deployments": [
            {"id": each.id, "definition": each.revision.definition.arn, "state": each.state, "reason": each.reason}
            for each in held.deployments
        ],
        "events": [event["message"] for event in held.events[:3]],
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "status": task.status,
        "group": task.group,
        "definition": task.definition.arn,
        "zone": task.subnet.availability_zone,
        "ip": task.ip,
        "address": f"{task.bound[0]}:{task.bound[1]}" if task.bound else None,
        "color": task.color or None,
        "tag": task.tag or None,
        "stopped": task.stopped_reason,
    }
