"""The engine's pure parts: values, paths, secrets, checkpoints, order of deletion, the command line."""

from __future__ import annotations

import json

import pytest
from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine import arguments, checkpoint, crypto, goal, graph, journal, paths, urn, values
from sandbox.engine.checkpoint import Codec, CorruptCheckpoint, Snapshot
from sandbox.engine.failure import CommandFailed
from sandbox.engine.protocol import UNKNOWN, Change, Difference, ResourceRef, Secret
from sandbox.engine.replacement import with_replace_on_changes
from sandbox.engine.resource import Operation, Resource

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | KEYS
    | st.just(UNKNOWN)
    | st.builds(ResourceRef, st.just("urn:pulumi:s::p::t:m:T::n"), st.none() | st.just("id"))
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
PROPERTIES = st.dictionaries(KEYS, VALUES | st.builds(Secret, VALUES), max_size=4)
few = settings(max_examples=40, deadline=None)
CRYPTER = crypto.Crypter(b"0" * 32, "v1:c2FsdA==:v1:bm9uY2Vub25jZQ==:c2VhbGVk")


@few
@given(PROPERTIES)
def test_values_survive_the_wire(properties):
    assert values.equal(values.from_struct(values.to_struct(properties)), properties)


@few
@given(PROPERTIES)
def test_values_survive_the_checkpoint(properties):
    resource = Resource("urn:pulumi:s::p::t:m:T::n", "t:m:T", inputs=properties, outputs=properties)
    text = Codec(CRYPTER).resource_text(resource)
    found = Codec(CRYPTER).decode(json.loads(text))
    assert values.equal(found.inputs, properties)
    kept = Codec(CRYPTER)
    again = kept.decode(json.loads(text))
    assert json.loads(kept.resource_text(again)) == json.loads(text)


@few
@given(st.text())
def test_secrets_open_with_their_key_only(text):
    sealed = CRYPTER.encrypt(text)
    assert CRYPTER.decrypt(sealed) == text
    assert CRYPTER.encrypt(text) != sealed
    with pytest.raises(crypto.WrongPassphrase):
        crypto.Crypter(b"1" * 32, "").decrypt(sealed)


def test_what_pulumi_sealed_opens():
    # Written by a real CLI with the passphrase "x".
    crypter = crypto.restore("x", "v1:xI6nQf0jOj4=:v1:k3Nys2Y8h+lYphy3:89/p7P33wCTBtlcGaeHZcpHIyf4tIg==")
    assert crypter.decrypt("v1:RRLGW4xXlOGMl4PQ:3gxDwVU9vEHRa/FIY1HSHAcTS2t13ys=") == "hunter2"
    assert crypter.decrypt("v1:rBn+l48/SZ9GbmgR:gXr5yEPpzxbOpN9h13xGU4QRzSrDtg==") == '"hush"'
    with pytest.raises(crypto.WrongPassphrase):
        crypto.restore("y", crypter.state)
    for malformed in ("", "v1:abc", "v2:a:b:c:d"):
        with pytest.raises(ValueError, match="malformed"):
            crypto.restore("x", malformed)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ["a"]),
        ("a.b", ["a", "b"]),
        ("a[0].b", ["a", 0, "b"]),
        ('a["b.c"]', ["a", "b.c"]),
        ("a[*].b", ["a", "*", "b"]),
        ("*", ["*"]),
    ],
)
def test_property_paths(text, path):
    assert paths.parse(text) == path


@pytest.mark.parametrize("text", ["", "a[", "a]", 'a["b'])
def test_malformed_property_paths(text):
    with pytest.raises(ValueError):
        paths.parse(text)


def test_resetting_what_is_ignored():
    old = {"a": 1, "b": {"x": 1, "y": 2}, "list": [{"n": 1}, {"n": 2}]}
    new = {"a": 2, "b": {"x": 5, "y": 6}, "list": [{"n": 3}, {"n": 4}], "c": 1}

    def reset(path):
        return paths.reset(old, new, paths.parse(path))

    assert reset("a") == ({**new, "a": 1}, True)
    assert reset("b.x") == ({**new, "b": {"x": 1, "y": 6}}, True)
    assert reset("list[*].n") == ({**new, "list": [{"n": 1}, {"n": 2}]}, True)
    assert reset("c") == ({key: value for key, value in new.items() if key != "c"}, True)
    assert reset("gone") == (new, True)
    assert reset("c.deep") == (new, False)
    assert reset("list[7].n") == (new, True)


