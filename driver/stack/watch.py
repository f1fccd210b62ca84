"""What an update reports while it runs: counts, changed resources, warnings, errors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from infra.record import Deployed, RecordError, parse_deployed


@dataclass
class Watch:
    """Gathers an operation's events. Handed to the Automation API as `on_event`."""

    counts: dict[str, int] = field(default_factory=dict)
    resources: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    """URN (empty for none in particular) and what was said."""
    next_record: Deployed | None = None

    def __call__(self, event: Any) -> None:
        if event.resource_pre_event:
            self._planned(event.resource_pre_event.metadata)
        elif event.diagnostic_event:
            self._said(event.diagnostic_event)
        elif event.summary_event:
            changes = event.summary_event.resource_changes or {}
            self.counts = {str(getattr(operation, "value", operation)): count for operation, count in changes.items()}

    def _planned(self, step: Any) -> None:
        operation = str(getattr(step.op, "value", step.op))
        if operation in {"same", "read", "refresh"}:
            return
        self.resources.append((operation, step.urn))
        if step.urn.endswith("::record") and step.new is not None:
            text = step.new.inputs.get("insecureValue") or step.new.inputs.get("value")
            try:
                self.next_record = parse_deployed(text if isinstance(text, str) else json.dumps(text))
            except (RecordError, TypeError):
                self.next_record = None  # not known before the update, e.g. on a first deploy

    def _said(self, event: Any) -> None:
        text = " ".join(str(event.message).split())
        severity = str(getattr(event.severity, "value", event.severity))
        if severity == "warning":
            self.warnings.append(text)
        elif severity == "error":
            self.errors.append((event.urn or "", text))

    @property
    def any(self) -> bool:
        """Whether anything was made, changed or deleted."""
        return any(number for operation, number in self.counts.items() if operation not in {"same", "read", "refresh"})

    def blame(self) -> str:
        """The first errors, with the resource's name where one is to blame."""
        lines = []
        for urn, text in self.errors:
            name = urn.rpartition("::")[2]
            line = f"{name}: {text}" if name and "pulumi:pulumi:Stack" not in urn else text
            if line not in lines:
                lines.append(line)
        return "; ".join(lines[:3])
