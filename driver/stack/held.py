"""Locks that stand in the way of an update: whose they are, by the engine's own words, and how one is taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from driver.errors import Busy, Failure, Invalid
from infra.record import instant

_ENTRY = re.compile(
    r"^\s+(?P<url>[a-z][a-z0-9+]*://.+?): "
    r"(?:created by (?P<who>.+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<when>\S+)|unreadable)\s*$",
    re.MULTILINE,
)


@dataclass
class Word:
    """A person's word that one lock is nobody's: its id, empty once it is taken away. `verb`: who is told to say it."""

    asked: str = ""
    verb: str = ""


@dataclass(frozen=True)
class Lock:
    """One lock of a stack. `host`, `pid` and `when` are empty where its file can't be read."""

    url: str
    who: str = ""
    host: str = ""
    pid: int = 0
    when: str = ""

    @property
    def id(self) -> str:
        """What a person names it by: the name of its file, which no other lock ever has."""
        return Path(unquote(urlsplit(self.url).path)).stem

    def spoken(self, now: datetime) -> str:
        """Owner, age and id in one phrase."""
        if not self.pid:
            return f"someone who can't be read, lock {self.id}"
        return f"{self.who}@{self.host} (pid {self.pid}) since {self.when}{_age(self.when, now)}, lock {self.id}"

    def data(self, now: datetime) -> dict[str, Any]:
        """What a document says of it."""
        seconds = _seconds(self.when, now)
        return {
            "id": self.id,
            "who": self.who,
            "host": self.host,
            "pid": self.pid,
            "since": self.when,
            "age_seconds": seconds,
        }


def named(text: str) -> tuple[Lock, ...]:
    """The locks that an engine's message names. A service that keeps locks out of sight names none."""
    return tuple(
        Lock(found["url"], found["who"] or "", found["host"] or "", int(found["pid"] or 0), found["when"] or "")
        for found in _ENTRY.finditer(text)
    )


def take_away(locks: Sequence[Lock], asked: str) -> Lock:
    """Takes exactly the lock of this id away. Raises Busy where it is not one of those that are held."""
    for lock in locks:
        if lock.id == asked:
            _remove(lock)
            return lock
    held = ", ".join(lock.id for lock in locks)
    if not held:
        why = "this backend keeps its locks out of sight; its own `cancel` takes away the update that is in progress"
        raise Busy(f"the lock {asked} can't be found", why, ("$ pulumi cancel", "status"))
    raise Busy(f"the lock {asked} is not the one that is held", f"held is {held}; nothing was taken away", ("status",))


def _remove(lock: Lock) -> None:
    parts = urlsplit(lock.url)
    if parts.scheme == "file":
        file = Path(unquote(parts.netloc + parts.path))
        try:
            for each in (file, file.with_name(file.name + ".attrs")):
                each.unlink(missing_ok=True)
        except OSError as error:
            why = f"{file}: {error.strerror or error}"
            raise Invalid("the lock can't be taken away", why, (f"$ rm '{file}'", "doctor")) from error
        return
    if parts.scheme == "s3":
        from driver.cloud.bucket import delete_object

        try:
            delete_object(lock.url)
        except Failure as failure:
            hint = f"$ aws s3 rm 's3://{parts.netloc}{unquote(parts.path)}'"
            raise Invalid(
                "the lock can't be taken away", f"{failure.what}: {failure.why}", (hint, "doctor")
            ) from failure
        return
    ways = {"gs": "$ gcloud storage rm '{}'", "azblob": "$ az storage blob delete --blob-url '{}'"}
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    why = f"it lies in a backend that bluegreen does not reach: delete this one object, {bare}, and nothing else"
    hint = ways.get(parts.scheme, "$ open '{}'").format(bare)
    raise Invalid(f"the lock {lock.id} can't be taken away from here", why, (hint, "doctor"))


def _seconds(when: str, now: datetime) -> int | None:
    try:
        return max(0, int((now - instant(when)).total_seconds()))
    except ValueError:
        return None


def _age(when: str, now: datetime) -> str:
    """Coarse on purpose: who waits is told again when it changes."""
    seconds = _seconds(when, now)
    if seconds is None or seconds < 60:
        return ""
    hours, minutes = divmod(seconds // 60, 60)
    return f" ({hours} h {minutes} min)" if hours else f" ({minutes} min)"
