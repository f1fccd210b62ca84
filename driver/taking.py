"""One step of a plan: its gates before, the move itself, and what is read back after."""

from __future__ import annotations

from dataclasses import dataclass

from driver.await_health import await_health
from driver.errors import Failure, ReleaseFailed
from driver.gates import Verdict, judge
from driver.journey import Journey, Taken
from driver.movers.stack import apply
from driver.observe import observe
from driver.ports import Ports
from driver.release.moves import Await, Fill, Move, Resize, Shift, Update
from driver.release.requests import Promote, Request, why_of
from driver.resize import resize
from driver.stack.failures import UpdateFailed
from driver.verify import verify


@dataclass(frozen=True)
class Taking:
    """How the steps of a request are taken. Seconds to wait: for each step, and for another driver's lock."""

    ports: Ports
    request: Request
    timeout: float
    lock: float

    def take(self, move: Move, journey: Journey) -> Taken:
        """Takes a step and adds it to the journey."""
        # From here, not from the start: a sandbox's speed shortens waits, and an update takes its time at any speed.
        deadline = self.ports.clock.elapsed() + self.timeout
        if isinstance(move, Await):
            step = await_health(self.ports, move, deadline)
        elif isinstance(move, Resize):
            step = resize(self.ports, move, deadline)
        else:
            step = self._update(move, journey)
        journey.steps.append(step)
        return step

    def _update(self, move: Update, journey: Journey) -> Taken:
        assert journey.deployed is not None  # a plan is made from a record
        gates = self._before(move)
        try:
            applied = apply(self.ports, move, journey.deployed, why=why_of(self.request), patience=self.lock)
        except UpdateFailed as failure:
            raise _blamed(move, failure) from failure
        journey.deployed = applied.deployed
        after = verify(self.ports)[1] if isinstance(move, Shift) else ()
        return Taken(move, applied.updates, applied.seconds, 0.0, (*gates, *after))

    def _before(self, move: Update) -> tuple[Verdict, ...]:
        if not isinstance(move, Shift) or not isinstance(self.request, Promote):
            return ()
        return judge(observe(self.ports.cloud, self.ports.clock.now()), move.to, self.request.gates)


def _blamed(move: Update, failure: UpdateFailed) -> Failure:
    """A fill that fails is the release's fault, not the stack's: nothing that serves has been touched."""
    if not isinstance(move, Fill):
        return failure
    return ReleaseFailed("the fill failed; what serves was not touched", failure.why, ("up", "deploy IMAGE"))
