"""Held against what a real CLI told of the same program: recorded, so that this also runs where there is none.

`data/events.json` is a digest of its events: kind, operation, name, whether people count it, keys that force a
replacement, whether there is an old and a new state.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pulumi
import pulumi.automation as auto
import pytest
from semver import VersionInfo

from sandbox.engine import events
from tests.sandbox.engine.programs import Described

RECORDED = json.loads((Path(__file__).parent / "data" / "events.json").read_text())


def digest(event):
    (kind,) = [key for key in event if key not in ("sequence", "timestamp", "_step")]
    about = event[kind]
    if "metadata" in about:
        meta = about["metadata"]
        name = meta["urn"].rpartition("::")[2]
        old, new = "old" if meta["old"] else "", "new" if meta["new"] else ""
        keys = meta.get("keys", [])
        return [kind, meta["op"], name, meta.get("logical", False), keys, old, new, about.get("planning", False)]
    if kind == "summaryEvent":
        return [kind, about["resourceChanges"], about["result"], about["isPreview"], about["maybeCorrupt"]]
    if kind == "diagnosticEvent":
        return [kind, about.get("urn", "").rpartition("::")[2], about["severity"], about["message"]]
    return [kind]


class Plain(pulumi.CustomResource):
    serial: pulumi.Output[str]

    def __init__(self, name, props):
        super().__init__("fuzz:index:Thing", name, {"serial": None, **props})


def test_events_are_those_that_a_real_cli_told(embedded, monkeypatch):
    wanted: dict[str, dict] = {}

    def program() -> None:
        made = {}
        for name, props in wanted.items():
            made[name] = Plain(name, {**props, "after": [made[one].id for one in props.get("after", ())]})
            pulumi.export(name, made[name].serial)
        pulumi.export("plain", {"x": 1})

    told: list[list] = []
    emit = events.Emitter.emit

    def record(self, kind, payload, *, step=None):
        told.append(digest(json.loads(json.dumps({kind: payload}))))
        emit(self, kind, payload, step=step)

    monkeypatch.setattr(events.Emitter, "emit", record)
    stack = embedded.stack(program)
    stack.set_config("fuzz:plain", auto.ConfigValue("v"))
    a, b = {"fixed": 0, "keep": 1}, {"fixed": 0, "keep": "x", "after": ["a"]}
    phases = {
        "create": {"a": a, "b": b},
        "replace_and_update": {"a": {**a, "fixed": 1}, "b": b},
        "failed_update": {"a": {**a, "fixed": 1, "keep": 2, "fail": "update"}, "b": b},
        "recover": {"a": {**a, "fixed": 1}, "b": b},
        "delete": {"a": {**a, "fixed": 1}},
    }
    for phase, described in phases.items():
        wanted.clear()
        wanted.update(described)
        for verb, run in (("preview", stack.preview), ("up", stack.up)):
            if (phase, verb) == ("failed_update", "preview"):
                continue  # the recorded provider fails in previews, too
            told.clear()
            with suppress(auto.errors.CommandError):
                run()
            assert told == RECORDED[f"{phase}.{verb}"], f"{phase}.{verb}"


@pytest.mark.parametrize("version", ["3.272.0", "3.200.0"])
def test_events_reach_a_stream_and_a_file(embedded, version):
    program = Described(a={"keep": 1})
    stack = embedded.stack(program)
    # Before 3.205 the API reads events from a file.
    stack.workspace.pulumi_command.version = VersionInfo.parse(version)
    seen: list[auto.events.EngineEvent] = []
    assert stack.preview(on_event=seen.append).change_summary == {"create": 2}
    stack.up(on_event=seen.append)
    kinds = [
        next(key for key, value in vars(event).items() if value is not None and key.endswith("_event"))
        for event in seen
    ]
    assert kinds.count("summary_event") == 2
    assert kinds.count("cancel_event") == 2
    assert [event.sequence for event in seen if event.prelude_event] == [0, 0]
