"""What an update does, in which order, and what it leaves behind; the same on both engines."""

from __future__ import annotations

import pulumi
import pytest

from tests.sandbox.engine.programs import Box, Described, Group, Thing

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many


def test_creates_then_leaves_alone(workspace):
    program = Described(a={"keep": 1}, b={"after": ["a"], "keep": [1, {"x": True}]})
    stack = workspace.stack(program)
    assert stack.preview().change_summary == {"create": 3}
    assert workspace.things() == {}
    assert stack.up().summary.resource_changes == {"create": 3}
    assert [name.partition("-")[0] for name in workspace.things()] == ["a", "b"]
    assert stack.preview().change_summary == {"same": 3}
    assert stack.up().summary.resource_changes == {"same": 3}
    assert workspace.calls("create", "update", "delete") == ["create a", "create b"]


def test_a_replacement_is_made_before_the_old_one_goes(workspace):
    program = Described(a={"fixed": 0}, b={"after": ["a"]})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"fixed": 1}
    assert stack.preview().change_summary == {"replace": 1, "update": 1, "same": 1}
    assert stack.up().summary.resource_changes == {"replace": 1, "update": 1, "same": 1}
    assert workspace.calls("create", "update", "delete")[2:] == ["create a", "update b", "delete a"]
    assert stack.preview().change_summary == {"same": 3}


def test_delete_before_replace_takes_dependents_along(workspace):
    program = Described(a={"late": 0}, b={"fixed": "x"}, c={"keep": 1})

    def run() -> None:
        a = Thing("a", program.things["a"])
        b = Thing("b", {"fixed": a.id})
        Thing("c", {"keep": b.id})

    stack = workspace.stack(run)
    stack.up()
    program.things["a"] = {"late": 1}
    changes = stack.up().summary.resource_changes
    assert changes == {"replace": 2, "update": 1, "same": 1}
    assert workspace.calls("create", "update", "delete")[3:] == [
        "delete b",
        "delete a",
        "create a",
        "create b",
        "update c",
    ]
    assert stack.preview().change_summary == {"same": 4}


def test_deletes_dependents_first(workspace):
    program = Described(a={}, b={"after": ["a"]}, c={"after": ["b"]})
    stack = workspace.stack(program)
    stack.up()
    program.things = {}
    assert stack.up().summary.resource_changes == {"delete": 3, "same": 1}
    assert workspace.calls("delete") == ["delete c", "delete b", "delete a"]


def test_destroy_does_not_run_the_program(workspace):
    runs = []

    def program() -> None:
        runs.append(1)
        Thing("b", {"after": [Thing("a").id]})

    stack = workspace.stack(program)
    stack.up()
    assert stack.destroy().summary.resource_changes == {"delete": 3}
    assert len(runs) == 1
    assert workspace.calls("delete") == ["delete b", "delete a"]
    assert workspace.things() == {}
    assert stack.destroy().summary.resource_changes in ({}, None)


def test_ignored_changes_stay(workspace):
    program = Described(a={"keep": 1, "other": {"x": 1, "y": 2}})
    stack = workspace.stack(program)
    stack.up()
    options = {"ignore_changes": ["keep", "other.x"]}
    program.things["a"] = {"keep": 2, "other": {"x": 5, "y": 2}, "opts": options}
    assert stack.up().summary.resource_changes == {"same": 2}
    program.things["a"] = {"keep": 3, "other": {"x": 6, "y": 7}, "opts": options}
    assert stack.up().summary.resource_changes == {"update": 1, "same": 1}
    (thing,) = workspace.things().values()
    assert thing["keep"] == 1
    assert thing["other"] == {"x": 1, "y": 7}


def test_a_parent_and_depends_on_order_things(workspace):
    program = Described(
        box={"box": True},
        a={"opts": {"parent": "box"}},
        b={"opts": {"parent": "box", "depends_on": ["a"]}},
        c={"opts": {"depends_on": ["box"]}},
    )
    stack = workspace.stack(program)
    assert stack.up().summary.resource_changes == {"create": 5}
    assert workspace.calls("create") == ["create a", "create b", "create c"]
    urns = [resource["urn"] for resource in stack.export_stack().deployment["resources"]]
    assert "urn:pulumi:dev::fuzz::fuzz:index:Box$fuzz:index:Thing::a" in urns
    stack.destroy()
    assert workspace.calls("delete") == ["delete c", "delete b", "delete a"]


def test_a_remote_component_registers_its_children(workspace):
    counted = {"count": 2}

    def program() -> None:
        a = Thing("a", {"keep": 1})
        group = Group("g", {"count": counted["count"], "keep": a.serial})
        pulumi.export("serials", group.serials)

    stack = workspace.stack(program)
    assert stack.preview().change_summary == {"create": 5}
    result = stack.up()
    assert result.summary.resource_changes == {"create": 5}
    assert len(result.outputs["serials"].value) == 2
    assert stack.preview().change_summary == {"same": 5}
    counted["count"] = 1
    assert stack.up().summary.resource_changes == {"update": 1, "delete": 1, "same": 3}


