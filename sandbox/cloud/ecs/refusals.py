"""What ECS refuses: its error codes and its words. Pure."""

from sandbox.cloud.refusals import Refused


def client_error(message: str) -> Refused:
    return Refused("ClientException", message)


def invalid(message: str) -> Refused:
    return Refused("InvalidParameterException", message)


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
