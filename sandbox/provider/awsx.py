"""awsx's `Vpc`: a component that registers a network's resources with the engine that asks for it."""

# ruff: noqa: ARG002 - the protocol's calls, all refused alike
from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from sandbox.engine.protocol import Checked, Difference, Found, Made, Properties, ProviderError
from sandbox.provider.aws import VERSION as AWS_VERSION
from sandbox.provider.awsx_network import Network

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

COMPONENTS = {"awsx:ec2:Vpc": Network}


class AwsxProvider:
    """Implements sandbox.engine.protocol.Provider; it has components only."""

    name = "awsx"
    version = importlib.metadata.version("pulumi-awsx")

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        del environ  # every call to AWS is made by the children's provider

    def check_config(self, inputs: Properties) -> Checked:
        return Checked(inputs)

    def configure(self, inputs: Properties) -> None:
        pass

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        component = COMPONENTS.get(request.type)
        if component is None:
            raise ProviderError(f"the sandbox has no component {request.type}; it has {', '.join(sorted(COMPONENTS))}")
        return component(request, aws_version=AWS_VERSION, awsx_version=self.version).build()

    def check(self, urn: str, type_: str, olds: Properties | None, news: Properties, random_seed: bytes) -> Checked:
        _refuse(type_)

    def diff(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> Difference:
        _refuse(type_)

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made:
        _refuse(type_)

    def update(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
        timeout: float | None,
    ) -> Properties:
        _refuse(type_)

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> Found | None:
        _refuse(type_)

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None:
        _refuse(type_)

    def invoke(self, token: str, args: Properties) -> Properties:
        raise ProviderError(f"the sandbox has no function {token}: of awsx it has components only")

    def cancel(self) -> None:
        pass


def _refuse(type_: str) -> NoReturn:
    raise ProviderError(f"the sandbox has no resource {type_}: of awsx it has components only")
