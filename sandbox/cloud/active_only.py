"""Workers on instances: each asks for the release record now and then, and runs them while its release is active.

As the release's own poller does: with the instance's role, and where there is no answer all stays as it is.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sandbox.cloud import rights, stores
from sandbox.cloud.bundle import Poller
from sandbox.cloud.clock import NEVER, Clock
from sandbox.cloud.permissions import Call
from sandbox.cloud.rights import Denied

if TYPE_CHECKING:
    from sandbox.cloud.instances import Machine

POLL = 15.0
"""Simulated seconds."""


class ActiveOnly:
    """`say`: told where an instance's workers begin or end."""

    def __init__(self, clock: Clock, say: Callable[["Machine", str], None]) -> None:
        self._clock = clock
        self._say = say
        self._asks_at: dict[str, float] = {}

    def step(self, machines: Iterable["Machine"]) -> float:
        """Returns when the next one asks, in simulated seconds."""
        due, now = NEVER, self._clock.now()
        for machine in machines:
            if machine.instance.state != "running" or machine.bound is None:
                machine.workers = ()
            elif machine.poller is not None:
                if self._asks_at.get(machine.id, 0.0) <= now:
                    self._asks_at[machine.id] = now + POLL
                    self._ask(machine, machine.poller)
                due = min(due, self._asks_at[machine.id])
        return due

    def _ask(self, machine: "Machine", poller: Poller) -> None:
        text = _record(machine, poller.record)
        if text is None:
            return
        try:
            record = json.loads(text)
            ours = record["colors"][poller.color]["fill"] == poller.fill and record["activeColor"] == poller.color
        except (ValueError, KeyError, TypeError):
            return
        names = poller.names if ours else ()
        if names != machine.workers:
            machine.workers = names
            self._say(machine, f"workers are {'active' if ours else 'idle'}: {' '.join(poller.names)}")


def _record(machine: "Machine", name: str) -> str | None:
    """The parameter's text, as far as the instance's role may read it."""
    arn = f"arn:aws:ssm:{machine.region}:{stores.ACCOUNT}:parameter{name}"
    try:
        rights.of(machine.instance).demand("GetParameter", Call("ssm:GetParameter", arn))
    except Denied:
        return None
    found = stores.ssm(machine.region).get_parameters([name])
    return str(found[name].value) if name in found else None
