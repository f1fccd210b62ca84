"""Programs that ask for what can't be, and states that were edited: refused, and nothing is lost."""

from __future__ import annotations

import asyncio
import copy
import json

import grpc
import pulumi
import pulumi.automation as auto
import pytest
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2

from sandbox.engine import values
from sandbox.engine.backend import FileBackend
from sandbox.engine.checkpoint import Codec, CorruptCheckpoint, load
from tests.sandbox.engine.programs import Described, Thing

OWN = "urn:pulumi:dev::fuzz::fuzz:index:Thing::raw"
NONE = "urn:pulumi:dev::fuzz::fuzz:index:Thing::none"


def raw(**fields):
    """A program that registers something which the SDK would not let it ask for."""

    def program() -> None:
        request = resource_pb2.RegisterResourceRequest(
            type="fuzz:index:Thing", name="raw", custom=True, version="1.0.0", supportsResultReporting=True, **fields
        )
        try:
            settings.get_monitor().RegisterResource(request)
        except grpc.RpcError:
            return

    return program


def by_property(urn):
    return {"x": resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=[urn])}


MISFITS = {
    "its own parent": {"parent": OWN},
    "a parent that nobody registered": {"parent": NONE},
    "itself": {"dependencies": [OWN]},
    "what nobody registered": {"dependencies": [NONE]},
    "itself by a property": {"propertyDependencies": by_property(OWN)},
    "what nobody registered by a property": {"propertyDependencies": by_property(NONE)},
    "deleted with what nobody registered": {"deletedWith": NONE},
}


@pytest.mark.slow
@pytest.mark.parametrize("misfit", MISFITS)
def test_a_resource_that_refers_to_itself_or_to_nothing_fails_the_update(workspace, misfit):
    stack = workspace.stack(raw(**MISFITS[misfit]))
    with pytest.raises(auto.errors.CommandError) as raised:
        stack.up()
    told = str(raised.value)
    assert OWN in told or NONE in told
    if workspace.engine == "cli" and "parent" not in misfit:
        return  # it fails when it has made the resource and written a state that it refuses from then on
    assert workspace.things() == {}
    if workspace.engine == "embedded":
        words = ("could not find parent resource", "depends on itself", "refers to missing dependency")
        assert any(one in told for one in words)
    assert stack.export_stack()
    with pytest.raises(auto.errors.CommandError):
        stack.preview()
    assert workspace.stack(Described(a={})).up().summary.resource_changes["create"] >= 1


@pytest.mark.slow
def test_what_was_there_survives_a_resource_that_refers_to_nothing(embedded):
    program = Described(a={"keep": 1})
    embedded.stack(program).up()
    before = embedded.things()

    def more() -> None:
        program()
        raw(dependencies=[NONE])()

    with pytest.raises(auto.errors.CommandError, match="refers to missing dependency"):
        embedded.stack(more).up()
    assert embedded.things() == before
    assert set(embedded.stack(program).preview().change_summary) == {"same"}


@pytest.mark.slow
def test_a_program_that_leaves_a_coroutine_pending(workspace):
    def program() -> None:
        Thing("a")
        pending.append(asyncio.get_event_loop().create_task(asyncio.sleep(3600)))

    pending: list[asyncio.Task[None]] = []
    assert workspace.stack(program).up().summary.resource_changes == {"create": 2}


@pytest.mark.slow
def test_a_program_that_returns_while_it_still_registers(workspace):
    def program() -> None:
        async def later() -> str:
            await asyncio.sleep(0.2)
            return "late"

        first = Thing("a", {"keep": pulumi.Output.from_input(later()), "slow": 0.2})
        first.serial.apply(lambda serial: Thing("b", {"keep": serial}))

    stack = workspace.stack(program)
    assert stack.up().summary.resource_changes == {"create": 3}
    assert set(stack.preview().change_summary) == {"same"}


def checkpoint_of(workspace):
    return json.loads(workspace.state_file().read_text())


def entry(document, name):
    return next(one for one in document["checkpoint"]["latest"]["resources"] if one["urn"].endswith(f"::{name}"))


def twice(document):
    document["checkpoint"]["latest"]["resources"].append(copy.deepcopy(entry(document, "b")))


def unknown_dependency(document):
    entry(document, "b")["dependencies"] = [NONE]


def unknown_provider(document):
    entry(document, "b")["provider"] = "urn:pulumi:dev::fuzz::pulumi:providers:fuzz::none::1"


def wrong_order(document):
    document["checkpoint"]["latest"]["resources"].reverse()


def newer(document):
    document["version"] = 5


def cut_off(text):
    return text[: len(text) // 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (twice, "duplicate resource .*::b"),
        (unknown_dependency, "refers to missing .*::none"),
        (unknown_provider, "refers to unknown provider .*::none::1"),
        (wrong_order, "refers to (missing|unknown)"),
        (newer, "is of version 5; this engine reads version 3"),
        (cut_off, "not a checkpoint of Pulumi"),
    ],
)
def test_an_edited_state_is_refused_and_left(workspace, edit, says):
    program = Described(a={"keep": 1}, b={"after": ["a"]})
    stack = workspace.stack(program)
    stack.up()
    good = workspace.state_file().read_text()
    if edit is cut_off:
        damaged = cut_off(good)
    else:
        document = checkpoint_of(workspace)
        edit(document)
        damaged = json.dumps(document)
    workspace.state_file().write_text(damaged)
    attributes = workspace.state_file().with_name("dev.json.attrs")
    attributes.unlink(missing_ok=True)
    before, made = workspace.things(), workspace.calls("create", "delete")
    for run in (stack.preview, stack.up, stack.refresh, stack.destroy):
        with pytest.raises(auto.errors.CommandError) as raised:
            run()
        if workspace.engine == "embedded":
            raised.match(says)
            raised.match("was left as it is")
    assert workspace.state_file().read_text() == damaged
    assert workspace.things() == before
    assert workspace.calls("create", "delete") == made
    assert not list((workspace.state / ".pulumi" / "locks").rglob("*.json"))
    workspace.state_file().write_text(good)
    assert stack.up().summary.resource_changes == {"same": 3}


