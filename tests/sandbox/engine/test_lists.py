"""What people read of stacks, resources and updates: the real CLI's lists."""

from datetime import UTC, datetime

import pytest

from sandbox.engine.verbs import lists

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("2026-03-01T12:00:00.5Z", "now"),
        ("2026-03-01T11:59:59Z", "1 second ago"),
        ("2026-03-01T11:58:00.000Z", "2 minutes ago"),
        ("2026-03-01T10:59:59Z", "1 hour ago"),
        ("2026-02-20T12:00:00Z", "1 week ago"),
        ("2024-02-01T12:00:00Z", "2 years ago"),
    ],
)
def test_how_long_ago(then, words):
    assert lists.ago(then, NOW) == words


def entry(type_, name, parent=""):
    return {"urn": f"urn:pulumi:dev::p::{type_}::{name}", "type": type_, "parent": parent}


def test_resources_stand_below_what_they_belong_to():
    stack = entry("pulumi:pulumi:Stack", "p-dev")
    outer = entry("my:x:Outer", "outer", stack["urn"])
    inner = entry("my:x:Inner", "inner", outer["urn"])
    provider, orphan = entry("pulumi:providers:aws", "default"), entry("a:b:C", "orphan", "gone")
    rows = list(lists.tree([stack, provider, outer, inner, orphan]))
    assert "\n".join(lists.columns(rows)) == (
        "pulumi:pulumi:Stack      p-dev\n"
        "├─ my:x:Outer            outer\n"
        "│  └─ my:x:Inner         inner\n"
        "└─ pulumi:providers:aws  default\n"
        "a:b:C                    orphan"
    )


def test_each_resource_is_listed_once():
    resources = [entry("pulumi:pulumi:Stack", "s")] + [entry("a:b:C", f"r{number}") for number in range(5)]
    assert len(list(lists.tree(resources))) == 6
    assert list(lists.tree([])) == []


def test_an_update_and_one_that_is_not_over():
    done = {
        "version": 0,
        "kind": "update",
        "result": "succeeded",
        "message": "why",
        "environment": {"exec.kind": "cli"},
        "startTime": "2026-03-01T11:59:00.000Z",
        "endTime": "2026-03-01T11:59:07.000Z",
        "resourceChanges": {"create": 2, "same": 5, "update": 1},
    }
    assert list(lists.update(done, NOW)) == [
        "Version: 0",
        "UpdateKind: update",
        "Status: succeeded",
        "Message: why",
        "+2-0~1 5 Updated 1 minute ago took 7s",
        "    exec.kind: cli",
        "",
    ]
    running = {name: done[name] for name in ("version", "kind", "result", "message", "environment", "startTime")}
    assert len(list(lists.update(running, NOW))) == 6
