"""Looking: everything that a plan is made from, read from AWS in as few calls as it takes, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from driver.errors import Failure
from driver.release.snapshot import Capacity, Fleet, Rule, Snapshot, Stored, Target
from driver.release.watcher import parse
from infra.record import COLORS, Color, Deployed

if TYPE_CHECKING:
    from driver.ports import Cloud

T = TypeVar("T")


def observe(cloud: Cloud, now: datetime) -> Snapshot:
    """The stack as AWS shows it now."""
    return look(cloud, cloud.stored(), now)


def look(cloud: Cloud, stored: Stored, now: datetime) -> Snapshot:
    """The same, with the record already read."""
    stored = witnessed(stored)
    deployed = stored.deployed
    if deployed is None:
        return Snapshot(stored, now)
    workers = [deployed.worker(color, name) for color in COLORS for name in deployed.crew(color)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        rules = pool.submit(cloud.rules, list(deployed.rules.values()))
        crews = pool.submit(cloud.crews, workers) if workers else None
        capacity = pool.submit(cloud.capacity, list(deployed.capacity.values()))
        health = _asked_health(pool, cloud, deployed)
    held = capacity.result()
    fleets = {color: _fleet(deployed, color, targets.result(), held) for color, targets in health.items()}
    seen = _snapshot(stored, now, deployed, rules.result(), fleets)
    return replace(seen, crews=crews.result()) if crews else seen


def witnessed(stored: Stored) -> Stored:
    """The same, and whether what the lease in it names is proven dead: only its own machine can tell."""
    watcher = parse(stored.watcher)
    if watcher is None:
        return stored
    from driver.stack.lease import gone  # what gives the proof takes a while to load

    # An engine may outlive its driver by an update: for that long something goes on.
    named = [process for process in (watcher.process, watcher.engine) if process]
    return replace(stored, died=all(map(gone, named)))


def glance(cloud: Cloud, stored: Stored, now: datetime) -> Snapshot:
    """As much as a rollback needs. What can't be read is left out: the traffic must not wait for it.

    Every target of a group counts: the scaling groups, which tell whose it is, are not asked.
    """
    deployed = stored.deployed
    if deployed is None:
        return Snapshot(stored, now)
    with ThreadPoolExecutor(max_workers=3) as pool:
        rules = pool.submit(cloud.rules, list(deployed.rules.values()))
        health = _asked_health(pool, cloud, deployed)
    fleets = {}
    for color, asked in health.items():
        targets = _unless_refused(asked)
        if targets is not None:
            fleets[color] = Fleet(len(targets), targets)
    return _snapshot(stored, now, deployed, _unless_refused(rules) or {}, fleets)


def _asked_health(
    pool: ThreadPoolExecutor, cloud: Cloud, deployed: Deployed
) -> dict[Color, Future[tuple[Target, ...]]]:
    return {
        color: pool.submit(cloud.health, deployed.target_group(color))
        for color in COLORS
        if deployed.target_groups.get(color)
    }


def _snapshot(
    stored: Stored, now: datetime, deployed: Deployed, rules: Mapping[str, Rule], fleets: dict[Color, Fleet]
) -> Snapshot:
    production = rules.get(deployed.rules.get("production", ""))
    return Snapshot(
        stored,
        now,
        live=live_weights(deployed, production),
        tested=_tested(deployed, rules.get(deployed.rules.get("test", ""))),
        rule=production,
        fleets=fleets,
    )


def _unless_refused(asked: Future[T]) -> T | None:
    try:
        return asked.result()
    except (Failure, LookupError):
        return None


def live_weights(deployed: Deployed, rule: Rule | None) -> Mapping[Color, int] | None:
    """Percent by color of a rule; None where it is gone or forwards to a group that is not one of the two."""
    if rule is None:
        return None
    shares = {deployed.target_group(color): color for color in COLORS}
    total = sum(rule.shares.values())
    if not total or set(rule.shares) != set(shares):
        return None
    return {color: round(100 * rule.shares[arn] / total) for arn, color in shares.items()}


def _tested(deployed: Deployed, rule: Rule | None) -> Color | None:
    served = {arn for arn, weight in rule.shares.items() if weight} if rule else set()
    return next((color for color in COLORS if served == {deployed.target_group(color)}), None)


def _fleet(deployed: Deployed, color: Color, targets: tuple[Target, ...], held: Mapping[str, Capacity]) -> Fleet:
    """Only members of the recorded capacity, tagged with the recorded fill and launched from what the record notes,
    run the recorded release. While another one takes over in place, both do.
    """
    record, slot = deployed.record, deployed.record.colors.get(color)
    group = held.get(deployed.capacity.get(color, ""))
    if slot is None or group is None:
        return Fleet(strangers=targets)
    members = set(group.instances) if group.tags.get("bluegreen:fill", str(slot.fill)) == str(slot.fill) else set()
    comes = deployed.template(color, slot.release) or group.template
    goes = deployed.template(color, record.leaving) if record.leaving and color == record.active else ""
    launched = {id: group.launched.get(id, comes) for id in members}
    ours = {id for id, origin in launched.items() if origin in (comes, goes)}
    return Fleet(
        wanted=group.desired,
        targets=tuple(target for target in targets if target.id in ours),
        strangers=tuple(target for target in targets if target.id not in ours),
        leaving=tuple(target for target in targets if goes and launched.get(target.id) == goes),
        stale=tuple(target for target in targets if target.id in members - ours),
        group=group.name,
        least=group.least,
        most=group.most,
    )
