"""The two calls that cannot wait: the rule's weights, and the intent. Side by side; neither waits for the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from driver.errors import Failure
from driver.release.snapshot import Rule
from infra.record import Color, Deployed, Intent, Record, intent_text, same_wish, stamp, weights

if TYPE_CHECKING:
    from driver.ports import Cloud

_WARMUP = 60
"""Seconds that a member is given which comes back; the settings are not read for it."""


@dataclass(frozen=True)
class Urgent:
    """Where the traffic goes, and what any later run has to know of it. No intent: the record says it already.

    `restores`: out of a release in place, the capacity whose members go back, and what they were launched from.
    """

    to: Color
    record: Record
    rule: Rule
    intent: str = ""
    restores: tuple[str, str] | None = None

    @classmethod
    def of(cls, was: Deployed, wish: Record, to: Color, live: Rule | None, now: datetime, why: str) -> Urgent:
        """From the deployed record and the rule as it is (None: unknown, then without stickiness)."""
        shares = {was.target_group(color): weight for color, weight in weights(wish).items()}
        ordered = {arn: shares[arn] for arn in live.shares} if live and set(live.shares) == set(shares) else shares
        rule = Rule(was.rules["production"], ordered, live.sticky if live else 0)
        if same_wish(was.record, wish):
            return cls(to, wish, rule)
        from driver.who import who

        text = intent_text(Intent(was.generation, wish, who(), stamp(now), why))
        return cls(to, wish, rule, text, _restored(was, to))


def _restored(was: Deployed, to: Color) -> tuple[str, str] | None:
    leaving = was.record.leaving
    template = was.template(to, leaving) if leaving and to == was.record.active else ""
    return (was.capacity[to], template) if template and to in was.capacity else None


def hasten(cloud: Cloud, urgent: Urgent) -> Exception | None:
    """Moves the traffic and writes the intent; what kept the traffic from moving, if anything did.

    None of it is a reason to stop: what follows does it all.
    """
    with ThreadPoolExecutor(max_workers=3) as pool:
        moved = pool.submit(cloud.forward, urgent.rule)
        noted = pool.submit(cloud.put_intent, urgent.intent) if urgent.intent else None
        restored = pool.submit(_restore, cloud, *urgent.restores) if urgent.restores else None
    failures = [call.exception() if call else None for call in (noted, moved, restored)]
    for failure in failures:
        if failure is not None and not isinstance(failure, Failure | LookupError):
            raise failure
    return cast("Exception | None", moved.exception() or failures[2])


def _restore(cloud: Cloud, name: str, template: str) -> None:
    cloud.rollouts().back(name, template, warmup=_WARMUP)
