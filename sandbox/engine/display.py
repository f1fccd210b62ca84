"""What people read while an operation runs, and its summary: the real CLI's lines, uncoloured."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine import values
from sandbox.engine.events import Event, shown
from sandbox.engine.steps import Op, Step

_SIGNS = {
    Op.SAME: "   ",
    Op.CREATE: " + ",
    Op.UPDATE: " ~ ",
    Op.DELETE: " - ",
    Op.REPLACE: " +-",
    Op.CREATE_REPLACEMENT: " ++",
    Op.DELETE_REPLACED: " --",
    Op.READ: " > ",
    Op.READ_REPLACEMENT: " >>",
    Op.READ_DISCARD: " < ",
    Op.DISCARD_REPLACED: " <<",
    Op.REFRESH: " ~ ",
    Op.IMPORT: " = ",
    Op.IMPORT_REPLACEMENT: " =>",
}
# planned, under way, done
_VERBS = {
    Op.CREATE: ("create", "creating", "created"),
    Op.UPDATE: ("update", "updating", "updated"),
    Op.DELETE: ("delete", "deleting", "deleted"),
    Op.REPLACE: ("replace", "replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("create replacement", "creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("delete original", "deleting original", "deleted original"),
    Op.READ: ("read", "reading", "read"),
    Op.READ_REPLACEMENT: ("read for replacement", "reading for replacement", "read for replacement"),
    Op.READ_DISCARD: ("discard", "discarding", "discarded"),
    Op.DISCARD_REPLACED: ("discard original", "discarding original", "discarded original"),
    Op.REFRESH: ("refresh", "refreshing", ""),
    Op.IMPORT: ("import", "importing", "imported"),
    Op.IMPORT_REPLACEMENT: ("import replacement", "importing replacement", "imported replacement"),
}
_TO = {"create": "+ ", "update": "~ ", "delete": "- ", "replace": "+-", "import": "= ", "discard": "< ", "read": "> "}


class Display:
    """A sink for events."""

    def __init__(self, out: Callable[[str], None], kind: str, *, preview: bool) -> None:
        self._out = out
        self._kind = kind
        self._preview = preview
        self._since: dict[tuple[str, Op], float] = {}
        self._errors: dict[str, list[tuple[str, str]]] = {}
        self._stack: Step | None = None
        self._failed = False
        self._changes: Mapping[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        step: Step | None = event.get("_step")
        if step is not None and step.urn.startswith("urn:") and urns.type_of(step.urn) == urns.STACK_TYPE:
            self._stack = step
        if "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "summaryEvent" in event:
            self._changes = event["summaryEvent"]["resourceChanges"]
            self._failed = event["summaryEvent"]["result"] == "failed"
        elif step is not None and not step.internal:
            self._line(event, step)

    def _line(self, event: Event, step: Step) -> None:
        op = step.op
        if op not in _VERBS:
            return
        planned, under_way, done = _VERBS[op]
        difference = _difference(step)
        if "resourcePreEvent" in event:
            self._since[step.urn, op] = time.monotonic()
            text = planned if self._preview else f"{under_way} (0s)"
        elif "resOpFailedEvent" in event:
            text = f"**{under_way.partition(' ')[0]} failed**"
        elif self._preview:
            return
        else:
            seconds = time.monotonic() - self._since.get((step.urn, op), time.monotonic())
            text = f"{done} ({seconds:.2f}s)" if done else ""
        self._out(f"{_SIGNS[op]} {_title(step)} {text}{difference}".rstrip())

    def _diagnostic(self, event: Mapping[str, Any]) -> None:
        if event["severity"] == "debug" or event.get("ephemeral"):
            return
        urn = event.get("urn", "")
        message = f"{event['prefix']}{event['message'].rstrip()}"
        self._errors.setdefault(urn, []).append((event["severity"], message))

    def close(self, seconds: float) -> None:
        """The rest: diagnostics, outputs, counts."""
        if self._stack is not None:
            errors = sum(severity == "error" for of_urn in self._errors.values() for severity, _ in of_urn)
            note = f" **failed** {errors} error{'s' if errors > 1 else ''}" if self._failed else ""
            self._out(f"    {_title(self._stack)}{note}")
        for line in (*self._diagnostics(), *self._outputs(), *self._counts()):
            self._out(line)
        if not self._preview:
            self._out(f"\nDuration: {max(1, round(seconds))}s\n")

    def _diagnostics(self) -> Iterator[str]:
        if not self._errors:
            return
        yield "Diagnostics:"
        for urn in sorted(self._errors, key=bool):
            if urn:
                yield f"  {urns.type_of(urn)} ({urns.name_of(urn)}):"
            else:
                name = self._stack.state.name if self._stack is not None else "stack"
                yield f"  {urns.STACK_TYPE} ({name}):"
            for _, message in self._errors[urn]:
                yield from (f"    {line}" for line in message.splitlines())
            yield ""

    def _outputs(self) -> Iterator[str]:
        if self._stack is None or self._kind == "destroy" or self._stack.new is None:
            return
        old = self._stack.old.outputs if self._stack.old is not None else {}
        new = self._stack.new.outputs
        if self._preview and values.equal(old, new):
            return
        names = sorted(old.keys() | new.keys())
        if not names:
            return
        yield "Outputs:"
        width = max(map(len, names))
        for name in names:
            if self._preview and name in old and name in new and values.equal(old[name], new[name]):
                continue
            sign = "-" if name not in new else "+" if self._stack.old is not None and name not in old else " "
            if name in old and name in new and not values.equal(old[name], new[name]):
                sign = "~"
            yield f"  {sign} {name:{width}}: {_text(new[name] if name in new else old[name], 4)}"
        yield ""

    def _counts(self) -> Iterator[str]:
        changes = {op: count for op, count in self._changes.items() if count and op in _TO}
        same = self._changes.get("same", 0)
        yield "Resources:"
        for op, count in sorted(changes.items()):
            yield f"    {_TO[op]}{count} {'to ' + op if self._preview else _past(op)}"
        total = sum(changes.values())
        if len(changes) > 1:
            yield f"    {total} changes. {same} unchanged" if same else f"    {total} changes"
        elif same:
            yield f"    {same} unchanged"
        errored = sum(any(severity == "error" for severity, _ in of_urn) for of_urn in self._errors.values())
        if errored:
            yield f"    {errored} errored"
        if self._preview:
            yield ""


def _title(step: Step) -> str:
    return f"{urns.type_of(step.urn)} {urns.name_of(step.urn)}"


def _past(op: str) -> str:
    return op if op == "read" else op + ("d" if op.endswith("e") else "ed")


def _difference(step: Step) -> str:
    if not step.detailed and not step.diffs:
        return ""
    signs = {"add": "+", "delete": "-", "update": "~"}
    marks: dict[str, str] = {}
    for path, change in step.detailed.items():
        top = path.partition(".")[0].partition("[")[0]
        sign = signs[change.value.partition("-")[0]]
        marks[top] = sign if top == path else "~"
    by_sign = {sign: ",".join(name for name in sorted(marks) if marks[name] == sign) for sign in "+-~"}
    listed = "".join(f"{sign}{names}" for sign, names in by_sign.items() if names)
    return f" [diff: {listed}]" if listed else ""


def _text(value: Any, indent: int) -> str:
    plain = shown(value)
    if isinstance(plain, dict):
        if values.SIGNATURE in plain:
            return "[secret]"
        inner = "".join(
            f"\n{' ' * (indent + 4)}{key}: {_text(item, indent + 4)}" for key, item in sorted(plain.items())
        )
        return "{" + inner + f"\n{' ' * indent}}}" if plain else "{}"
    if isinstance(plain, list):
        inner = "".join(
            f"\n{' ' * (indent + 4)}[{index}]: {_text(item, indent + 4)}" for index, item in enumerate(plain)
        )
        return "[" + inner + f"\n{' ' * indent}]" if plain else "[]"
    if plain == values.UNKNOWN_STRING:
        return "[unknown]"
    return json.dumps(plain, ensure_ascii=False)
