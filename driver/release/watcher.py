"""Who watches a transition: the lease that its driver renews in the parameter store, and what it proves. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from driver.release.snapshot import Stored
from infra.record import Transition, instant, stamp

SCHEMA = 1


@dataclass(frozen=True)
class Process:
    """One process of one boot of one machine. `started` and `boot` are seconds since the epoch."""

    host: str
    boot: float
    namespace: int
    pid: int
    started: float


@dataclass(frozen=True)
class Watcher:
    """The lease: a driver, what it does, since when, and until when it counts as alive without a renewal."""

    who: str
    process: Process
    doing: str
    since: str
    until: str
    engine: Process | None = None
    """What runs its update, where that is a process of its own: it is the one that holds the stack's lock."""
    seen: str = ""
    """When it was renewed last; empty in a lease of a version that did not say it."""

    def alive(self, now: datetime) -> bool:
        """Whether the lease still runs. A clock that is wrong by more than the lease makes this wrong as well."""
        return instant(self.until) > now

    @property
    def named(self) -> str:
        """Who it is, and where: `ci job 4711 on host runner-3`."""
        host = self.process.host
        return self.who if not host or self.who.endswith(f"@{host}") else f"{self.who} on host {host}"

    def text(self) -> str:
        """What lies in the parameter store."""
        process = self.process
        data = {
            "schema": SCHEMA,
            "who": self.who,
            "host": process.host,
            "boot": process.boot,
            "namespace": process.namespace,
            "pid": process.pid,
            "started": process.started,
            "doing": self.doing,
            "since": self.since,
            "until": self.until,
            **({"seen": self.seen} if self.seen else {}),
            **({"engine": {"pid": self.engine.pid, "started": self.engine.started}} if self.engine else {}),
        }
        return json.dumps(data, separators=(",", ":"), ensure_ascii=False)

    @property
    def last_sign(self) -> str:
        """When its driver was certainly still alive."""
        return self.seen or self.since

    def data(self, alive: bool) -> dict[str, Any]:
        """What a document says of it."""
        return {
            "who": self.who,
            "host": self.process.host,
            "doing": self.doing,
            "since": self.since,
            "until": self.until,
            "alive": alive,
        }


def parse(text: str) -> Watcher | None:
    """The lease in a parameter's text; None for none, or for what is no lease: a wrong one must stop nobody."""
    try:
        data = json.loads(text)
        if not isinstance(data, Mapping):
            return None
        process = Process(
            str(data["host"]), float(data["boot"]), int(data["namespace"]), int(data["pid"]), float(data["started"])
        )
        runs = data.get("engine")
        engine = replace(process, pid=int(runs["pid"]), started=float(runs["started"])) if runs else None
        since, until = (stamp(instant(str(data[key]))) for key in ("since", "until"))
        seen = stamp(instant(str(data["seen"]))) if data.get("seen") else ""
        return Watcher(str(data["who"]), process, str(data["doing"]), since, until, engine, seen)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def watched(stored: Stored, now: datetime) -> bool:
    """Whether the lease of a driver runs, and nothing proves that driver dead."""
    watcher = parse(stored.watcher)
    return watcher is not None and watcher.alive(now) and not stored.died


def unwatched_since(stored: Stored, transition: Transition | None, now: datetime) -> datetime | None:
    """From when on nobody watched what is in progress; None while someone does, or where nothing is in progress.

    A lease that ran out says it, and where its process is proven dead, its last renewal does. Without one its driver
    has put it away, or never could write it: the last step that the record knows of is then the last sign of life.
    """
    acted = _last_act(stored, transition)
    if acted is None:
        return None
    watcher = parse(stored.watcher)
    if watcher is None:
        return acted
    if watched(stored, now):
        return None
    return max(acted, instant(watcher.last_sign if stored.died else watcher.until))


def spoken(stored: Stored, transition: Transition | None, now: datetime) -> str:
    """One sentence on who watches; empty where nothing is in progress and nobody does."""
    watcher = parse(stored.watcher)
    if watcher is not None and watched(stored, now):
        return f"watched by {watcher.named} since {at(watcher.since, now)}: {watcher.doing}"
    since = unwatched_since(stored, transition, now)
    if since is None:
        return ""
    ended = ", whose process is gone" if stored.died else ""
    was = f", was {watcher.named}{ended}: {watcher.doing}" if watcher else ""
    return f"unwatched since {at(stamp(since), now)}{was}"


def at(moment: str, now: datetime) -> str:
    """A time of a record for people: `12:04 UTC`, with the date where it is another day's."""
    try:
        when = instant(moment)
    except ValueError:
        return moment
    shown = "%H:%M UTC" if when.date() == now.date() else "%Y-%m-%d %H:%M UTC"
    return when.strftime(shown)


def _last_act(stored: Stored, transition: Transition | None) -> datetime | None:
    intent = stored.pending
    for moment in (intent.when if intent else "", transition.step_since if transition else ""):
        try:
            return instant(moment)
        except ValueError:
            continue
    return None