@pytest.mark.slow
def test_a_secret_that_was_tampered_with_is_refused_and_left(embedded):
    stack = embedded.stack(lambda: Thing("a", {"keep": pulumi.Output.secret("hush")}))
    stack.up()
    document = checkpoint_of(embedded)
    sealed = entry(document, "a")["inputs"]["keep"]
    sealed["ciphertext"] = sealed["ciphertext"][:-6] + "AAAA" + sealed["ciphertext"][-2:]
    text = json.dumps(document)
    embedded.state_file().write_text(text)
    for run in (stack.preview, stack.up, stack.destroy):
        with pytest.raises(auto.errors.CommandError, match="error: "):
            run()
    assert embedded.state_file().read_text() == text
    assert len(embedded.things()) == 1


@pytest.mark.slow
def test_a_full_disk_after_the_last_step_is_told_and_the_state_is_whole(embedded, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    program = Described(a={"keep": 1})
    stack = embedded.stack(program)
    monkeypatch.setattr(FileBackend, "add_history", full)
    with pytest.raises(auto.errors.CommandError, match=r"saving update info: .*No space left on device"):
        stack.up()
    monkeypatch.undo()
    assert stack.up().summary.resource_changes == {"same": 2}


@pytest.mark.slow
def test_a_state_with_features_that_only_a_real_cli_has_is_refused_and_left(embedded):
    # Version 4 is what a real CLI writes when a state uses what this engine leaves out.
    stack = embedded.stack(Described(a={}))
    stack.up()
    text = json.dumps({**checkpoint_of(embedded), "version": 4, "features": ["hooks"]})
    embedded.state_file().write_text(text)
    for run in (stack.preview, stack.up, stack.refresh, stack.destroy):
        with pytest.raises(auto.errors.CommandError, match="is of version 4; this engine reads version 3"):
            run()
    assert embedded.state_file().read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("version", [99, 0, "three", None])
def test_a_deployment_of_an_unknown_version_is_not_imported(workspace, version):
    stack = workspace.stack(Described(a={}))
    stack.up()
    before = workspace.state_file().read_text()
    deployment = stack.export_stack()
    deployment.version = version
    with pytest.raises(auto.errors.CommandError):
        stack.import_stack(deployment)
    assert workspace.state_file().read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize("deployment", [[1], "text", {"resources": 5}, {"secrets_providers": []}, {"resources": [1]}])
def test_a_deployment_of_wrong_types_is_not_imported(embedded, deployment):
    stack = embedded.stack(Described(a={}))
    stack.up()
    before = embedded.state_file().read_text()
    with pytest.raises(auto.errors.CommandError, match=r"could not (read|deserialize) deployment"):
        stack.import_stack(auto.Deployment(version=3, deployment=deployment))
    assert embedded.state_file().read_text() == before


STRANGE = (None, True, 7, "text", [], [1], ["text"], {}, {"text": 1})


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def test_wrong_types_anywhere_in_a_deployment_are_refused_or_harmless():
    urn = "urn:pulumi:s::p::t:m:T::a"
    provider = "urn:pulumi:s::p::pulumi:providers:t::default"
    good = {
        "manifest": {"time": "2026-11-20T17:27:37Z", "version": "v3.0.0"},
        "resources": [
            {"urn": provider, "type": "pulumi:providers:t", "custom": True, "id": "i"},
            {"urn": urn, "type": "t:m:T", "custom": True, "id": "i", "provider": f"{provider}::i", "inputs": {"x": 1}},
            {
                "urn": f"{urn}b",
                "type": "t:m:T",
                "parent": urn,
                "dependencies": [urn],
                "propertyDependencies": {"x": [urn]},
                "outputs": {"ref": {values.SIGNATURE: values.REFERENCE, "urn": urn}},
                "customTimeouts": {"create": 5},
                "aliases": [urn],
            },
        ],
        "pending_operations": [{"resource": {"urn": urn, "type": "t:m:T"}, "type": "creating"}],
    }
    load(good, Codec(None))
    refused = 0
    for path in [one for one in places(good) if one]:
        for strange in STRANGE:
            edited = copy.deepcopy(good)
            inner = edited
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = strange
            try:
                snapshot = load(edited, Codec(None))
            except CorruptCheckpoint:
                refused += 1
                continue
            # What is taken can be written and taken again.
            text = Codec(None).deployment_text(snapshot)
            load(json.loads(text), Codec(None))
            for one in snapshot.resources:
                assert isinstance(one.urn, str)
                assert isinstance(one.inputs, dict)
                assert isinstance(one.outputs, dict)
                assert isinstance(one.id, str)
    assert refused > 100
