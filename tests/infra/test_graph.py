"""The graphs of dev and prod, as golden files.

After a change that is meant: `python -m tests.infra.test_graph` writes them anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.graph import graph
from tests.infra.world import World, shipped, with_standby

GOLDEN = Path(__file__).parent / "golden"
MOMENTS = ("first", "both")


def at(moment: str, stack: str) -> str:
    """The graph after a first deploy, or at rest with a second release standing by."""
    world = World().up(shipped(stack), stack)
    if moment == "both":
        with_standby(world, shipped(stack), stack).up(shipped(stack), stack)
    return graph(world)


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_graph(stack: str, moment: str) -> None:
    assert at(moment, stack) == (GOLDEN / f"{stack}-{moment}.json").read_text()


if __name__ == "__main__":
    for name in ("dev", "prod"):
        for when in MOMENTS:
            (GOLDEN / f"{name}-{when}.json").write_text(at(when, name))
