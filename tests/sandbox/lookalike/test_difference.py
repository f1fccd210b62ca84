"""`--diff`: what is shown of a change, and what is not."""

from sandbox.engine import values
from sandbox.lookalike.difference import Differences

URN = "urn:pulumi:dev::shop::aws:lb/listenerRule:ListenerRule::rule"
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def event(op, old=None, new=None, *, kind="resourcePreEvent", side="inputs", type_="aws:x:Y", urn=URN, **more):
    def state(properties):
        return {"id": "i-1", "parent": "", side: properties} if properties is not None else None

    return {kind: {"metadata": {"op": op, "urn": urn, "type": type_, "old": state(old), "new": state(new), **more}}}


def shown(*events):
    lines: list[str] = []
    differences = Differences(lambda text: lines.extend(text.split("\n")))
    for each in events:
        differences.see(each)
    return lines


def test_an_update_shows_what_differs_and_nothing_else():
    old = {"weights": [{"to": "blue", "weight": 100}, {"to": "green", "weight": 0}], "name": "same", "gone": 1}
    new = {"weights": [{"to": "blue", "weight": 0}, {"to": "green", "weight": 0}], "name": "same", "new": True}
    assert shown(event("update", old, new)) == [
        "~ aws:x:Y: (update)",
        "    [id=i-1]",
        f"    [urn={URN}]",
        "  - gone   : 1",
        "  + new    : true",
        "  ~ weights: [",
        "      ~ [0]: {",
        "          ~ weight: 100 => 0",
        "        }",
        "    ]",
    ]


def test_json_in_a_string_is_compared_as_what_it_says():
    lines = shown(event("update", {"record": '{"a": 1, "b": 2}'}, {"record": '{"b": 3, "a": 1}'}))
    assert lines[3:] == ["  ~ record: (json) {", "      ~ b: 2 => 3", "    }"]


def test_a_secret_is_never_shown_and_the_unknown_is_named():
    secret = {values.SIGNATURE: values.SECRET, "ciphertext": "[secret]"}
    other = {values.SIGNATURE: values.SECRET, "ciphertext": "other"}
    lines = shown(event("create", None, {"password": secret, "arn": values.UNKNOWN_STRING}))
    assert lines[-2:] == ["    arn     : [unknown]", "    password: [secret]"]
    assert shown(event("update", {"p": secret}, {"p": other}))[-1] == "  ~ p: [secret] => [secret]"


def test_a_replacement_is_shown_once_and_says_what_forces_it():
    lines = shown(
        event("create-replacement", {"a": 1}, {"a": 2}),
        event("replace", {"a": 1}, {"a": 2}, keys=["a"]),
        event("delete-replaced", {"a": 1}),
    )
    assert lines[0] == "+-aws:x:Y: (replace)"
    assert lines[-1] == "  ~ a: 1 => 2 (requires replacement)"
    assert len(lines) == 4


def test_sames_and_providers_are_not_shown_but_the_stack_is():
    lines = shown(
        event("same", {}, {}, type_="pulumi:pulumi:Stack", urn=STACK),
        event("same", {"a": 1}, {"a": 1}),
        event("create", None, {"region": "x"}, type_="pulumi:providers:aws"),
    )
    assert lines == ["  pulumi:pulumi:Stack: (same)", "    [id=i-1]", f"    [urn={STACK}]"]


def test_a_refresh_shows_what_was_found_otherwise():
    looked = event("refresh", {"a": 1}, None, side="outputs")
    found = event("update", {"a": 1}, {"a": 2}, kind="resOutputsEvent", side="outputs")
    assert shown(looked, found)[-1] == "  ~ a: 1 => 2"
    same = event("same", {"a": 1}, {"a": 1}, kind="resOutputsEvent", side="outputs")
    assert shown(looked, same) == []


def test_the_stack_s_outputs_come_as_differences():
    ended = event("same", {"url": "a", "n": 1}, {"url": "b", "n": 1}, kind="resOutputsEvent", side="outputs")
    ended["resOutputsEvent"]["metadata"]["type"] = "pulumi:pulumi:Stack"
    assert shown(ended) == ["    --outputs:--", '  ~ url: "a" => "b"']
