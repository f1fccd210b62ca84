"""What an operation on a stack is told: its options and the words of its diagnostics."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from sandbox.engine.targets import Targets

MAX_PARALLEL = 64


@dataclass(frozen=True)
class Options:
    preview: bool = False
    targets: Targets = field(default_factory=Targets)
    excludes: Targets = field(default_factory=Targets)
    replace: Targets = field(default_factory=Targets)
    target_dependents: bool = False
    exclude_dependents: bool = False
    refresh: bool = False
    refresh_only: bool = False
    """The operation is a refresh: what it finds is what it did."""
    continue_on_error: bool = False
    exclude_protected: bool = False
    parallel: int = min(MAX_PARALLEL, 4 * (os.cpu_count() or 1))

    def __post_init__(self) -> None:
        if self.targets and self.excludes:
            raise ValueError("cannot use both --target and --exclude")


@dataclass(frozen=True)
class Stack:
    """Which stack is worked on."""

    name: str
    project: str
    organization: str = "organization"


class PlanError(Exception):
    """Planning can't go on. `urn`: whose fault it is, if anyone's; `said`: it has been reported."""

    def __init__(self, message: str, urn: str = "", *, said: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.urn = urn
        self.said = said
