"""The ResourceMonitor that programs and remote components register with, over gRPC."""
# ruff: noqa: ARG002 - the parameters are those of gRPC's services

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from sandbox.engine import builtin, goal, values
from sandbox.engine import urn as urns
from sandbox.engine.defaults import DefaultProviders
from sandbox.engine.deployment import Deployment
from sandbox.engine.execution import Stopped
from sandbox.engine.options import Stack
from sandbox.engine.protocol import Properties, ProviderError
from sandbox.engine.resource import Resource

FEATURES = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "outputValues": resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "deletedWith": resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    "replaceWith": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
}
_SHUT_DOWN = "resource monitor shut down"


@dataclass(frozen=True)
class Run:
    """What a program is told about the run that it is part of."""

    stack: Stack
    config: Mapping[str, str]
    secret_keys: tuple[str, ...]
    preview: bool
    parallel: int


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def __init__(self, run: Run, deployment: Deployment, provider_config: Mapping[str, Any]) -> None:
        self._run = run
        self._deployment = deployment
        self._defaults = DefaultProviders(provider_config, self._register_provider)
        self._component_providers: dict[str, dict[str, str]] = {}
        self.address = ""
        self.program_done = threading.Event()
        self.shut_down = threading.Event()
        self.on_program_done: Callable[[], None] = lambda: None

    def GetDeploymentInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> resource_pb2.DeploymentInfo:
        run = self._run
        return resource_pb2.DeploymentInfo(
            project=run.stack.project,
            stack=run.stack.name,
            organization=run.stack.organization,
            config=run.config,
            configSecretKeys=run.secret_keys,
            dryRun=run.preview,
            parallel=run.parallel,
            supportedFeatures=FEATURES.values(),
        )

    def SupportsFeature(
        self, request: resource_pb2.SupportsFeatureRequest, context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.program_done.set()
        self.on_program_done()
        self.shut_down.wait()
        return empty_pb2.Empty()

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        try:
            if request.remote:
                return self._construct(request, context)
            wanted = goal.from_request(request, self._provider_of(request))
            if urns.is_provider(request.type) and request.version:
                wanted.inputs.setdefault("version", request.version)
                wanted.inputs.setdefault("__internal", {})
            result = self._deployment.register(wanted)
        except Stopped:
            return self._unavailable(request, context)
        except ProviderError as error:
            self._deployment.fail(error.message)
            return self._unavailable(request, context)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        if not request.custom:
            self._component_providers[result.resource.urn] = self._inherited_providers(request)
        outputs = result.resource.outputs if request.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=result.resource.urn,
            id=result.resource.id,
            object=values.to_struct(outputs, secrets=request.acceptSecrets, references=request.acceptResources),
            unknown=result.unknown,
        )

    def _unavailable(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        if self._deployment.stopped or not request.supportsResultReporting:
            context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        stack = self._run.stack
        urn = urns.make(stack.name, stack.project, request.parent, request.type, request.name)
        return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.FAIL)

    def _provider_of(self, request: resource_pb2.RegisterResourceRequest) -> str:
        if not (request.custom or request.remote) or urns.is_provider(request.type):
            return ""
        package = urns.package_of(request.type)
        explicit = request.provider or dict(request.providers).get(package)
        explicit = explicit or self._component_providers.get(request.parent, {}).get(package)
        return explicit or self._default(request.type, request)

    def _default(self, what: str, request: Any) -> str:
        """The reference of the default provider for a type or a function. Raises Stopped and ProviderError."""
        return self._defaults.reference(urns.package_of(what), request.version, request.pluginDownloadURL, what)

    def _register_provider(self, wanted: goal.Goal) -> str:
        provider = self._deployment.register(wanted).resource
        return f"{provider.urn}::{provider.id}"

    def _inherited_providers(self, request: resource_pb2.RegisterResourceRequest) -> dict[str, str]:
        return {**self._component_providers.get(request.parent, {}), **dict(request.providers)}

    def _construct(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        """A component that its provider builds: it registers the component and the children here itself."""
        if self._deployment.stopped:
            raise Stopped
        reference = self._provider_of(request)
        try:
            provider = self._deployment.registry.get(reference)
            answer = provider.construct(self._construct_request(request))
        except Exception as error:
            if not self._deployment.stopped:
                why = error.details() if isinstance(error, grpc.RpcError) else _reason(error)
                self._deployment.fail(f"{request.type} resource '{request.name}' has a problem: {why}")
            raise Stopped from error
        dependencies = {
            key: resource_pb2.RegisterResourceResponse.PropertyDependencies(urns=named.urns)
            for key, named in answer.stateDependencies.items()
        }
        return resource_pb2.RegisterResourceResponse(
            urn=answer.urn, object=answer.state, propertyDependencies=dependencies
        )

    def _construct_request(self, request: resource_pb2.RegisterResourceRequest) -> provider_pb2.ConstructRequest:
        run = self._run
        asked = provider_pb2.ConstructRequest(
            project=run.stack.project,
            stack=run.stack.name,
            organization=run.stack.organization,
            config=run.config,
            configSecretKeys=run.secret_keys,
            dryRun=run.preview,
            parallel=run.parallel,
            monitorEndpoint=self.address,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=request.object,
            providers=self._inherited_providers(request),
            dependencies=request.dependencies,
            additionalSecretOutputs=request.additionalSecretOutputs,
            deletedWith=request.deletedWith,
            ignoreChanges=request.ignoreChanges,
            replaceOnChanges=request.replaceOnChanges,
            accepts_output_values=True,
        )
        for key, named in request.propertyDependencies.items():
            asked.inputDependencies[key].urns.extend(named.urns)
        if request.HasField("protect"):
            asked.protect = request.protect
        if request.HasField("retainOnDelete"):
            asked.retainOnDelete = request.retainOnDelete
        if request.deleteBeforeReplaceDefined:
            asked.deleteBeforeReplace = request.deleteBeforeReplace
        asked.aliases.extend(request.aliases)
        return asked

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._deployment.register_outputs(request.urn, values.from_struct(request.outputs))
        except ValueError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Stopped:
            context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        return empty_pb2.Empty()

    def ReadResource(
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        stack = self._run.stack
        try:
            provider = request.provider or self._default(request.type, request)
            resource = self._deployment.read(
                Resource(
                    urn=urns.make(stack.name, stack.project, request.parent, request.type, request.name),
                    type=request.type,
                    custom=True,
                    external=True,
                    id=request.id,
                    inputs=values.from_struct(request.properties),
                    parent=request.parent,
                    dependencies=tuple(request.dependencies),
                    provider=provider,
                    secret_outputs=tuple(request.additionalSecretOutputs),
                )
            )
        except Stopped:
            context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, error.message)
        return resource_pb2.ReadResourceResponse(
            urn=resource.urn,
            properties=values.to_struct(
                resource.outputs, secrets=request.acceptSecrets, references=request.acceptResources
            ),
        )

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        token = request.tok
        try:
            answer = self._invoked(request)
        except Stopped:
            context.abort(grpc.StatusCode.UNAVAILABLE, _SHUT_DOWN)
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"invocation of {token} returned an error: {_reason(error)}")
        result = provider_pb2.InvokeResponse()
        getattr(result, "return").CopyFrom(values.to_struct(answer, references=request.acceptResources))
        return result

    def _invoked(self, request: resource_pb2.ResourceInvokeRequest) -> Properties:
        package, args = urns.package_of(request.tok), values.from_struct(request.args)
        if package == builtin.PACKAGE:
            return builtin.invoke(request.tok, args, self._deployment.made.get)
        reference = request.provider or self._default(request.tok, request)
        return self._deployment.registry.get(reference).invoke(request.tok, args)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, ProviderError) else f"{type(error).__name__}: {error}"
