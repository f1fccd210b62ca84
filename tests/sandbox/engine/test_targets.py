"""Updates that are limited to some resources; the same on both engines."""

from __future__ import annotations

import pulumi
import pulumi.automation as auto
import pytest

from sandbox.engine.targets import Targets, glob
from tests.sandbox.engine.programs import Box, Described, Thing

# Together they take some seconds; none alone does.
pytestmark = pytest.mark.slow


def urn(name: str, type_: str = "fuzz:index:Thing", stack: str = "dev") -> str:
    return f"urn:pulumi:{stack}::fuzz::{type_}::{name}"


def test_only_targets_change(workspace):
    program = Described(a={"keep": 1}, b={"keep": 1}, c={"after": ["b"], "keep": 1})
    program.outputs = {"keep": 1}
    stack = workspace.stack(program)
    stack.up()
    program.things = {"a": {"keep": 2}, "b": {"keep": 2}, "c": {"after": ["b"], "keep": 2}}
    program.outputs = {"keep": 2}
    result = stack.up(target=[urn("b")])
    assert result.summary.resource_changes == {"update": 1, "same": 3}
    assert result.outputs["keep"].value == 2
    assert workspace.calls("update") == ["update b"]
    assert stack.preview().change_summary == {"update": 2, "same": 2}


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("**::a-*", ["a-1", "a-2"]),
        ("**::*-1", ["a-1", "b-1"]),
        ("urn:pulumi:dev::fuzz::fuzz:index:Thing::a-1", ["a-1"]),
        ("**Thing::b**", ["b-1"]),
        ("urn:*::a-1", []),
        ("**", ["a-1", "a-2", "b-1"]),
    ],
)
def test_globs_name_targets(workspace, pattern, hit):
    things = {name: {"keep": 1} for name in ("a-1", "a-2", "b-1")}
    program = Described(**things)
    stack = workspace.stack(program)
    stack.up()
    program.things = {name: {"keep": 2} for name in things}
    stack.up(target=[pattern])
    assert sorted(workspace.calls("update")) == [f"update {name}" for name in hit]


def test_a_target_in_a_component_and_new_things_outside(workspace):
    size = {"n": 1}

    def program() -> None:
        box = Box("box")
        Thing("in", {"keep": size["n"]}, pulumi.ResourceOptions(parent=box))
        if size["n"] > 1:
            other = Box("other")
            Thing("new", {}, pulumi.ResourceOptions(parent=other))

    stack = workspace.stack(program)
    stack.up()
    size["n"] = 2
    changes = stack.up(target=["**::in"]).summary.resource_changes
    assert changes["update"] == 1
    assert workspace.calls("create", "update") == ["create in", "update in"]
    assert "new" not in str(stack.export_stack().deployment)
    assert stack.up().summary.resource_changes["create"] == 2


def test_a_target_that_needs_what_is_left_out(workspace):
    program = Described(a={}, b={"after": ["a"]})
    stack = workspace.stack(program)
    with pytest.raises(
        auto.errors.CommandError, match=r"depends on '.*::a' which was was not specified in --target list"
    ):
        stack.up(target=[urn("b")])
    assert workspace.things() == {}


def test_a_target_that_does_not_exist(workspace):
    stack = workspace.stack(Described(a={}))
    stack.up()
    with pytest.raises(auto.errors.CommandError, match=r"Target '.*::nope' could not be found in the stack"):
        stack.up(target=[urn("nope")])
    with pytest.raises(auto.errors.CommandError, match=r"no resource named '.*::nope' found"):
        stack.destroy(target=[urn("nope")])


def test_a_targeted_deletion(workspace):
    program = Described(a={}, b={"after": ["a"]}, c={})
    stack = workspace.stack(program)
    stack.up()
    program.things = {"a": {}}
    assert stack.up(target=["**::c"]).summary.resource_changes == {"delete": 1, "same": 3}
    with pytest.raises(auto.errors.CommandError, match="will be destroyed but was not specified in --target list"):
        stack.up(target=["**::a"])
    with pytest.raises(auto.errors.CommandError, match="will be destroyed but was not specified in --target list"):
        stack.destroy(target=[urn("a")])
    assert stack.destroy(target=[urn("a")], target_dependents=True).summary.resource_changes == {
        "delete": 2,
        "same": 1,
    }
    assert workspace.things() == {}


def test_target_dependents(workspace):
    program = Described(a={"keep": 1}, b={"after": ["a"], "keep": 1}, c={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    program.things = {"a": {"keep": 2}, "b": {"after": ["a"], "keep": 2}, "c": {"keep": 2}}
    stack.up(target=[urn("a")], target_dependents=True)
    assert workspace.calls("update") == ["update a", "update b"]


def test_excluded_things(workspace):
    program = Described(a={"keep": 1}, b={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    program.things = {"a": {"keep": 2}, "b": {"keep": 2}}
    assert stack.up(exclude=[urn("a")]).summary.resource_changes == {"update": 1, "same": 2}
    assert workspace.calls("update") == ["update b"]


def test_a_replacement_on_request(workspace):
    program = Described(a={"keep": 1}, b={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    assert stack.up(replace=[urn("a")]).summary.resource_changes == {"replace": 1, "same": 2}
    assert workspace.calls("create", "delete")[2:] == ["create a", "delete a"]


def test_a_targeted_refresh_sees_only_its_targets(workspace):
    program = Described(a={"keep": 1}, b={"keep": 1})
    stack = workspace.stack(program)
    stack.up()
    for id_, thing in workspace.things().items():
        (workspace.world / f"{id_}.json").write_text(f'{{"keep": 5, "serial": "{thing["serial"]}"}}')
    assert stack.refresh(target=[urn("a")]).summary.resource_changes == {"update": 1}
    assert stack.preview().change_summary == {"update": 1, "same": 2}
    assert stack.up(refresh=True).summary.resource_changes == {"update": 2, "same": 1}
    assert all(thing["keep"] == 1 for thing in workspace.things().values())


def test_a_refresh_finds_what_has_gone(workspace):
    program = Described(a={"keep": 1}, b={"after": ["a"]})
    stack = workspace.stack(program)
    stack.up()
    next(workspace.world.glob("a-*.json")).unlink()
    assert stack.refresh().summary.resource_changes == {"delete": 1, "same": 2}
    (b,) = [one for one in stack.export_stack().deployment["resources"] if one["urn"].endswith("::b")]
    assert not b.get("dependencies")
    assert stack.up().summary.resource_changes == {"create": 1, "update": 1, "same": 1}


def test_one_star_stops_at_a_colon_and_two_do_not():
    assert glob("a*b").fullmatch("axxb")
    assert not glob("a*b").fullmatch("ax:b")
    assert glob("a**b").fullmatch("ax:::b")
    assert not glob("a.b").fullmatch("axb")
    assert "anything" in Targets()
    assert "x" in Targets(["x", "y*"])
    assert "z" not in Targets(["x", "y*"])
