"""The two engines take turns on one state directory, and neither sees a change that the other doesn't."""

from __future__ import annotations

import itertools
import json

import pulumi
import pulumi.automation as auto
import pytest

from tests.sandbox.engine.programs import Described, Group, Thing

pytestmark = [pytest.mark.cli, pytest.mark.slow]
ENGINES = ("embedded", "cli")
UNLIKE = ("created", "modified", "sourcePosition", "stackTrace")


def entries(stack):
    """The state without what must differ: times, versions and ciphertexts."""
    found = []
    for one in stack.export_stack().deployment.get("resources", ()):
        kept = {key: value for key, value in one.items() if key not in UNLIKE}
        kept["dependencies"] = sorted(kept.get("dependencies", ()))
        kept["propertyDependencies"] = {
            key: sorted(value) for key, value in kept.get("propertyDependencies", {}).items() if value
        }
        found.append(kept)
    return sorted(found, key=lambda one: (one["urn"], one.get("delete", False)))


@pytest.mark.parametrize("first", ENGINES)
def test_neither_sees_a_change_in_what_the_other_did(both, first):
    def program() -> None:
        a = Thing("a", {"keep": pulumi.Output.secret("hush"), "n": 1.5, "deep": {"list": [1, {"x": None}], "e": []}})
        provider = pulumi.ProviderResource(
            "fuzz", "explicit", {"region": "here"}, pulumi.ResourceOptions(version="1.0.0")
        )
        b = Thing("b", {"after": [a.id]}, pulumi.ResourceOptions(provider=provider, protect=True))
        Group("g", {"count": 2, "keep": b.serial})
        Thing("c", {"auto": True}, pulumi.ResourceOptions(depends_on=[b], additional_secret_outputs=["serial"]))
        pulumi.export("secret", pulumi.Output.secret({"x": [1]}))
        pulumi.export("plain", a.serial.apply(lambda _: {"y": 1}))

    second = ENGINES[1 - ENGINES.index(first)]
    one, other = both.stack(program, engine=first), both.stack(program, engine=second)
    one.set_config("fuzz:token", auto.ConfigValue("t0ken", secret=True))
    assert one.up().summary.resource_changes == {"create": 8}
    before = entries(one)
    for stack in (other, one, other):
        assert stack.preview().change_summary == {"same": 8}
        assert stack.up().summary.resource_changes == {"same": 8}
        assert stack.refresh().summary.resource_changes == {"same": 8}
        assert entries(one) == entries(other) == before
    assert one.outputs().keys() == other.outputs().keys()
    assert one.outputs()["secret"].value == other.outputs()["secret"].value == {"x": [1]}
    assert len(both.calls("create", "update", "delete")) == 5


@pytest.mark.parametrize("first", ENGINES)
def test_they_plan_and_do_the_same(tmp_path, first, both):
    steps = [
        {"a": {"keep": 1}, "b": {"after": ["a"], "fixed": 1}, "c": {"late": 1, "after": ["b"]}},
        {"a": {"keep": 2}, "b": {"after": ["a"], "fixed": 2}, "c": {"late": 1, "after": ["b"]}},
        {"a": {"late": 1}, "b": {"after": ["a"], "fixed": 2}, "c": {"late": 2, "after": ["b"]}, "d": {"after": ["c"]}},
        {"a": {"late": 2}, "b": {"fixed": 2, "opts": {"depends_on": ["a"]}}, "d": {}},
        {},
    ]
    program = Described()
    turns = itertools.cycle((first, ENGINES[1 - ENGINES.index(first)]))
    for wanted in steps:
        program.things = wanted
        one = both.stack(program, engine=next(turns))
        other = both.stack(program, engine="cli" if one.workspace.pulumi_command.command != "pulumi" else "embedded")
        plans = [stack.preview().change_summary for stack in (one, other)]
        assert plans[0] == plans[1]
        assert one.up().summary.resource_changes == plans[0]
        for stack in (one, other):
            assert set(stack.preview().change_summary) == {"same"}


def test_each_goes_on_where_the_other_failed(both):
    program = Described(a={"keep": 1}, b={"after": ["a"], "fail": "create"})
    for engine, name in zip(ENGINES, ("x", "y"), strict=True):
        program.things["b"] = {"after": ["a"], "fail": "create"}
        with pytest.raises(auto.errors.CommandError):
            both.stack(program, name, engine=engine).up()
        program.things["b"] = {"after": ["a"]}
        other = ENGINES[1 - ENGINES.index(engine)]
        assert both.stack(program, name, engine=other).up().summary.resource_changes == {"create": 1, "same": 2}


def test_each_respects_the_others_lock_and_history(both):
    program = Described(a={})
    for engine in ENGINES:
        both.stack(program, engine=engine).up(message=engine)
    histories = [
        [(one.kind, one.message, one.result) for one in both.stack(program, engine=engine).history()]
        for engine in ENGINES
    ]
    assert histories[0] == histories[1] == [("update", "cli", "succeeded"), ("update", "embedded", "succeeded")]


def test_events_are_the_same(both):
    program = Described(a={"fixed": 1}, b={"after": ["a"]})
    seen: dict[str, list[tuple[str, str]]] = {}
    for engine in ENGINES:
        program.things["a"] = {"fixed": 1}
        stack = both.stack(program, engine, engine=engine)
        stack.up()
        program.things["a"] = {"fixed": 2}
        for verb, run in (("preview", stack.preview), ("up", stack.up), ("destroy", stack.destroy)):
            told = seen.setdefault(f"{engine}.{verb}", [])
            run(on_event=lambda event, told=told, engine=engine: told.append(_told(event, engine)))
    for verb in ("preview", "up", "destroy"):
        told = [[one for one in seen[f"{engine}.{verb}"] if one] for engine in ENGINES]
        # The stack and its providers are deleted side by side, in whichever order.
        assert sorted(told[0]) == sorted(told[1])
        if verb != "destroy":
            assert told[0] == told[1]


def _told(event, engine):
    for kind in ("resource_pre_event", "res_outputs_event"):
        about = getattr(event, kind)
        if about is not None:
            meta = about.metadata
            details = json.dumps(
                [meta.keys_ if hasattr(meta, "keys_") else meta.keys, meta.diffs, sorted(meta.detailed_diff or {})]
            )
            return kind, str(meta.op), meta.urn.rpartition("::")[2].replace(engine, "NAME"), details
    if event.summary_event is not None:
        return "summary", str(sorted(event.summary_event.resource_changes.items()))
    return None