def test_outputs_secrets_and_plain(workspace):
    def program() -> None:
        a = Thing("a", {"keep": pulumi.Output.secret("hush"), "n": 1})
        pulumi.export("n", a.id.apply(lambda _: {"deep": [1, 2.5, None, True]}))
        pulumi.export("secret", pulumi.Output.secret({"a": 1}))

    stack = workspace.stack(program)
    outputs = stack.up().outputs
    assert outputs["secret"].secret
    assert outputs["secret"].value == {"a": 1}
    assert not outputs["n"].secret
    assert outputs["n"].value == {"deep": [1, 2.5, None, True]}
    text = workspace.state_file().read_text()
    assert "hush" not in text
    shown = stack.export_stack().deployment["resources"]
    thing = next(one for one in shown if one["type"] == "fuzz:index:Thing")
    assert thing["inputs"]["keep"]["plaintext"] == '"hush"'
    assert thing["outputs"]["keep"]["plaintext"] == '"hush"'


def test_additional_secret_outputs(workspace):
    program = Described(a={"keep": "hush", "opts": {"additional_secret_outputs": ["keep"]}})
    stack = workspace.stack(program)
    stack.up()
    thing = next(one for one in stack.export_stack().deployment["resources"] if one["type"] == "fuzz:index:Thing")
    assert thing["outputs"]["keep"]["plaintext"] == '"hush"'
    assert thing["additionalSecretOutputs"] == ["keep"]


def test_retained_things_outlive_their_resource(workspace):
    program = Described(a={"opts": {"retain_on_delete": True}}, b={})
    stack = workspace.stack(program)
    stack.up()
    program.things = {}
    assert stack.up().summary.resource_changes == {"delete": 2, "same": 1}
    assert workspace.calls("delete") == ["delete b"]


def test_an_alias_keeps_the_thing(workspace):
    program = Described(old={"keep": 1}, dependent={"after": ["old"]})
    stack = workspace.stack(program)
    stack.up()

    def renamed() -> None:
        new = Thing("new", {"keep": 1}, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        Thing("dependent", {"after": [new.id]})

    stack = workspace.stack(renamed)
    assert stack.up().summary.resource_changes == {"same": 3}
    assert workspace.calls("create", "update", "delete") == ["create old", "create dependent"]
    names = [one["urn"].rpartition("::")[2] for one in stack.export_stack().deployment["resources"]]
    assert "old" not in names


def test_children_follow_a_renamed_parent(workspace):
    def before() -> None:
        Thing("old-child", {}, pulumi.ResourceOptions(parent=Box("old")))

    def after() -> None:
        box = Box("new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        Thing("new-child", {}, pulumi.ResourceOptions(parent=box))

    workspace.stack(before).up()
    assert workspace.stack(after).up().summary.resource_changes == {"same": 3}
    assert workspace.calls("create", "delete") == ["create old-child"]


def test_replace_on_changes(workspace):
    program = Described(a={"keep": {"x": 1}, "opts": {"replace_on_changes": ["keep.x"]}})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {"keep": {"x": 2}, "opts": {"replace_on_changes": ["keep"]}}
    assert stack.up().summary.resource_changes == {"replace": 1, "same": 1}


@pytest.mark.parametrize("before", [True, False])
def test_the_program_decides_the_order_of_a_replacement(workspace, before):
    options = {"delete_before_replace": before}
    name = "fixed" if before else "late"
    program = Described(a={name: 1, "opts": options})
    stack = workspace.stack(program)
    stack.up()
    program.things["a"] = {name: 2, "opts": options}
    stack.up()
    expected = ["delete a", "create a"] if before else ["create a", "delete a"]
    assert workspace.calls("create", "delete")[1:] == expected


def test_names_that_a_provider_chose_survive_updates_but_not_replacements(workspace):
    program = Described(a={"auto": True, "keep": 1, "fixed": 1})
    stack = workspace.stack(program)
    stack.up()
    (first,) = workspace.things().values()
    program.things["a"] = {"auto": True, "keep": 2, "fixed": 1}
    stack.up()
    (second,) = workspace.things().values()
    assert second["name"] == first["name"]
    program.things["a"] = {"auto": True, "keep": 2, "fixed": 2}
    stack.up()
    (third,) = workspace.things().values()
    assert third["name"] != first["name"]


def test_invokes_answer_in_previews_too(workspace):
    seen = []

    def program() -> None:
        answer = pulumi.runtime.invoke("fuzz:index:echo", {"x": [1, {"y": "z"}]}).value
        seen.append(answer["args"])
        Thing("a", {"keep": answer["args"]["x"]})

    stack = workspace.stack(program)
    stack.preview()
    stack.up()
    assert seen == [{"x": [1, {"y": "z"}]}] * 2


def test_reads_what_exists(workspace):
    maker = workspace.stack(Described(a={"keep": "there"}))
    maker.up()
    (id_,) = workspace.things()

    def program() -> None:
        found = Thing("found", {"keep": None}, pulumi.ResourceOptions(id=id_))
        pulumi.export("serial", found.serial)

    reader = workspace.stack(program, "reader")
    assert reader.up().outputs["serial"].value == f"s-{id_}"
    reader.destroy()
    assert list(workspace.things()) == [id_]


def test_imports_what_exists(workspace):
    workspace.stack(Described(a={"keep": 1, "opts": {"retain_on_delete": True}})).up()
    (id_,) = workspace.things()
    program = Described(a={"keep": 1, "opts": {"import_": id_}})
    stack = workspace.stack(program, "importer")
    assert stack.up().summary.resource_changes == {"create": 1, "import": 1}
    assert stack.preview().change_summary == {"same": 2}
    program.things["a"] = {"keep": 2}
    assert stack.up().summary.resource_changes == {"update": 1, "same": 1}
    assert list(workspace.things()) == [id_]