def test_resetting_each_element_of_what_has_one_named_by_a_star():
    """As a policy's principals have."""
    assert paths.reset({"by": {"*": 1, "a": 2}}, {"by": {"*": 3, "a": 4}}, ["by", "*"])[0] == {"by": {"*": 1, "a": 2}}


@few
@given(st.dictionaries(KEYS.filter(bool), VALUES, max_size=4), st.dictionaries(KEYS.filter(bool), VALUES, max_size=4))
def test_resetting_every_key_gives_the_old_properties(old, new):
    result = new
    for key in old.keys() | new.keys():
        result, fits = paths.reset(old, result, [key])
        assert fits
    assert values.equal(result, old)


@few
@given(PROPERTIES, PROPERTIES)
def test_changed_keys_are_those_that_differ(old, new):
    changed = values.changed_keys(old, new)
    assert changed == values.changed_keys(new, old)
    assert not values.changed_keys(old, old)
    assert set(changed) <= old.keys() | new.keys()


def test_replace_on_changes_turns_changes_into_replacements():
    found = Difference(True, detailed={"a.b": Change.UPDATE, "c": Change.ADD})
    difference, keys = with_replace_on_changes(found, ["a"], False)
    assert keys == ("a",)
    assert difference.detailed == {"a.b": Change.UPDATE_REPLACE, "c": Change.ADD}
    assert with_replace_on_changes(found, ["*"], False)[1] == ("a", "c")
    assert with_replace_on_changes(Difference(False), ["*"], False)[1] == ()


def thing(name, *needs, **fields):
    own = f"urn:pulumi:s::p::t:m:T::{name}"
    return Resource(own, "t:m:T", True, dependencies=tuple(f"urn:pulumi:s::p::t:m:T::{one}" for one in needs), **fields)


@few
@given(st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12))
def test_deletions_come_before_what_they_depend_on(needs):
    resources = [thing(str(index), *(str(one) for one in wanted if one < index)) for index, wanted in enumerate(needs)]
    groups = graph.antichains(resources, graph.Graph(resources))
    assert sorted(one.urn for group in groups for one in group) == sorted(one.urn for one in resources)
    gone: set[str] = set()
    for group in groups:
        gone |= {one.urn for one in group}
        for one in group:
            assert all(urn not in gone for urn in one.dependencies)


def test_a_parent_goes_after_its_children_and_what_needs_a_component_before_them():
    box = Resource("urn:pulumi:s::p::t:m:Box::box", "t:m:Box")
    child = Resource("urn:pulumi:s::p::t:m:Box$t:m:T::child", "t:m:T", True, parent=box.urn)
    user = Resource("urn:pulumi:s::p::t:m:T::user", "t:m:T", True, dependencies=(box.urn,))
    resources = [box, child, user]
    assert graph.antichains(resources, graph.Graph(resources)) == [[user], [child], [box]]


def test_urns():
    stack = urn.make("dev", "p", "", urn.STACK_TYPE, "p-dev")
    box = urn.make("dev", "p", stack, "a:b:Box", "box")
    assert box == "urn:pulumi:dev::p::a:b:Box::box"
    child = urn.make("dev", "p", box, "a:b:T", "x::y")
    assert child == "urn:pulumi:dev::p::a:b:Box$a:b:T::x::y"
    assert (urn.type_of(child), urn.name_of(child)) == ("a:b:T", "x::y")
    reference = urn.ProviderRef.parse(f"{box}::some-id")
    assert (reference.urn, reference.id, str(reference)) == (box, "some-id", f"{box}::some-id")
    with pytest.raises(ValueError):
        urn.ProviderRef.parse("nonsense")


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("100ms", 0.1)])
def test_durations(text, seconds):
    assert goal.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "m", "5 m", "5m!"])
def test_malformed_durations(text):
    with pytest.raises(ValueError, match="invalid duration"):
        goal.seconds(text)


def test_the_journal_keeps_what_is_running_and_what_is_unclear():
    a, b, c = thing("a"), thing("b"), thing("c")
    saved: list[Snapshot] = []
    unclear = Operation(thing("x"), "creating")
    base = Snapshot((a, b), (unclear, Operation(b, "updating")))
    log = journal.Journal(base, saved.append)
    log.begin(c, "creating")
    assert saved[-1].resources == (a, b)
    assert [one.kind for one in saved[-1].pending] == ["creating", "creating"]
    log.done(new=c, started=c)
    assert saved[-1].resources == (c, a, b)
    assert saved[-1].pending == (unclear,)
    log.done(old=a)
    assert saved[-1].resources == (c, b)
    count = len(saved)
    log.done(new=thing("b"), old=b, dirty=False)
    assert len(saved) == count
    log.close()
    assert len(saved) == count + 1
    assert b not in saved[-1].resources


