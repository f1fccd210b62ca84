"""Resource options and providers; the same on both engines."""

from __future__ import annotations

import pulumi
import pulumi.automation as auto
import pytest

from tests.sandbox.engine.programs import Box, Described, Thing

# Together they take some seconds; none alone does.
pytestmark = pytest.mark.slow


def by_name(stack):
    return {one["urn"].rpartition("::")[2]: one for one in stack.export_stack().deployment["resources"]}


def provider(name, **config):
    return pulumi.ProviderResource("fuzz", name, config, pulumi.ResourceOptions(version="1.0.0"))


def test_a_default_provider_is_named_after_its_version_and_configured(workspace):
    stack = workspace.stack(Described(a={}))
    stack.set_config("fuzz:region", auto.ConfigValue("here"))
    stack.set_config("fuzz:token", auto.ConfigValue("t0ken", secret=True))
    assert stack.up().summary.resource_changes == {"create": 2}
    default = by_name(stack)["default_1_0_0"]
    assert default["urn"] == "urn:pulumi:dev::fuzz::pulumi:providers:fuzz::default_1_0_0"
    assert default["inputs"]["region"] == "here"
    assert default["inputs"]["version"] == "1.0.0"
    assert default["inputs"]["__internal"] == {}
    assert default["inputs"]["token"]["plaintext"] == '"t0ken"'
    assert "__internal" not in default["outputs"]
    assert by_name(stack)["a"]["provider"] == f"{default['urn']}::{default['id']}"
    assert "t0ken" not in workspace.state_file().read_text()


def test_a_changed_configuration_updates_the_provider_and_replaces_nothing(workspace):
    stack = workspace.stack(Described(a={}))
    stack.set_config("fuzz:region", auto.ConfigValue("here"))
    stack.up()
    before = by_name(stack)
    stack.set_config("fuzz:region", auto.ConfigValue("there"))
    assert stack.up().summary.resource_changes == {"same": 2}
    after = by_name(stack)
    assert after["default_1_0_0"]["inputs"]["region"] == "there"
    assert after["default_1_0_0"]["id"] == before["default_1_0_0"]["id"]
    assert workspace.calls("create", "update", "delete") == ["create a"]


def test_explicit_providers_reach_children_and_invokes(workspace):
    seen = []

    def program() -> None:
        mine = provider("mine", region="mine")
        box = Box("box", pulumi.ResourceOptions(providers=[mine]))
        Thing("inherited", {}, pulumi.ResourceOptions(parent=box))
        Thing("own", {}, pulumi.ResourceOptions(provider=mine))
        Thing("default")
        options = pulumi.InvokeOptions(provider=mine)
        answer = pulumi.runtime.invoke("fuzz:index:echo", {}, options).value
        seen.append(answer["config"]["region"])

    stack = workspace.stack(program)
    stack.up()
    state = by_name(stack)
    used = {
        name: state[name]["provider"].rpartition("::")[0].rpartition("::")[2]
        for name in ("inherited", "own", "default")
    }
    assert used == {"inherited": "mine", "own": "mine", "default": "default_1_0_0"}
    assert seen == ["mine"]
    assert stack.preview().change_summary == {"same": 6}
    stack.destroy()
    assert workspace.things() == {}


def test_a_provider_that_is_configured_by_another_resource(workspace):
    def program() -> None:
        first = Thing("first", {"keep": 1})
        Thing("second", {"keep": 2}, pulumi.ResourceOptions(provider=provider("late", region=first.serial)))

    stack = workspace.stack(program)
    assert stack.preview().change_summary == {"create": 4}
    assert stack.up().summary.resource_changes == {"create": 4}
    assert stack.preview().change_summary == {"same": 4}


def test_what_is_deleted_with_another_is_not_deleted_itself(workspace):
    kept = [True]

    def program() -> None:
        if kept[0]:
            home = Thing("home")
            Thing("guest", {}, pulumi.ResourceOptions(deleted_with=home))

    stack = workspace.stack(program)
    stack.up()
    kept[0] = False
    assert stack.up().summary.resource_changes == {"delete": 2, "same": 1}
    assert workspace.calls("delete") == ["delete home"]


def test_replace_with(workspace):
    version = [1]

    def program() -> None:
        a = Thing("a", {"fixed": version[0]})
        Thing("b", {"keep": 1}, pulumi.ResourceOptions(replace_with=[a]))

    stack = workspace.stack(program)
    stack.up()
    version[0] = 2
    assert stack.up().summary.resource_changes == {"replace": 2, "same": 1}


def test_timeouts_are_kept_and_handed_on(workspace):
    times = pulumi.CustomTimeouts(create="1h30m", delete="90s")
    stack = workspace.stack(lambda: Thing("a", {}, pulumi.ResourceOptions(custom_timeouts=times)) and None)
    stack.up()
    assert by_name(stack)["a"]["customTimeouts"] == {"create": 5400, "delete": 90}


def test_dependencies_are_recorded_by_property(workspace):
    def program() -> None:
        a, b, c = (Thing(name) for name in "abc")
        Thing("d", {"x": a.id, "y": [b.id], "z": 1}, pulumi.ResourceOptions(depends_on=[c]))

    stack = workspace.stack(program)
    stack.up()
    d = by_name(stack)["d"]

    def short(urns):
        return sorted(urn.rpartition("::")[2] for urn in urns or ())

    assert short(d["dependencies"]) == ["a", "b", "c"]
    assert {key: short(urns) for key, urns in d["propertyDependencies"].items()} == {"x": ["a"], "y": ["b"], "z": []}


def test_a_protected_thing_is_unprotected_by_a_program(workspace):
    program = Described(a={"opts": {"protect": True}})
    stack = workspace.stack(program)
    stack.up()
    assert by_name(stack)["a"]["protect"]
    program.things["a"] = {}
    assert stack.up().summary.resource_changes == {"same": 2}
    assert "protect" not in by_name(stack)["a"]
    program.things = {}
    stack.up()
    assert workspace.things() == {}


def test_unknowns_in_a_preview(workspace):
    seen = []

    def program() -> None:
        a = Thing("a")
        a.serial.apply(seen.append)
        pulumi.export("serial", a.serial)
        b = Thing("b", {"keep": a.serial, "fixed": a.id})
        b.id.apply(seen.append)

    stack = workspace.stack(program)
    assert stack.preview().change_summary == {"create": 3}
    assert seen == []
    stack.up()
    assert len(seen) == 2
    stack.preview()
    assert len(seen) == 4


def test_a_disabled_default_provider(workspace):
    stack = workspace.stack(Described(a={}))
    stack.set_config("pulumi:disable-default-providers", auto.ConfigValue('["fuzz"]'))
    with pytest.raises(auto.errors.CommandError, match=r"Default provider for 'fuzz' disabled"):
        stack.up()


def test_transforms_of_this_process_work_and_those_of_the_engine_are_told_apart(embedded):
    def widen(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult({**args.props, "widened": True}, args.opts)

    def program() -> None:
        pulumi.runtime.register_stack_transformation(widen)
        Thing("a", {"keep": 1})

    embedded.stack(program).up()
    (thing,) = embedded.things().values()
    assert thing["widened"]

    def unsupported() -> None:
        Thing("b", {}, pulumi.ResourceOptions(transforms=[lambda _: None]))

    with pytest.raises(auto.errors.CommandError, match="transforms"):
        embedded.stack(unsupported, "other").up()
