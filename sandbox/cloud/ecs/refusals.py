"""What ECS refuses: its error codes and its words. Pure."""

from collections.abc import Iterable

from sandbox.cloud.ecs.model import Task
from sandbox.cloud.refusals import Refused


class Conflict(Refused):
    """It names what is there already."""

    def __init__(self, message: str, arns: list[str]) -> None:
        super().__init__("ConflictException", message)
        self.resource_ids = arns


def client_error(message: str) -> Refused:
    return Refused("ClientException", message)


def invalid(message: str) -> Refused:
    return Refused("InvalidParameterException", message)


def conflict(message: str, tasks: Iterable[Task]) -> Refused:
    return Conflict(message, [task.arn for task in tasks])


def no_cluster() -> Refused:
    return Refused("ClusterNotFoundException", "Cluster not found.")


def no_service() -> Refused:
    return Refused("ServiceNotFoundException", "Service not found.")


def inactive_service() -> Refused:
    return Refused("ServiceNotActiveException", "Service was not ACTIVE.")


def no_definition() -> Refused:
    return client_error("Unable to describe task definition.")


def lacking(what: str) -> Refused:
    """Of what AWS has and the sandbox doesn't."""
    return Refused("UnsupportedFeatureException", f"The sandbox has no {what}.")