def test_references_follow_a_new_name():
    old = "urn:pulumi:s::p::t:m:T::old"
    new = Resource("urn:pulumi:s::p::t:m:T::new", "t:m:T", True, aliases=(old,))
    user = thing("user", "old", deleted_with=old, property_dependencies={"k": (old,)}, parent=old)
    renamed = journal.renamed([new, user])[1]
    assert (renamed.dependencies, renamed.deleted_with, renamed.parent) == ((new.urn,), new.urn, new.urn)
    assert renamed.property_dependencies == {"k": (new.urn,)}


@pytest.mark.parametrize(
    "resources",
    [
        [thing("b", "a")],
        [thing("a"), thing("a")],
        [thing("a", provider="urn:pulumi:s::p::pulumi:providers:t::default::id")],
        [thing("a", parent="urn:pulumi:s::p::t:m:T::none")],
    ],
)
def test_a_state_that_does_not_hang_together_is_refused(resources):
    with pytest.raises(CorruptCheckpoint, match="snapshot integrity failure"):
        checkpoint.verify(resources)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"version":3}', '{"version":9,"checkpoint":{"stack":"s"}}'])
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(CorruptCheckpoint):
        checkpoint.parse(text)


def test_fields_that_nobody_here_knows_are_kept():
    entry = {"urn": "urn:pulumi:s::p::t:m:T::n", "custom": True, "type": "t:m:T", "hideDiff": [["x"]], "taint": True}
    codec = Codec(None)
    assert codec.encode(codec.decode(entry)) == entry


def test_output_values_and_their_dependencies():
    struct = struct_pb2.Struct()
    struct.update(
        {
            "known": {values.SIGNATURE: values.OUTPUT, "value": 1, "dependencies": ["urn:a", "urn:b"]},
            "unknown": [{values.SIGNATURE: values.OUTPUT, "dependencies": ["urn:a"]}],
            "secret": {values.SIGNATURE: values.OUTPUT, "value": "x", "secret": True},
        }
    )
    assert values.from_struct(struct) == {"known": 1, "unknown": [UNKNOWN], "secret": Secret("x")}
    assert values.output_dependencies(struct) == {"known": ["urn:a", "urn:b"], "unknown": ["urn:a"]}


def test_the_command_line():
    parsed = arguments.parse(
        ["--non-interactive", "config", "set", "k", "--plaintext", "--stack", "dev", "--path", "--", "-v --x"]
    )
    assert parsed.command == ("config", "set")
    assert parsed.positional == ["k", "-v --x"]
    assert parsed.one("stack") == "dev"
    assert "path" in parsed
    assert "secret" not in parsed
    many = arguments.parse(["config", "set-all", "--stack", "s", "--plaintext", "a=1", "--secret", "b=2"])
    assert (many.options["plaintext"], many.options["secret"]) == (["a=1"], ["b=2"])
    up = arguments.parse(["up", "--yes", "--target", "a,b", "--target", "**::c", "--client=127.0.0.1:1", "-p", "3"])
    assert up.all("target") == ["a", "b", "**::c"]
    assert (up.one("client"), up.one("parallel")) == ("127.0.0.1:1", "3")
    assert "run" not in arguments.parse(["refresh", "--run=false"])
    with pytest.raises(CommandFailed, match="flag needs an argument: --stack"):
        arguments.parse(["up", "--stack"])


def test_an_unknown_command_says_what_is_known(embedded):
    lines: list[str] = []
    code = embedded.command().execute(["watch"], str(embedded.project), embedded.env, lines.append, lines.append)
    assert code != 0
    assert "unknown command 'watch'" in lines[0]


def test_a_change_while_the_state_is_written_is_not_lost():
    class Slow(Codec):
        def encode(self, resource):
            entry = super().encode(resource)
            if not resource.id:
                resource.change(id="made-meanwhile")
            return entry

    codec, resource = Slow(None), thing("a")
    codec.resource_text(resource)
    assert json.loads(codec.resource_text(resource))["id"] == "made-meanwhile"
