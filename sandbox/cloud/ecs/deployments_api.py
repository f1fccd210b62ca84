"""The API of service deployments and service revisions."""

from typing import Any

from sandbox.cloud.ecs import finding, rollout, shapes
from sandbox.cloud.ecs.model import Store
from sandbox.cloud.ecs.refusals import invalid
from sandbox.cloud.refusals import Refused

Params = dict[str, Any]


def list_deployments(store: Store, params: Params) -> Params:
    held = finding.find_service(store, finding.cluster(store, _cluster(params)), params.get("service") or "")
    if held is None:
        raise Refused("ServiceNotFoundException", "Service not found.")
    statuses, created = params.get("status") or [], params.get("createdAt") or {}
    after, before = created.get("after"), created.get("before")
    found = [
        shapes.service_deployment_brief(held, each)
        for each in held.service_deployments
        if (not statuses or each.status in statuses)
        and (after is None or each.created_at.timestamp() >= _seconds(after))
        and (before is None or each.created_at.timestamp() <= _seconds(before))
    ]
    some, token = finding.page(found, params.get("nextToken"), params.get("maxResults"), 20)
    return {"serviceDeployments": some, "nextToken": token}


def describe_deployments(store: Store, params: Params) -> Params:
    found, missing = [], []
    arns = params.get("serviceDeploymentArns") or []
    if not 0 < len(arns) <= 20:
        raise invalid("serviceDeploymentArns must have 1 to 20 items.")
    for arn in arns:
        held = finding.service_deployment(store, arn)
        if held is None:
            missing.append(arn)
        else:
            found.append(shapes.service_deployment(store, *held))
    return {"serviceDeployments": found, "failures": finding.failures(missing)}


def describe_revisions(store: Store, params: Params) -> Params:
    wanted = params.get("serviceRevisionArns") or []
    known = {each.arn: (held, each) for held in store.services.values() for each in held.revisions}
    found = [shapes.revision(*known[arn]) for arn in wanted if arn in known]
    return {"serviceRevisions": found, "failures": finding.failures([arn for arn in wanted if arn not in known])}


def stop(store: Store, params: Params) -> Params:
    arn = params.get("serviceDeploymentArn") or ""
    found = finding.service_deployment(store, arn)
    if found is None:
        raise Refused("ServiceDeploymentNotFoundException", f"The service deployment {arn} was not found.")
    rollout.stop(*found, params.get("stopType") or "ROLLBACK")
    return {"serviceDeploymentArn": arn}


def _cluster(params: Params) -> str | None:
    name = params.get("service") or ""
    return params.get("cluster") or (name.split("/")[1] if name.count("/") == 2 else None)


def _seconds(value: Any) -> float:
    return float(value.timestamp()) if hasattr(value, "timestamp") else float(value)
