"""For providers that build components: registers the component and its children with the engine that asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from sandbox.engine import urn as urns
from sandbox.engine import values
from sandbox.engine.protocol import Properties, ProviderError

_OPTIONS = (("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20))


@dataclass(frozen=True)
class Child:
    """A registered resource; in a preview its id is empty and outputs may be UNKNOWN."""

    urn: str
    id: str
    outputs: Properties = field(default_factory=dict)


class Component:
    """A context: entered, the component is registered; `finish` says what it came to. Raises ProviderError."""

    def __init__(self, request: provider_pb2.ConstructRequest, *, version: str = "") -> None:
        self.request = request
        self.inputs = values.from_struct(request.inputs)
        self.preview = request.dryRun
        self.urn = ""
        self._version = version
        self._known: set[str] = set()
        self._channel = grpc.insecure_channel(request.monitorEndpoint, options=_OPTIONS)
        self._monitor = resource_pb2_grpc.ResourceMonitorStub(self._channel)

    def __enter__(self) -> Component:
        asked = self.request
        wanted = resource_pb2.RegisterResourceRequest(
            type=asked.type,
            name=asked.name,
            parent=asked.parent,
            custom=False,
            object=values.to_struct(self.inputs),
            dependencies=asked.dependencies,
            acceptSecrets=True,
            acceptResources=True,
            aliases=asked.aliases,
            aliasSpecs=True,
            providers=asked.providers,
        )
        if asked.HasField("protect"):
            wanted.protect = asked.protect
        if asked.HasField("retainOnDelete"):
            wanted.retainOnDelete = asked.retainOnDelete
        for key, named in asked.inputDependencies.items():
            wanted.propertyDependencies[key].urns.extend(named.urns)
        try:
            self.urn = self._register(wanted).urn
        except BaseException:
            self._channel.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def child(
        self,
        type_: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        parent: str = "",
        depends_on: Iterable[str] = (),
        property_dependencies: Mapping[str, Iterable[str]] | None = None,
        version: str = "",
        provider: str = "",
        **options: Any,
    ) -> Child:
        """Registers a custom resource and returns when it is there. `options`: fields of RegisterResourceRequest."""
        package = urns.package_of(type_)
        of_properties = {key: list(found) for key, found in (property_dependencies or {}).items()}
        dependencies = dict.fromkeys((*depends_on, *(urn for found in of_properties.values() for urn in found)))
        wanted = resource_pb2.RegisterResourceRequest(
            type=type_,
            name=name,
            parent=parent or self.urn,
            custom=True,
            object=values.to_struct(inputs),
            dependencies=dependencies,
            provider=provider or self.request.providers.get(package, ""),
            version=version or (self._version if package == urns.package_of(self.request.type) else ""),
            acceptSecrets=True,
            acceptResources=True,
            supportsPartialValues=True,
            aliasSpecs=True,
            **options,
        )
        if self.request.HasField("protect") and "protect" not in options:
            wanted.protect = self.request.protect
        if self.request.HasField("retainOnDelete") and "retainOnDelete" not in options:
            wanted.retainOnDelete = self.request.retainOnDelete
        for key in inputs:
            wanted.propertyDependencies[key].urns.extend(of_properties.get(key, ()))
        answer = self._register(wanted)
        return Child(answer.urn, answer.id, values.from_struct(answer.object))

    def invoke(self, token: str, args: Mapping[str, Any], *, version: str = "", provider: str = "") -> Properties:
        package = urns.package_of(token)
        request = resource_pb2.ResourceInvokeRequest(
            tok=token,
            args=values.to_struct(args),
            provider=provider or self.request.providers.get(package, ""),
            version=version,
            acceptResources=True,
        )
        try:
            answer = self._monitor.Invoke(request)
        except grpc.RpcError as error:
            raise ProviderError(error.details() or str(error)) from error
        return values.from_struct(getattr(answer, "return"))

    def finish(
        self, outputs: Mapping[str, Any], dependencies: Mapping[str, Iterable[str]] | None = None
    ) -> provider_pb2.ConstructResponse:
        """Registers the component's outputs and makes the answer to the engine."""
        state = values.to_struct(outputs)
        request = resource_pb2.RegisterResourceOutputsRequest(urn=self.urn, outputs=state)
        try:
            self._monitor.RegisterResourceOutputs(request)
        except grpc.RpcError as error:
            raise ProviderError(error.details() or str(error)) from error
        answer = provider_pb2.ConstructResponse(urn=self.urn, state=state)
        for key in outputs:
            answer.stateDependencies[key].urns.extend((dependencies or {}).get(key, ()))
        return answer

    def _register(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        try:
            answer: resource_pb2.RegisterResourceResponse = self._monitor.RegisterResource(request)
        except grpc.RpcError as error:
            raise ProviderError(error.details() or str(error)) from error
        return answer
