"""Waiting until the members of a color run another release in place, and making AWS replace them."""

from __future__ import annotations

from dataclasses import dataclass

from driver.counting import many
from driver.errors import Busy, Failure, Unforeseen
from driver.gates import Verdict
from driver.images import short
from driver.interrupts import INTERRUPTS
from driver.journey import Taken
from driver.launches import lost
from driver.observe import observe
from driver.ports import Ports
from driver.release.rolling import Roll
from driver.release.rollout import Rollout
from driver.release.snapshot import Fleet, Snapshot, Target
from driver.verify import still_ours
from infra.record import Deployed

_POLL = 2.0


@dataclass
class Replacing:
    """One such wait. What it begins, AWS carries on by itself, whatever becomes of this driver."""

    ports: Ports
    move: Roll
    deployed: Deployed
    deadline: float
    """By `Clock.elapsed`."""
    going: bool = False
    """It was seen to go, so that an end of it is news."""
    stopping: bool = False
    begun: bool = False
    """This driver has made AWS replace them: where another has taken the release back meanwhile, it takes that back."""
    refused: Failure | None = None
    said: str = ""

    def until_there(self) -> Taken:
        """Stays until they do, or gives the verdict that they will not. Raises Busy where another driver acts."""
        clock, started = self.ports.clock, self.ports.clock.elapsed()
        while True:
            INTERRUPTS.check()
            seen = observe(self.ports.cloud, clock.now())
            try:
                still_ours(seen, self.deployed)
            except Busy:
                self._withdraw(seen)
                raise
            fleet = seen.fleet(self.move.color)
            self.ports.progress.health(self.move.color, fleet.healthy, fleet.wanted)
            latest = self.ports.cloud.rollouts().latest(self.name)
            if verdict := self._verdict(fleet, latest):
                return Taken(self.move, waited_seconds=clock.elapsed() - started, verdicts=(verdict,))
            self._push(latest)
            self._say(fleet, latest)
            clock.sleep(_POLL)

    @property
    def name(self) -> str:
        return self.deployed.capacity[self.move.color]

    @property
    def template(self) -> str:
        return self.deployed.template(self.move.color, self.move.release)

    def _ours(self, latest: Rollout | None) -> Rollout | None:
        """The latest one, if it brings the release that is wanted."""
        return latest if latest is not None and latest.to == self.template else None

    def _verdict(self, fleet: Fleet, latest: Rollout | None) -> Verdict | None:
        """None while it can't be said."""
        move, ours = self.move, self._ours(latest)
        so_far = (
            f"{len(fleet.arrived)} of {many(fleet.wanted, 'target')} of {move.color} run {short(move.release.image)}"
        )
        if self._there(fleet, ours):
            return Verdict("rollout", True, so_far)
        if ours is not None and not move.back:
            given_up = ours.state == "stopped" and self.going and not self.stopping
            if ours.broken or given_up:
                by = "was stopped by someone" if given_up else "was given up by AWS"
                return self._failed(fleet, f"replacing the targets of {move.color} {by}", ours.reason)
            self.going = ours.under_way
        if self.ports.clock.elapsed() < self.deadline:
            return None
        if self.refused is not None:
            raise self.refused
        return self._failed(fleet, f"only {so_far} in time", latest.reason if latest else "")

    def _there(self, fleet: Fleet, ours: Rollout | None) -> bool:
        if self.move.first and ours is not None and ours.first:
            return ours.state == "waiting" and bool(fleet.arrived)
        slot = self.deployed.record.colors[self.move.color]
        enough = len(fleet.arrived) >= max(1, slot.floor, fleet.wanted)
        over = self.move.back or (ours is not None and ours.state == "done")
        return over and enough and not any(_stays(target) for target in (*fleet.leaving, *fleet.stale))

    def _failed(self, fleet: Fleet, what: str, why: str) -> Verdict:
        reasons = [why, *lost(self.ports.cloud, self.move.color, fleet, self.template)]
        reasons += [f"{one.id} {one.state}: {one.reason}".rstrip(": ") for one in fleet.ailing]
        return Verdict("rollout", False, what, "; ".join(reason for reason in reasons if reason))

    def _push(self, latest: Rollout | None) -> None:
        """Whatever has to be asked of AWS next, if anything. What it refuses now it may take at the next look."""
        try:
            if self.move.back:
                self._push_back(latest)
            else:
                self._push_on(latest)
            self.refused = None
        except (Busy, Unforeseen) as failure:
            if self.refused is None or self.refused.what != failure.what:
                self.ports.tell(f"{failure.what}: {failure.why}".rstrip(": "))
            self.refused = failure

    def _push_back(self, latest: Rollout | None) -> None:
        if latest is None or not latest.under_way or (latest.to != self.template and latest.state != "backing"):
            self.ports.cloud.rollouts().back(self.name, self.template, warmup=self.ports.stack.terms().settles)

    def _push_on(self, latest: Rollout | None) -> None:
        rollouts, ours = self.ports.cloud.rollouts(), self._ours(latest)
        if ours is not None and ours.first and not self.move.first and ours.state in {"going", "waiting"}:
            # Nothing makes a refresh leave its checkpoint early: the rest is another one's.
            self.stopping = True
            rollouts.stop(self.name)
        elif latest is None or not latest.under_way:
            warmup = self.ports.stack.terms().settles
            self.begun = True  # also where the answer is lost
            rollouts.begin(self.name, self.template, warmup=warmup, first=self.move.first, alarms=self._alarms())

    def _withdraw(self, seen: Snapshot) -> None:
        """Takes back what was begun after another driver's way back had looked: nobody else will.

        One that carries the same release on wants it to stay.
        """
        deployed, color = seen.deployed, self.move.color
        if not self.begun or deployed is None:
            return
        record = seen.stored.pending.record if seen.stored.pending else deployed.record
        slot = record.colors.get(color)
        wanted = deployed.template(color, slot.release) if slot else ""
        if not wanted or wanted == self.template:
            return
        try:
            rollouts = self.ports.cloud.rollouts()
            if self._ours(rollouts.latest(self.name)):
                rollouts.back(self.name, wanted, warmup=self.ports.stack.terms().settles)
        except Failure as failure:
            self.ports.tell(f"{color} could not be put back: {failure.what}; `rollback` does it")

    def _alarms(self) -> tuple[str, ...]:
        """Those of the color that exist: AWS takes it back where one fires, also while no driver watches."""
        if "alarms" in self.move.gates:
            return ()
        own = self.ports.stack.terms().alarms.own.get(self.move.color, {}).get(self.move.release.platform, ())
        known = self.ports.cloud.alarms(own) if own else {}
        return tuple(name for name in own if name in known)

    def _say(self, fleet: Fleet, latest: Rollout | None) -> None:
        line = f"{self.move.color}: {len(fleet.arrived)} of {many(fleet.wanted, 'target')} replaced"
        if self.move.back:
            line = f"{self.move.color}: {len(fleet.arrived)} of {many(fleet.wanted, 'target')} as before"
        if latest is not None and latest.reason and latest.broken:
            line += f" ({latest.reason})"
        if line != self.said:
            self.said = line
            self.ports.tell(line)


def replace(ports: Ports, move: Roll, deployed: Deployed, deadline: float) -> Taken:
    """The members of a color replaced, as far as the move goes."""
    return Replacing(ports, move, deployed, deadline).until_there()


def _stays(target: Target) -> bool:
    """Whether a target is not on its way out."""
    return target.state in {"initial", "healthy", "unhealthy"}
