"""The functions of the package `pulumi` itself, which no plugin serves."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.engine.protocol import Properties, ProviderError
from sandbox.engine.resource import Resource

PACKAGE = "pulumi"
_GET_RESOURCE = "pulumi:pulumi:getResource"


def invoke(token: str, args: Properties, made: Callable[[str], Resource | None]) -> Properties:
    """`made` knows the resources of this operation by URN. Raises ProviderError.

    `getResource` is what an SDK asks when it meets a reference to a resource, such as the VPC that a remote component
    gives as an output.
    """
    if token != _GET_RESOURCE:
        raise ProviderError(f"unrecognized function name: '{token}'")
    urn = str(args.get("urn", ""))
    found = made(urn)
    if found is None:
        raise ProviderError(f"unknown resource {urn}")
    return {"urn": urn, "id": found.id, "provider": found.provider, "state": dict(found.outputs)}
