"""What an update may touch, as patterns of resource names."""

from __future__ import annotations

from infra.record import Color, Deployed

WORKERS = "**::*-active-only"
"""Services that run in the active color alone: whatever flips the record moves them too."""
RULES = ("**::production-rule", "**::test-rule", "**::record", WORKERS)


def slot_glob(was: Deployed, color: Color) -> str:
    """Everything of a color's fill."""
    return f"**::{color}-{was.record.colors[color].fill}-**"
