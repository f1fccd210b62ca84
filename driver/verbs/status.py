"""`status`: what runs where."""

from __future__ import annotations

import time

import click

from driver.gates import health
from driver.images import asked_again
from driver.invocation import Invocation
from driver.launches import explained
from driver.observe import observe
from driver.release.in_place import left_behind
from driver.release.snapshot import Snapshot
from driver.release.watcher import spoken, unwatched_since, watched
from driver.report.show import show
from driver.report.status import StatusView, replaced, step_of
from driver.result import Result
from driver.session import Session
from infra.record import Record

_LOOK = 2.0
"""Seconds between two looks of --watch."""


@click.command()
@click.option("--watch", is_flag=True, help="Again every two seconds, until interrupted.")
@click.option("--exit-code", is_flag=True, help="Exit 7 where AWS disagrees with the record.")
@click.pass_obj
def status(called: Invocation, watch: bool, exit_code: bool) -> Result:
    """What runs where: weights, releases, healthy and wanted, transition, drift, intent."""
    session = Session(called, changes=False)
    seen = session.observed()
    while True:
        result = _shown(session, seen, exit_code=exit_code)
        if not watch:
            return result
        show(result, called)
        time.sleep(_LOOK)  # a person's time: a sandbox's speed makes nobody read faster
        seen = observe(session.cloud, session.ports.clock.now())


def _shown(session: Session, seen: Snapshot, *, exit_code: bool) -> Result:
    seen = explained(session.cloud, seen)
    view = StatusView(session.checkout.project, seen)
    if seen.deployed is None:
        if basis := session.config.get("bluegreen:basedOn"):
            why = f"there is no record, but {session.checkout.file.name} was copied from one ({basis})"
            return Result("lost", why, ("sync --from-live", "doctor"), facts=view.facts(), body=view)
        return Result("empty", "nothing is deployed yet", ("up",), facts=view.facts(), body=view)
    outcome, reason, advice = summary(seen)
    code = 7 if exit_code and (seen.drift or outcome == "drift") else 0
    return Result(outcome, reason, advice, code, view.facts(), view)


def summary(seen: Snapshot) -> tuple[str, str, tuple[str, ...]]:
    """One word, one sentence, and what to type next."""
    record = seen.record
    assert record is not None
    unwatched = unwatched_since(seen.stored, record.transition, seen.now)
    watching = spoken(seen.stored, record.transition, seen.now)
    if seen.stored.pending:
        return (
            "rolling back",
            f"a rollback is in progress; {watching}",
            ("rollback",) if unwatched else ("wait", "rollback"),
        )
    if seen.weights_drifted:
        # `up` sets the weights of the record, and leaves a transition where it is.
        settle = ("rollback", "up") if record.transition else ("up", "rollback")
        return "drift", seen.drift[0], ("wait", *settle) if watched(seen.stored, seen.now) else settle
    if record.transition:
        doing = f"{record.transition.weight} % on {record.idle}, {step_of(record.transition)}"
        if record.transition.kind == "in-place":
            doing = replaced(seen, record)
        if record.transition.paused and unwatched:
            return "paused", f"{doing}, paused as asked", ("resume", "rollback")
        return "in transition", f"{doing}; {watching}", ("resume", "rollback") if unwatched else ("wait", "rollback")
    if undone := left_behind(seen, record):
        return "drift", undone, ("resume", "rollback")  # an `up` replaces no member
    if seen.drift:
        return "drift", seen.drift[0], ("up",)
    serving = f"{record.active} serves"
    fleet = seen.fleet(record.active)
    slot = record.standby_slot
    if not fleet.healthy:
        what = f"{serving}, but none of its targets is healthy"
        return "unhealthy", what, (*_way_out(record), f"logs {record.active}")
    if slot and (once := seen.unrun):
        # The same deploy once more runs it again, or waits for the one that runs.
        what = f"{serving}, {record.idle} is {record.standby}, not deployed yet: its command {once}"
        return "steady", what, (f"deploy {asked_again(slot.release, record)}", f"logs {record.idle}")
    if slot and slot.filled and record.standby == "candidate" and not (ready := health(seen, record.idle)).passed:
        # The same deploy once more waits for it; what a fill left behind goes with the next update.
        same = f"deploy {asked_again(slot.release, record)}"
        hints = ("up",) if "up" in ready.next else (same, "deploy IMAGE", "retire")
        return "steady", f"{serving}, {record.idle} is candidate, not ready: {ready.reason}", hints
    advice = {
        "candidate": ("promote",),
        "previous": ("verify", "rollback") if record.held(seen.now) else ("deploy IMAGE", "rollback"),
        "rejected": ("deploy IMAGE",),
        "empty": ("deploy IMAGE",),
    }
    hint = advice[record.standby] if slot and slot.filled else ("deploy IMAGE",)
    return "steady", f"{serving}, {record.idle} is {record.standby}", hint


def _way_out(record: Record) -> tuple[str, ...]:
    """Where the traffic could go from a color that is down."""
    slot = record.standby_slot
    if slot is None or (not slot.filled and record.standby != "previous"):
        return ("deploy IMAGE",)
    return {"candidate": ("promote",), "rejected": ("promote --again",), "previous": ("rollback",)}.get(
        record.standby, ("deploy IMAGE",)
    )
