"""The commands: what each `pulumi …` does."""

from __future__ import annotations

from sandbox.engine.verbs.table import dispatch

__all__ = ["dispatch"]
