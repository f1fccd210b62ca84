"""Runs a program: serves it a monitor and an engine, asks its language host to run it, and waits for it."""
# ruff: noqa: ARG002 - the parameters are those of gRPC's services

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    resource_pb2_grpc,
)

from sandbox.engine.deployment import Deployment
from sandbox.engine.monitor import Monitor, Run
from sandbox.engine.threads import DaemonPool

# A registration holds its thread until its step is done, and a component's own waits for all its children's.
_THREADS = 500
_OPTIONS = (("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20))
_SEVERITIES = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}
_GRACE = 10.0


class ProgramFailed(Exception):
    """The program ended with an error; what it says has been reported."""


class EngineService(engine_pb2_grpc.EngineServicer):
    """What programs log, and the root resource that they share."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._root = ""

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        severity = _SEVERITIES.get(request.severity, "info")
        # Once the operation is ending, a program can only complain that it is.
        late = self._deployment.stopped and severity == "error"
        if severity != "debug" and not late:
            self._deployment.events.diagnostic(
                severity, request.urn, request.message, request.streamId, ephemeral=request.ephemeral
            )
        return empty_pb2.Empty()

    def GetRootResource(
        self, request: engine_pb2.GetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(
        self, request: engine_pb2.SetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(
        self, request: engine_pb2.RequirePulumiVersionRequest, context: grpc.ServicerContext
    ) -> engine_pb2.RequirePulumiVersionResponse:
        return engine_pb2.RequirePulumiVersionResponse()


@contextlib.contextmanager
def serving(monitor: Monitor, deployment: Deployment) -> Iterator[str]:
    """Serves monitor and engine on one loopback address."""
    pool = DaemonPool(_THREADS)
    # gRPC asks for a ThreadPoolExecutor by type, and uses what any executor has.
    server = grpc.server(cast(Any, pool), options=_OPTIONS)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(EngineService(deployment), server)
    port = server.add_insecure_port("127.0.0.1:0")
    monitor.address = f"127.0.0.1:{port}"
    server.start()
    try:
        yield monitor.address
    finally:
        monitor.shut_down.set()
        server.stop(0.2).wait(_GRACE)
        pool.shutdown()


class Program:
    """One run of the program behind a language host's address."""

    def __init__(self, client: str, monitor: Monitor, deployment: Deployment, run: Run, directory: str) -> None:
        self._monitor = monitor
        self._deployment = deployment
        self._awake = threading.Event()
        self._channel = grpc.insecure_channel(client, options=_OPTIONS)
        request = language_pb2.RunRequest(
            project=run.stack.project,
            stack=run.stack.name,
            organization=run.stack.organization,
            pwd=directory,
            program=".",
            args=[monitor.address],
            config=run.config,
            configSecretKeys=run.secret_keys,
            dryRun=run.preview,
            parallel=run.parallel,
            monitor_address=monitor.address,
        )
        monitor.on_program_done = self._awake.set
        deployment.on_stop = self._awake.set
        self._answer: Any = language_pb2_grpc.LanguageRuntimeStub(self._channel).Run.future(
            request, wait_for_ready=True
        )
        self._answer.add_done_callback(lambda _: self._awake.set())

    def wait(self) -> None:
        """Returns when the program has registered everything, or when the operation stops. Raises ProgramFailed."""
        self._awake.wait()
        if self._monitor.program_done.is_set() or self._deployment.stopped:
            return
        self._judge()

    def _judge(self) -> None:
        try:
            answer = self._answer.result()
        except grpc.RpcError as error:
            self._deployment.fail(f"the language host failed: {error.details()}")
            raise ProgramFailed from error
        if answer.bail:
            self._deployment.failed = True
            raise ProgramFailed
        if answer.error and not self._deployment.stopped:
            self._deployment.fail(f"an unhandled error occurred: {answer.error}")
            raise ProgramFailed

    def close(self) -> None:
        """Lets the program end: it may have been waiting to be told that all is over."""
        self._monitor.shut_down.set()
        until = time.monotonic() + _GRACE
        while not self._answer.done() and time.monotonic() < until and not self._deployment.abandoned:
            with contextlib.suppress(grpc.RpcError, grpc.FutureTimeoutError, grpc.FutureCancelledError):
                self._answer.result(timeout=0.1)
        self._answer.cancel()
        self._channel.close()
