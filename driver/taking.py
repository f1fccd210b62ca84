"""One step of a plan: its gates before, the move itself, and what is read back after."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driver.await_health import await_health
from driver.bake import POLL, Watch, checked, watched_alarms
from driver.errors import Failure, ReleaseFailed, Unfinished
from driver.gates import Verdict, health, judge, lenient, targets_for
from driver.heralding import starting
from driver.journey import Journey, Taken
from driver.movers.stack import apply
from driver.observe import observe
from driver.once import end_left, run_once
from driver.ports import Ports
from driver.release.moves import (
    Advance,
    Await,
    Bake,
    Fill,
    Floors,
    Move,
    Resize,
    RunOnce,
    Shift,
    Update,
)
from driver.release.once import Once
from driver.release.requests import Deploy, Promote, Request, Resume, why_of
from driver.release.rolling import Begin, Finish, Roll
from driver.release.snapshot import Snapshot
from driver.release.terms import Terms
from driver.replacing import replace as replace_members
from driver.resize import resize
from driver.stack.failures import Locked, Unsaved, UpdateFailed
from driver.verify import still_ours, verify
from infra.record import Deployed, weights


@dataclass(frozen=True)
class Taking:
    """How the steps of a request are taken. Seconds to wait: for each step, and for another driver's lock."""

    ports: Ports
    request: Request
    timeout: float
    lock: float

    def take(self, move: Move, journey: Journey) -> Taken:
        """Takes a step and adds it to the journey. A step that its gates did not let happen says so by its verdicts."""
        # From here, not from the start: a sandbox's speed shortens waits, and an update takes its time at any speed.
        deadline = self.ports.clock.elapsed() + self.timeout
        assert journey.deployed is not None  # a plan is made from a record
        if isinstance(move, Await):
            step = self._awaited(move, journey, deadline)
        elif isinstance(move, Roll):
            step = replace_members(self.ports, move, journey.deployed, deadline)
        elif isinstance(move, RunOnce):
            step = run_once(self.ports, move, journey.deployed, deadline)
        elif isinstance(move, Resize):
            step = resize(self.ports, move, journey.deployed, deadline)
        elif isinstance(move, Bake):
            step = Watch(self.ports, move, journey.deployed, self.ports.stack.terms()).until_over()
        elif isinstance(move, Update):
            step = self._update(move, journey)
        else:
            step = Taken(move)
        journey.steps.append(step)
        return step

    def _update(self, move: Update, journey: Journey) -> Taken:
        gates = self._gates(move, journey)
        if any(verdict.blocks for verdict in gates):
            return Taken(move, verdicts=tuple(replace(one, held=False) for one in gates))
        assert journey.deployed is not None
        if self._forward(move) or isinstance(move, Begin):
            starting(self.ports, self.request, journey, move)
        if isinstance(move, Fill):
            self._noted(journey.deployed)
        try:
            applied = apply(self.ports, move, journey.deployed, why=why_of(self.request), patience=self.lock)
        except (Locked, UpdateFailed) as failure:
            raise _blamed(move, failure, journey, self.request) from failure
        journey.deployed = applied.deployed
        after = self._read_back(journey) if isinstance(move, Advance | Shift | Finish) else ()
        return Taken(move, applied.updates, applied.seconds, 0.0, (*gates, *after))

    def _noted(self, deployed: Deployed) -> None:
        """What the new fill has to run, before it is there: a driver that dies leaves nothing to be promoted."""
        end_left(self.ports, deployed, deployed.record.idle)
        kept, fill = self.ports.cloud.stored().once, deployed.generation + 1
        if kept and kept.fill != fill:
            self.ports.cloud.drop_claims()
        if isinstance(self.request, Deploy) and self.request.run:
            # Another driver that is ahead with this very fill may have begun it already.
            if not (kept and (kept.fill, kept.words) == (fill, self.request.run)):
                self.ports.cloud.put_once(Once(fill, self.request.run).text())
        elif kept:
            self.ports.cloud.drop_once()

    def _read_back(self, journey: Journey) -> tuple[Verdict, ...]:
        seen, verdicts = verify(self.ports)
        # What is read may be another driver's work by now, which is not this one's to judge or to take back.
        still_ours(seen, journey.deployed)
        return verdicts

    def _forward(self, move: Move) -> bool:
        return isinstance(move, Advance | Shift) and isinstance(self.request, Promote | Resume)

    def _gates(self, move: Update, journey: Journey) -> tuple[Verdict, ...]:
        """What is asked before a move; nothing of one that takes no release further."""
        if isinstance(move, Begin):
            return self._before_in_place(move, journey)
        return self._before(move, journey) if self._forward(move) else ()

    def _before_in_place(self, move: Begin, journey: Journey) -> tuple[Verdict, ...]:
        """Alarms that ring already could tell nothing of what comes; a color that is ill loses targets to no one."""
        assert journey.deployed is not None
        seen, color = observe(self.ports.cloud, self.ports.clock.now()), journey.deployed.record.active
        found = [] if move.gates.get("health") == "off" else [lenient(health(seen, color), move.gates)]
        if move.gates.get("alarms") != "off":
            terms = self.ports.stack.terms()
            found += (lenient(one, move.gates) for one in watched_alarms(self.ports, seen, terms, color, None))
        return tuple(found)

    def _before(self, move: Update, journey: Journey) -> tuple[Verdict, ...]:
        """Every gate, before a share of the traffic goes to the standby."""
        assert isinstance(move, Advance | Shift)
        assert journey.deployed is not None
        terms, deployed = self.ports.stack.terms(), journey.deployed
        seen = observe(self.ports.cloud, self.ports.clock.now())
        if deployed.record.transition or isinstance(move, Advance):
            seen = self._with_room(move, seen, journey)
            deployed = journey.deployed
        found = list(judge(seen, move.to, move.gates, move.weight, terms.carries))
        if not any(verdict.stops for verdict in found) and move.gates.get("alarms") != "off":
            found += (lenient(verdict, move.gates) for verdict in self._quiet(move, seen, terms, journey))
        if not any(verdict.blocks for verdict in found) and not _in_transition(journey):
            # At a later weight the bake before it has just asked these.
            found += checked(self.ports, terms, deployed.test_url, move.to, move.gates)
        return tuple(found)

    def _quiet(self, move: Advance | Shift, seen: Snapshot, terms: Terms, journey: Journey) -> tuple[Verdict, ...]:
        """What the alarms say before a weight.

        Before the first one they may still ring for the release that stood there before. Without traffic they end when
        their last metrics have left what CloudWatch looks at, and for so long they are waited for.
        """
        deadline, told = self.ports.clock.elapsed() + 2 * terms.alarms.sight, False
        while True:
            said = watched_alarms(self.ports, seen, terms, move.to, None)
            waits = any(verdict.passing for verdict in said) and not _in_transition(journey)
            if not waits or move.gates.get("alarms") == "warn" or self.ports.clock.elapsed() >= deadline:
                return said
            if not told:
                self.ports.tell(f"{said[0].reason}; waiting for it to end")
                told = True
            self.ports.clock.sleep(POLL)

    def _with_room(self, move: Advance | Shift, seen: Snapshot, journey: Journey) -> Snapshot:
        """The standby is made larger first where the active color has grown since the plan was made."""
        assert journey.deployed is not None
        terms, slot = self.ports.stack.terms(), journey.deployed.record.standby_slot
        most = terms.most_on(slot.platform) if slot else terms.most
        needed = min(targets_for(seen, move.to, move.weight, terms.carries), most)
        if slot is None or move.gates.get("capacity") or needed <= max(slot.floor, seen.fleet(move.to).healthy):
            return seen
        for extra in (Floors({move.to: needed}), Await(move.to, needed)):
            self.ports.tell(str(extra))
            self.take(extra, journey)
        return observe(self.ports.cloud, self.ports.clock.now())

    def _awaited(self, move: Await, journey: Journey, deadline: float) -> Taken:
        """In a transition a standby that does not grow is a failed gate, not a failed deploy."""
        try:
            return await_health(self.ports, move, deadline)
        except ReleaseFailed as failure:
            if not _in_transition(journey):
                raise
            return Taken(move, verdicts=(Verdict("capacity", False, failure.what, failure.why, failure.next),))


def _in_transition(journey: Journey) -> bool:
    """Whether the standby has traffic already."""
    deployed = journey.deployed
    return deployed is not None and weights(deployed.record)[deployed.record.idle] > 0


def _blamed(move: Update, failure: Failure, journey: Journey, request: Request) -> Failure:
    """A fill that fails is the release's fault, not the stack's: nothing that serves has been touched."""
    if isinstance(move, Fill | Begin) and isinstance(failure, UpdateFailed) and not isinstance(failure, Unsaved):
        again = f"deploy IMAGE{request.way}" if isinstance(request, Deploy) else "deploy IMAGE"
        return ReleaseFailed("the fill failed; what serves was not touched", failure.why, ("up", again))
    under_way = journey.deployed is not None and journey.deployed.record.transition is not None
    if (_in_transition(journey) or under_way) and isinstance(failure, Locked):
        failure.next = (*failure.next, "resume", "rollback")
    elif _in_transition(journey) or under_way:
        return Unfinished(f"could not {move}", f"{failure.what}: {failure.why}", ("resume", "rollback"), failure.facts)
    return failure
