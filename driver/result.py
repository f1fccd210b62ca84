"""What a verb returns; how it is shown is the report's matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """A good end. `facts` are what the document says beside the common fields; `body` is what a table is made of."""

    outcome: str
    reason: str
    next: tuple[str, ...] = ()
    exit_code: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    body: object = None
