"""What happens during an operation, as the real engine's events, and the sinks that they go to."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import events_pb2

from sandbox.engine import values
from sandbox.engine.protocol import UNKNOWN, ResourceRef, Secret
from sandbox.engine.resource import Resource
from sandbox.engine.steps import Op, Step

Event = Mapping[str, Any]
Sink = Callable[[Event], None]


class Emitter:
    """Numbers the events and hands each to every sink, one at a time."""

    def __init__(self, sinks: Sequence[Sink], *, preview: bool) -> None:
        self._sinks = sinks
        self._preview = preview
        self._lock = threading.Lock()
        self._sequence = 0
        self.changes: Counter[str] = Counter()
        self.maybe_corrupt = False

    def emit(self, kind: str, payload: Mapping[str, Any], *, step: Step | None = None) -> None:
        with self._lock:
            event = {"sequence": self._sequence, "timestamp": int(time.time()), kind: payload}
            self._sequence += 1
            if step is not None:
                event["_step"] = step
            for sink in self._sinks:
                sink(event)

    def prelude(self, config: Mapping[str, str]) -> None:
        self.emit("preludeEvent", {"config": dict(config)})

    def diagnostic(self, severity: str, urn: str, message: str, stream: int = 0, *, ephemeral: bool = False) -> None:
        payload: dict[str, Any] = {"urn": urn} if urn else {}
        payload["prefix"] = f"{severity}: " if severity in ("error", "warning", "debug") else ""
        payload |= {"message": message.rstrip("\n") + "\n", "color": "never", "severity": severity}
        if stream:
            payload["streamID"] = stream
        if ephemeral:
            payload["ephemeral"] = True
        self.emit("diagnosticEvent", payload)

    def before(self, step: Step) -> None:
        self.emit("resourcePreEvent", self._about(step), step=step)

    def after(self, step: Step, op: Op | None = None) -> None:
        self.emit("resOutputsEvent", self._about(step, op), step=step)

    def failed(self, step: Step, done: int) -> None:
        payload = {"metadata": metadata(step, step.op), "status": 2, "steps": done}
        self.emit("resOpFailedEvent", payload, step=step)

    def count(self, op: Op) -> None:
        with self._lock:
            self.changes[str(op)] += 1

    def _about(self, step: Step, op: Op | None = None) -> dict[str, Any]:
        about: dict[str, Any] = {"metadata": metadata(step, op or step.op)}
        if self._preview:
            about["planning"] = True
        return about

    def summary(self, seconds: float, *, failed: bool) -> None:
        self.emit(
            "summaryEvent",
            {
                "maybeCorrupt": self.maybe_corrupt,
                "durationSeconds": max(1, round(seconds)),
                "resourceChanges": dict(sorted(self.changes.items())),
                "PolicyPacks": {},
                "isPreview": self._preview,
                "result": "failed" if failed else "succeeded",
            },
        )

    def close(self) -> None:
        self.emit("cancelEvent", {})


def metadata(step: Step, op: Op) -> dict[str, Any]:
    about: dict[str, Any] = {
        "op": str(op),
        "urn": step.urn,
        "type": step.state.type,
        "old": _state(step.old) if not step.skipped_create else None,
        "new": _state(step.new),
    }
    if step.keys:
        about["keys"] = list(step.keys)
    if step.diffs:
        about["diffs"] = list(step.diffs)
    about["detailedDiff"] = {
        path: {"diffKind": str(change.value), "inputDiff": True} for path, change in step.detailed.items()
    } or None
    if step.logical:
        about["logical"] = True
    about["provider"] = step.provider
    return about


def _state(resource: Resource | None) -> dict[str, Any] | None:
    if resource is None:
        return None
    about: dict[str, Any] = {"type": resource.type, "urn": resource.urn}
    for name, key in (("custom", "custom"), ("delete", "delete")):
        if getattr(resource, name):
            about[key] = True
    about |= {"id": resource.id, "parent": resource.parent}
    for name, key in (("protect", "protect"), ("external", "external"), ("retain_on_delete", "retainOnDelete")):
        if getattr(resource, name):
            about[key] = True
    about |= {"inputs": shown(resource.inputs), "outputs": shown(resource.outputs), "provider": resource.provider}
    if resource.init_errors:
        about["initErrors"] = list(resource.init_errors)
    return about


def shown(value: Any) -> Any:
    """A value as an event shows it: no secrets."""
    if isinstance(value, Secret):
        return {values.SIGNATURE: values.SECRET, "ciphertext": "[secret]"}
    if value is UNKNOWN:
        return values.UNKNOWN_STRING
    if isinstance(value, ResourceRef):
        reference = {values.SIGNATURE: values.REFERENCE, "urn": value.urn}
        return reference if value.id is None else {**reference, "id": shown(value.id)}
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def as_json(event: Event) -> str:
    return json.dumps({key: value for key, value in event.items() if key != "_step"}, ensure_ascii=False)


class Log(Protocol):
    def __call__(self, event: Event) -> None: ...

    def close(self) -> None: ...


def open_log(target: str) -> Log:
    """`--event-log`: a file, or the address of a service that takes a stream of events."""
    address = target.removeprefix("tcp://")
    return _Stream(address) if address != target else _File(Path(target))


class _File:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        self._file.write(as_json(event) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _Stream:
    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._ready = threading.Semaphore(0)
        self._waiting: list[str | None] = []
        call = self._channel.stream_unary(
            "/pulumirpc.Events/StreamEvents",
            request_serializer=events_pb2.EventRequest.SerializeToString,
            response_deserializer=empty_pb2.Empty.FromString,
        )
        self._answer = call.future(self._requests())

    def _requests(self) -> Iterator[events_pb2.EventRequest]:
        while True:
            self._ready.acquire()
            event = self._waiting.pop(0)
            if event is None:
                return
            yield events_pb2.EventRequest(event=event)

    def __call__(self, event: Event) -> None:
        self._put(as_json(event))

    def _put(self, item: str | None) -> None:
        self._waiting.append(item)
        self._ready.release()

    def close(self) -> None:
        """Returns when the receiver has taken everything, or has gone."""
        self._put(None)
        try:
            self._answer.result(timeout=10)
        except (grpc.RpcError, grpc.FutureTimeoutError):
            self._answer.cancel()
        finally:
            self._channel.close()
