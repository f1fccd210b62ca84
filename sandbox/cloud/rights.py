"""What an instance may do: the policies of its profile's role, and AWS's words for what they don't allow."""

from dataclasses import dataclass
from typing import Any

from sandbox.cloud import permissions, stores
from sandbox.cloud.permissions import Call


class Denied(Exception):
    """A call that the instance's role may not make, in AWS's words."""


@dataclass(frozen=True)
class Rights:
    """Of one instance. `role`: moto's record of its role; None where it has no profile."""

    instance: str
    role: Any

    def demand(self, operation: str, call: Call) -> None:
        """Raises Denied. `operation`: the API's name for what is called, as the CLI says it."""
        if self.role is None:
            raise Denied("Unable to locate credentials: the instance has no profile with a role")
        verdict = permissions.judge(_statements(self.role), call)
        if verdict.allowed:
            return
        user = f"arn:aws:sts::{stores.ACCOUNT}:assumed-role/{self.role.name}/{self.instance}"
        code = "AccessDeniedException" if call.action.split(":")[0] in _JSON else "AccessDenied"
        raise Denied(
            f"An error occurred ({code}) when calling the {operation} operation: User: {user} is not authorized to "
            f"perform: {call.action} on resource: {call.resource} {verdict.why}"
        )

    def allows(self, call: Call) -> bool:
        return self.role is not None and permissions.judge(_statements(self.role), call).allowed


_JSON = frozenset({"secretsmanager", "ecr", "logs", "kms", "ssm"})


def of(instance: Any) -> Rights:
    """What moto's instance may do."""
    held = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    roles = held.iam_instance_profile.roles if held is not None else []
    return Rights(str(instance.id), roles[0] if roles else None)


def _statements(role: Any) -> list[permissions.Statement]:
    """Inline and attached ones."""
    inline = [each for document in role.policies.values() for each in permissions.statements(document)]
    attached = [each for policy in role.managed_policies.values() for each in permissions.statements(policy.document)]
    return inline + attached
