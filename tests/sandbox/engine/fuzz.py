"""A provider for tests: its resources are files in a directory, and it fails when it is told to."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.engine import construct, values
from sandbox.engine.protocol import (
    UNKNOWN,
    Change,
    Checked,
    Difference,
    Failure,
    Found,
    Made,
    Properties,
    ProviderError,
    Secret,
)

FORCE_NEW = {"fixed", "late"}


class FuzzProvider:
    """`fuzz:index:Thing` takes any inputs. `fixed` and `late` force a replacement, `late` with the deletion first;
    `fail` names the call that fails, `slow` the seconds that creating takes."""

    name = "fuzz"
    version = "1.0.0"

    def __init__(self, world: Path) -> None:
        self.world = world
        self.world.mkdir(parents=True, exist_ok=True)
        self.config: Properties = {}

    def _log(self, call: str, what: str) -> None:
        with (self.world / "calls.log").open("a") as log:
            log.write(f"{call} {what}\n")

    def _file(self, id_: str) -> Path:
        return self.world / f"{id_}.json"

    def _write(self, id_: str, outputs: Properties) -> None:
        # In one step: the process may be killed at any time.
        new = self.world / f"{id_}.new"
        new.write_text(json.dumps(bare(outputs)))
        new.replace(self._file(id_))

    def check_config(self, inputs: Properties) -> Checked:
        if "refuse" in inputs:
            return Checked(inputs, (Failure("refuse", "told to refuse"),))
        return Checked(inputs)

    def configure(self, inputs: Properties) -> None:
        self.config = inputs

    def check(self, urn: str, type_: str, olds: Properties | None, news: Properties, random_seed: bytes) -> Checked:
        if type_ != "fuzz:index:Thing":
            raise ProviderError(f"unknown resource type {type_}")
        if news.get("fail") == "check":
            return Checked(news, (Failure("fail", "told to fail on check"),))
        inputs = dict(news)
        if "auto" in news:
            kept = (olds or {}).get("name")
            inputs["name"] = kept or f"{urn.rpartition('::')[2]}-{random_seed.hex()[:7]}"
        return Checked(inputs)

    def diff(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> Difference:
        if bare(news.get("fail")) == "diff":
            raise ProviderError("told to fail on diff")
        detailed = {}
        for key in sorted(old_inputs.keys() | news.keys()):
            if values.equal(bare(old_inputs.get(key)), bare(news.get(key))) and news.get(key) is not UNKNOWN:
                continue
            kind = "add" if key not in old_inputs else "delete" if key not in news else "update"
            detailed[key] = Change(f"{kind}-replace" if key in FORCE_NEW else kind)
        replaces = tuple(key for key in detailed if key in FORCE_NEW)
        return Difference(bool(detailed), replaces, detailed, delete_before_replace="late" in replaces)

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made:
        name = urn.rpartition("::")[2]
        if preview:
            return Made("", {**news, "serial": UNKNOWN})
        self._fail(news, "create")
        if news.get("slow"):
            time.sleep(float(news["slow"]))
        id_ = f"{name}-{uuid.uuid4().hex[:8]}"
        outputs = {**news, "serial": f"s-{id_}"}
        self._write(id_, outputs)
        self._log("create", name)
        if bare(news.get("fail")) == "init":
            raise ProviderError("did not become ready", Made(id_, outputs))
        return Made(id_, outputs)

    def update(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
        timeout: float | None,
    ) -> Properties:
        outputs = {**news, "serial": old_outputs.get("serial", "")}
        if preview:
            return outputs
        self._fail(news, "update")
        self._write(id, outputs)
        self._log("update", urn.rpartition("::")[2])
        return outputs

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> Found | None:
        self._fail(old_inputs, "read")
        self._log("read", urn.rpartition("::")[2])
        if not self._file(id).exists():
            return None
        outputs = json.loads(self._file(id).read_text())
        inputs = {key: value for key, value in outputs.items() if key != "serial"}
        return Found(id, inputs, outputs)

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None:
        self._fail(old_inputs, "delete")
        self._file(id).unlink(missing_ok=True)
        self._log("delete", urn.rpartition("::")[2])

    def _fail(self, inputs: Properties, call: str) -> None:
        if bare(inputs.get("fail")) == call:
            raise ProviderError(f"told to fail on {call}")

    def invoke(self, token: str, args: Properties) -> Properties:
        if token == "fuzz:index:echo":
            return {"args": args, "config": self.config}
        if token == "fuzz:index:hush":
            return {"value": Secret("hush")}
        raise ProviderError(f"unknown function {token}")

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        if request.type != "fuzz:index:Group":
            raise ProviderError(f"unknown component {request.type}")
        with construct.Component(request, version=self.version) as group:
            if group.inputs.get("fail"):
                raise ProviderError("told to fail on construct")
            serials = [
                group.child("fuzz:index:Thing", f"{request.name}-{index}", {"keep": group.inputs.get("keep")}).outputs[
                    "serial"
                ]
                for index in range(int(bare(group.inputs.get("count", 1))))
            ]
            return group.finish({"serials": serials, "keep": group.inputs.get("keep")})

    def cancel(self) -> None:
        self._log("cancel", "")


def bare(value: Any) -> Any:
    return values.bare(value)


def calls(world: Path, *wanted: str) -> list[str]:
    """What the provider did, in order; only the wanted calls when some are named."""
    log = world / "calls.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if not wanted or line.partition(" ")[0] in wanted]


def things(world: Path) -> dict[str, Any]:
    """What exists, by id."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(world.glob("*.json"))}


def main() -> None:
    """As a plugin of a real CLI; the world is a directory that the environment names."""
    from sandbox.engine import plugin

    plugin.serve(FuzzProvider(Path(os.environ["FUZZ_WORLD"])))


if __name__ == "__main__":
    main()
