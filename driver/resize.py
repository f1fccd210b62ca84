"""Desired capacity, set and read back: the scaler owns it, so an update alone would not lower it."""

from __future__ import annotations

from driver.errors import Unfinished
from driver.journey import Taken
from driver.observe import observe
from driver.once import end_left
from driver.ports import Ports
from driver.release.moves import Resize
from driver.verify import still_ours, unmoved
from infra.record import Deployed

_POLL = 1.0


def resize(ports: Ports, move: Resize, deployed: Deployed, deadline: float) -> Taken:
    """Raises Unfinished when it can't be read back before the deadline."""
    started = ports.clock.elapsed()
    if not move.desired:
        end_left(ports, deployed, move.color)
    while True:
        seen = observe(ports.cloud, ports.clock.now())
        still_ours(seen, deployed)
        unmoved(seen)
        fleet = seen.fleet(move.color)
        if not fleet.group or fleet.wanted == move.desired:
            return Taken(move, waited_seconds=ports.clock.elapsed() - started)
        if ports.clock.elapsed() >= deadline:
            found = f"{fleet.group} still wants {fleet.wanted} instead of {move.desired}"
            raise Unfinished(f"the capacity of {move.color} did not change", found, ("retire", "status"))
        ports.cloud.set_desired(fleet.group, move.desired)
        ports.clock.sleep(_POLL)
