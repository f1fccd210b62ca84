"""A provider served as a plugin says over gRPC what it says in process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.engine import values
from sandbox.engine.plugin import Plugin
from sandbox.engine.protocol import UNKNOWN, Secret
from tests.sandbox.engine.conftest import ROOT
from tests.sandbox.engine.fuzz import FuzzProvider, things

URN = "urn:pulumi:dev::fuzz::fuzz:index:Thing::a"


@pytest.fixture
def plugin(tmp_path):
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(FuzzProvider(tmp_path)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(0).wait()


def struct(**properties) -> struct_pb2.Struct:
    return values.to_struct(properties)


def test_what_it_says_of_itself(plugin):
    assert plugin.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "1.0.0"
    configured = plugin.Configure(provider_pb2.ConfigureRequest(args=struct(region="here")))
    assert configured.acceptSecrets
    assert configured.supportsPreview
    with pytest.raises(grpc.RpcError) as raised:
        plugin.DiffConfig(provider_pb2.DiffRequest())
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_configuration_is_checked(plugin):
    answer = plugin.CheckConfig(provider_pb2.CheckRequest(news=struct(region="here", token=Secret("t"))))
    assert values.from_struct(answer.inputs) == {"region": "here", "token": Secret("t")}
    refused = plugin.CheckConfig(provider_pb2.CheckRequest(news=struct(refuse=1)))
    assert [(one.property, one.reason) for one in refused.failures] == [("refuse", "told to refuse")]


def test_a_life(plugin, tmp_path):
    news = struct(keep=Secret("x"), n=1)
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=news, randomSeed=b"seed"))
    assert values.from_struct(checked.inputs) == {"keep": Secret("x"), "n": 1}
    planned = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=news, preview=True))
    assert planned.id == ""
    assert values.from_struct(planned.properties)["serial"] is UNKNOWN
    assert things(tmp_path) == {}
    made = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=news))
    assert things(tmp_path)[made.id]["keep"] == "x"
    change = provider_pb2.DiffRequest(
        urn=URN, id=made.id, olds=made.properties, old_inputs=news, news=struct(keep=Secret("y"), n=1, fixed=1)
    )
    found = plugin.Diff(change)
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.replaces) == ["fixed"]
    assert {path: one.kind for path, one in found.detailedDiff.items()} == {
        "keep": provider_pb2.PropertyDiff.UPDATE,
        "fixed": provider_pb2.PropertyDiff.ADD_REPLACE,
    }
    same = provider_pb2.DiffRequest(urn=URN, id=made.id, olds=made.properties, old_inputs=news, news=news)
    assert plugin.Diff(same).changes == provider_pb2.DiffResponse.DIFF_NONE
    plugin.Update(
        provider_pb2.UpdateRequest(
            urn=URN, id=made.id, olds=made.properties, old_inputs=news, news=struct(keep=Secret("y"), n=1)
        )
    )
    read = plugin.Read(provider_pb2.ReadRequest(urn=URN, id=made.id, properties=made.properties, inputs=news))
    assert values.from_struct(read.inputs) == {"keep": Secret("y"), "n": 1}
    plugin.Delete(provider_pb2.DeleteRequest(urn=URN, id=made.id, properties=made.properties, old_inputs=news))
    assert things(tmp_path) == {}
    assert plugin.Read(provider_pb2.ReadRequest(urn=URN, id=made.id)).id == ""


def test_functions(plugin):
    answer = plugin.Invoke(provider_pb2.InvokeRequest(tok="fuzz:index:hush", args=struct()))
    assert values.from_struct(getattr(answer, "return")) == {"value": Secret("hush")}
    with pytest.raises(grpc.RpcError) as raised:
        plugin.Invoke(provider_pb2.InvokeRequest(tok="fuzz:index:no", args=struct()))
    assert raised.value.details() == "unknown function fuzz:index:no"


def test_what_was_made_all_the_same_comes_with_the_error(plugin, tmp_path):
    with pytest.raises(grpc.RpcError) as raised:
        plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(fail="init")))
    details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    partial = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(partial)
    assert list(things(tmp_path)) == [partial.id]
    assert list(partial.reasons) == ["did not become ready"]


def test_it_prints_its_port_and_ends_when_it_is_told(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sandbox.engine.fuzz"],
        cwd=ROOT,
        env={**os.environ, "FUZZ_WORLD": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty(), wait_for_ready=True).version == "1.0.0"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_it_ends_when_it_is_told_although_a_call_hangs(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sandbox.engine.fuzz"],
        cwd=ROOT,
        env={**os.environ, "FUZZ_WORLD": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            call = stub.Create.future(
                provider_pb2.CreateRequest(urn=URN, properties=struct(slow=60)), wait_for_ready=True
            )
            with pytest.raises(grpc.FutureTimeoutError):
                call.result(0.5)
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
