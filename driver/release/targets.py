"""What an update may touch, as patterns of resource names."""

from __future__ import annotations

from infra.record import Color, Deployed

RULES = ("**::production-rule", "**::test-rule", "**::record")


def slot_glob(was: Deployed, color: Color) -> str:
    """Everything of a color's fill."""
    return f"**::{color}-{was.record.colors[color].fill}-**"
