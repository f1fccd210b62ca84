"""A bake: at one weight, every gate is asked again and again, until the time is over or one says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from driver import bake_gates, checks
from driver.errors import Busy, Failure, Unfinished
from driver.gates import Verdict, health, lenient
from driver.interrupts import INTERRUPTS
from driver.journey import Taken
from driver.observe import observe
from driver.ports import Ports
from driver.release.course import spoken
from driver.release.moves import Bake
from driver.release.requests import Leniency
from driver.release.snapshot import Snapshot
from driver.release.terms import Terms
from driver.verify import still_ours
from infra.record import Color, Deployed, instant

POLL = 5.0
"""Seconds between two looks: what an alarm says is acted on within one."""

BLIND = 60.0
"""Seconds for which AWS may not answer before the driver gives the watch up; a throttled call is no verdict."""

_COUNTED = 30.0
"""Seconds between two counts of requests: metrics come once a minute, and each question costs money."""

_LINE = 60.0


@dataclass
class Watch:
    """What a bake has found so far. `gates`: those that a person asked to be without, or to be only warned of."""

    ports: Ports
    move: Bake
    deployed: Deployed
    terms: Terms
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    blind_since: float | None = None
    strays: int = 0
    from_here: datetime | None = None
    """When this driver began to watch."""
    said: str = ""
    said_at: float = 0.0

    def until_over(self) -> Taken:
        """Stays, and gives what the gates said. Raises Busy where another driver acts, Unfinished where none can."""
        clock, move = self.ports.clock, self.move
        self.from_here = clock.now()
        before = clock.since(move.began) if move.began else 0.0
        started, counted, unwatched = clock.elapsed(), -_COUNTED, move.unwatched
        while True:
            INTERRUPTS.check()
            stayed = before + clock.elapsed() - started
            over, waited_out = stayed >= move.seconds, stayed >= max(move.most, move.seconds)
            count = over or clock.elapsed() - counted >= _COUNTED
            try:
                stopped = self._look(unwatched, count=count, waited_out=waited_out)
                self.blind_since, unwatched = None, None
                counted = clock.elapsed() if count else counted
            except Busy:
                raise
            except Failure as failure:
                self._blinded(failure)
                stopped, over = False, False
            # Weights that were found astray at the last moment are looked at once more before all is said to be well.
            if not stopped and over and not self.held and not self.strays:
                stopped = self._checked()
                if not stopped or self.stopping:
                    return self._taken(stayed)
            if stopped:
                return self._taken(stayed)
            if over and waited_out and self.held:
                raise self._held()
            self._say(stayed)
            clock.sleep(POLL if over else min(POLL, max(0.5, move.seconds - stayed)))

    @property
    def stopping(self) -> bool:
        return any(verdict.stops for verdict in self.verdicts.values())

    @property
    def held(self) -> bool:
        return any(verdict.held for verdict in self.verdicts.values())

    def _look(self, unwatched: datetime | None, *, count: bool, waited_out: bool) -> bool:
        """One look at everything that costs little. True where a gate says no."""
        seen = observe(self.ports.cloud, self.ports.clock.now())
        self._still_ours(seen)
        for color, fleet in seen.fleets.items():
            self.ports.progress.health(color, fleet.healthy, fleet.wanted)
        self._note(health(seen, self.move.to))
        if self._asked("alarms"):
            for verdict in watched_alarms(self.ports, seen, self.terms, self.move.to, unwatched):
                self._note(verdict)
        if count and self.terms.requests.least and self._asked("requests"):
            self._note(self._requests(waited_out=waited_out))
        return self.stopping

    def _checked(self) -> bool:
        """What costs requests or time is asked once, before the next weight."""
        for verdict in checked(self.ports, self.terms, self._address, self.move.to, self.move.gates):
            self._note(verdict)
        return self.stopping

    @property
    def _address(self) -> str:
        """Where what is watched answers: in place the test listener sends elsewhere."""
        return self.deployed.url if self.move.in_place else self.deployed.test_url

    def _requests(self, *, waited_out: bool) -> Verdict:
        record = self.deployed.record
        # A driver whose clock was ahead may have written a time that is still to come.
        since = self.from_here or self.ports.clock.now()
        if record.transition:
            since = min(instant(record.transition.step_since), since)
        group, rule = self.deployed.target_group(self.move.to), self.deployed.rules.get("production", "")
        served = self.ports.cloud.served(group, rule, since)
        rate = served.requests / max(1.0, (self.ports.clock.now() - since).total_seconds())
        self.ports.progress.served(self.move.to, rate, served.errors)
        return bake_gates.requests(served, self.terms.requests, self.move.to, waited_out=waited_out)

    def _asked(self, gate: str) -> bool:
        return self.move.gates.get(gate) != "off"

    def _note(self, verdict: Verdict) -> None:
        if self._asked(verdict.gate):
            self.verdicts[verdict.gate] = lenient(verdict, self.move.gates)

    def _still_ours(self, seen: Snapshot) -> None:
        """Raises Busy where someone else has moved on: two must not steer."""
        still_ours(seen, self.deployed)
        # A rollback moves the rule a moment before its intent can be read: one look does not tell it from drift.
        self.strays = self.strays + 1 if seen.weights_drifted else 0
        if self.strays > 1:
            raise Busy(
                "someone changed the live weights during the bake",
                f"{seen.drift[0] if seen.drift else 'the rule differs from the record'}; nothing was done about it",
                ("rollback", "up", "status"),
            )

    def _blinded(self, failure: Failure) -> None:
        elapsed = self.ports.clock.elapsed()
        if self.blind_since is None:
            self.blind_since = elapsed
            self.ports.tell(f"can't look: {failure.what}: {failure.why}".rstrip(": "))
        if elapsed - self.blind_since >= BLIND:
            why = f"{failure.what}: {failure.why}".rstrip(": ")
            what = f"nobody can watch the bake: AWS has not answered for {spoken(BLIND)}"
            raise Unfinished(what, why, ("resume", "rollback", "doctor")) from failure

    def _held(self) -> Unfinished:
        verdict = next(verdict for verdict in self.verdicts.values() if verdict.held)
        what = f"held while watching {self.move.what}: {verdict.reason}"
        return Unfinished(what, verdict.why, (f"resume --gate {verdict.gate}=warn", "resume", "rollback"))

    def _say(self, stayed: float) -> None:
        self.ports.progress.gates(tuple(self.verdicts.values()))
        self.ports.progress.left(max(0.0, self.move.seconds - stayed))
        self._say_lines(stayed)

    def _say_lines(self, stayed: float) -> None:
        """A line a minute, and whenever a gate changes its mind."""
        signs = ", ".join(f"{one.gate} {_sign(one)}" for one in self.verdicts.values())
        if signs != self.said or stayed - self.said_at >= _LINE:
            self.said, self.said_at = signs, stayed
            left = max(0.0, self.move.seconds - stayed)
            rest = (
                f"{spoken(left)} left"
                if left
                else "waiting on: " + "; ".join(one.reason for one in self.verdicts.values() if one.held)
            )
            self.ports.tell(f"{self.move.what}: {signs}; {rest}")

    def _taken(self, stayed: float) -> Taken:
        return Taken(self.move, waited_seconds=stayed, verdicts=tuple(self.verdicts.values()))


def _sign(verdict: Verdict) -> str:
    return "✓" if verdict.passed else "…" if verdict.held else "!" if verdict.warned else "✗"


def watched_alarms(
    ports: Ports, seen: Snapshot, terms: Terms, color: Color, since: datetime | None
) -> tuple[Verdict, ...]:
    """What the alarms of a color on its platform, and the settings' others, say now; nothing where none is watched."""
    slot = seen.record.colors.get(color) if seen.record else None
    names = bake_gates.watched_alarms(terms.alarms, color, slot.platform if slot else "")
    return (bake_gates.alarms(ports.cloud.alarms(names, since), names, terms.alarms),) if names else ()


def checked(ports: Ports, terms: Terms, url: str, color: Color, gates: Mapping[str, Leniency]) -> tuple[Verdict, ...]:
    """The smoke checks and the team's command, through a listener. The second only where the first passed."""
    verdicts: list[Verdict] = []
    if terms.smoke and gates.get("smoke") != "off":
        verdicts.append(lenient(checks.smoke(ports.probe, url, terms.smoke), gates))
    if terms.command and gates.get("command") != "off" and not any(verdict.stops for verdict in verdicts):
        verdicts.append(lenient(checks.command(ports.runner, url, color, terms.command), gates))
    return tuple(verdicts)
