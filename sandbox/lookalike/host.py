"""The language host: takes the engine's request to run the program, and runs it in a child process."""
# ruff: noqa: ARG002 - the parameters are those of gRPC's services

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.lookalike.child import TOLD
from sandbox.lookalike.program import Program

_CHILD = Path(__file__).with_name("child.py")
_OPTIONS = (("grpc.max_receive_message_length", 400 << 20),)


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs one program, as often as it is asked to."""

    def __init__(self, program: Program, environ: Mapping[str, str]) -> None:
        self._program = program
        self._environ = {**environ, "PYTHONUNBUFFERED": "1", "GRPC_VERBOSITY": "NONE"}

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        address = request.args[0] if request.args else request.monitor_address
        with grpc.insecure_channel(address) as channel:
            engine = engine_pb2_grpc.EngineStub(channel)
            code = self._play(request, address, engine, context)
        if code in (0, TOLD):
            return language_pb2.RunResponse(bail=code == TOLD)
        how = f"exited with non-zero exit code: {code}" if code > 0 else f"was ended by signal {-code}"
        return language_pb2.RunResponse(error=f"program {how}")

    def _play(
        self,
        request: language_pb2.RunRequest,
        address: str,
        engine: engine_pb2_grpc.EngineStub,
        context: grpc.ServicerContext,
    ) -> int:
        reading, writing = os.pipe()
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            try:
                process = subprocess.Popen(
                    [str(self._program.python), "-u", str(_CHILD), str(reading)],
                    cwd=self._program.directory,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(reading,),
                    # Ctrl-C is for the engine: it lets the running step end, and then the program.
                    start_new_session=True,
                )
            finally:
                os.close(reading)
            context.add_callback(lambda: _kill(process))
            pipe.write(json.dumps(self._document(request, address)) + "\n")
            pipe.flush()
            assert process.stdout is not None and process.stderr is not None
            readers = [
                threading.Thread(target=_relay, args=[stream, engine], daemon=True)
                for stream in (process.stdout, process.stderr)
            ]
            for reader in readers:
                reader.start()
            code = process.wait()
            for reader in readers:
                reader.join(2)
            return code

    def _document(self, request: language_pb2.RunRequest, address: str) -> dict[str, Any]:
        return {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "root": str(self._program.root),
            "monitor": request.monitor_address,
            "engine": address,
            "parallel": request.parallel,
            "preview": request.dryRun,
            "config": dict(request.config),
            "secretKeys": list(request.configSecretKeys),
            "program": self._program.target,
        }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """When the engine has gone, or waits no longer."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _relay(stream: IO[bytes], engine: engine_pb2_grpc.EngineStub) -> None:
    """What a program prints is shown with what it logs."""
    for line in stream:
        text = line.decode("utf-8", "replace").rstrip("\n")
        if text:
            with contextlib.suppress(grpc.RpcError):
                engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text))


@contextlib.contextmanager
def hosting(program: Program, environ: Mapping[str, str]) -> Iterator[str]:
    """Serves the host on a loopback address for as long as the block runs."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(program, environ), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0.2).wait()
        sys.stdout.flush()
