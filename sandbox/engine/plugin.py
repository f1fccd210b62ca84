"""Serves a provider as a resource plugin, so that a real Pulumi CLI can use the same object."""
# ruff: noqa: ARG002 - the parameters are those of gRPC's service

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.engine import urn as urns
from sandbox.engine import values
from sandbox.engine.protocol import Change, Checked, Difference, Made, Properties, Provider, ProviderError

_OPTIONS = (("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20))
_THREADS = 200
_KINDS = {
    Change.ADD: provider_pb2.PropertyDiff.ADD,
    Change.ADD_REPLACE: provider_pb2.PropertyDiff.ADD_REPLACE,
    Change.DELETE: provider_pb2.PropertyDiff.DELETE,
    Change.DELETE_REPLACE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    Change.UPDATE: provider_pb2.PropertyDiff.UPDATE,
    Change.UPDATE_REPLACE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
T = TypeVar("T")


def serve(provider: Provider) -> None:
    """Prints the port, as the CLI expects it, and serves until it is told to end."""
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    ended = threading.Event()
    # The CLI ends a plugin with SIGINT, after the last call; Ctrl-C doesn't reach it, as it has its own process group.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop(1).wait()
    # A call that hangs must not keep the process: the CLI would wait for it, and be killed holding the stack's lock.
    sys.stdout.flush()
    os._exit(0)


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Translates; decides nothing."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True, supports_autonaming_configuration=False
        )

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        about = {"name": self._provider.name, "version": self._provider.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(about))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> Any:
        news = values.from_struct(request.news)
        return _checked(_answer(context, lambda: self._provider.check_config(news)), news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        # The engine then compares the configurations itself; what the provider made stays.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "a changed configuration replaces nothing")
        raise AssertionError("abort always raises")

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        _answer(context, lambda: self._provider.configure(values.from_struct(request.args)))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        news = values.from_struct(request.news)
        olds = values.from_struct(request.olds) if request.HasField("olds") and request.olds.fields else None
        urn, type_ = request.urn, _type(request)
        return _checked(
            _answer(context, lambda: self._provider.check(urn, type_, olds, news, request.randomSeed)), news
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        found: Difference = _answer(
            context,
            lambda: self._provider.diff(
                request.urn,
                _type(request),
                request.id,
                values.from_struct(request.old_inputs),
                values.from_struct(request.olds),
                values.from_struct(request.news),
                list(request.ignoreChanges),
            ),
        )
        changes = provider_pb2.DiffResponse.DIFF_SOME if found.changes else provider_pb2.DiffResponse.DIFF_NONE
        answer = provider_pb2.DiffResponse(
            changes=changes,
            replaces=found.replaces,
            stables=found.stables,
            deleteBeforeReplace=found.delete_before_replace,
            diffs=sorted({path.partition(".")[0].partition("[")[0] for path in found.detailed}),
            hasDetailedDiff=bool(found.detailed),
        )
        for path, change in found.detailed.items():
            answer.detailedDiff[path].kind = _KINDS[change]
            answer.detailedDiff[path].inputDiff = True
        return answer

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        news = values.from_struct(request.properties)
        made: Made = _answer(
            context,
            lambda: self._provider.create(
                request.urn, _type(request), news, preview=request.preview, timeout=request.timeout or None
            ),
            news,
        )
        return provider_pb2.CreateResponse(id=made.id, properties=values.to_struct(made.outputs))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        news = values.from_struct(request.news)
        outputs: Properties = _answer(
            context,
            lambda: self._provider.update(
                request.urn,
                _type(request),
                request.id,
                values.from_struct(request.old_inputs),
                values.from_struct(request.olds),
                news,
                list(request.ignoreChanges),
                preview=request.preview,
                timeout=request.timeout or None,
            ),
            news,
        )
        return provider_pb2.UpdateResponse(properties=values.to_struct(outputs))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        inputs = values.from_struct(request.inputs)
        outputs = values.from_struct(request.properties)
        found = _answer(context, lambda: self._provider.read(request.urn, _type(request), request.id, inputs, outputs))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id,
            inputs=values.to_struct(values.keep_secrets(found.inputs, inputs)),
            properties=values.to_struct(values.keep_secrets(found.outputs, outputs)),
        )

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        _answer(
            context,
            lambda: self._provider.delete(
                request.urn,
                _type(request),
                request.id,
                values.from_struct(request.old_inputs),
                values.from_struct(request.properties),
                request.timeout or None,
            ),
        )
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        found = _answer(context, lambda: self._provider.invoke(request.tok, values.from_struct(request.args)))
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(values.to_struct(found))
        return answer

    def Construct(
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        return _answer(context, lambda: self._provider.construct(request))

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._provider.cancel()
        return empty_pb2.Empty()


def _type(request: Any) -> str:
    """The resource's type; older engines send the URN only."""
    return str(request.type) or urns.type_of(request.urn)


def _checked(answer: Checked, news: Properties) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=values.to_struct(values.keep_secrets(answer.inputs, news)),
        failures=[provider_pb2.CheckFailure(property=one.property, reason=one.reason) for one in answer.failures],
    )


def _answer(context: grpc.ServicerContext, call: Callable[[], T], inputs: Properties | None = None) -> T:
    """The provider's answer; its refusal as a gRPC error, with what it made all the same."""
    try:
        return call()
    except ProviderError as error:
        if error.partial is not None:
            context.abort_with_status(_partial(error.message, error.partial, inputs or {}))
        context.abort(grpc.StatusCode.UNKNOWN, error.message)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
    raise AssertionError("abort always raises")


class _Status(grpc.Status):
    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> None:
        self.code, self.details, self.trailing_metadata = code, details, trailing_metadata


def _partial(message: str, made: Made, inputs: Properties) -> _Status:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=made.id,
            properties=values.to_struct(made.outputs),
            reasons=[message],
            inputs=values.to_struct(inputs),
        )
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    return _Status(code, message, (("grpc-status-details-bin", status.SerializeToString()),))
