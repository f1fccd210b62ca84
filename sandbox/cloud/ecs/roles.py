"""What a task's roles may do, and AWS's words for what they may not. Changes nothing."""

from typing import Any

from sandbox.cloud import permissions
from sandbox.cloud.permissions import Call
from sandbox.cloud.stores import ACCOUNT


def role(arn: str) -> Any:
    """moto's record of it, by ARN or name; None where there is none."""
    from moto.iam.models import iam_backends

    return next((each for each in iam_backends[ACCOUNT]["aws"].roles.values() if arn in (each.name, each.arn)), None)


def trusted(arn: str, service: str) -> bool:
    """Whether that service may take the role."""
    held = role(arn)
    return held is not None and any(
        statement.get("Effect") == "Allow"
        and service in permissions.texts((statement.get("Principal") or {}).get("Service"))
        for statement in permissions.statements(held.assume_role_policy_document)
    )


def refusal(arn: str | None, session: str, action: str, resource: str = "*") -> str:
    """Why a task's role may not do that; empty where it may."""
    held = role(arn) if arn else None
    documents = (
        [] if held is None else [*held.policies.values(), *(each.document for each in held.managed_policies.values())]
    )
    verdict = permissions.judge(
        [statement for document in documents for statement in permissions.statements(document)], Call(action, resource)
    )
    if verdict.allowed:
        return ""
    name = (arn or "none").rpartition("/")[2]
    return (
        f"AccessDeniedException: User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session} is not authorized to "
        f"perform: {action} on resource: {resource} {verdict.why}"
    )
