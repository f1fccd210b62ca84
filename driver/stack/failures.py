"""What an update ends with when it does not succeed, in the driver's words. Imports no Pulumi."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from driver.errors import Busy, Failure, Invalid, Refused, Unfinished, Unforeseen
from driver.room import LOOK, Unwritable, lacks_room
from driver.stack.held import named


class Locked(Busy):
    """Another update holds the stack's lock; a retry may get it."""

    @classmethod
    def of(cls, text: str, verb: str = "", *, seen: bool = False) -> Locked:
        """From what the engine says, which names each lock's owner.

        `verb`: the one to be called again. `seen`: another driver is at work, so that waiting comes to an end. Where
        none is seen it does not: the lock was left, or is of a plain `pulumi`, and a person has to look.
        """
        now, locks = datetime.now(UTC), named(text)
        what, unseen = "another update holds the stack", "" if seen else "; no driver is seen at work"
        if not locks:
            why = f"the backend says that another update is in progress, and not whose{unseen}"
            return cls(what, why, ("wait", "status", "$ pulumi cancel") if seen else ("status", "$ pulumi cancel"))
        owners = [lock.spoken(now) for lock in locks]
        again = {"deploy": "deploy IMAGE", "": "up"}.get(verb, verb)
        breaks = f"{again} --break-lock {locks[0].id}"
        judge = f"if that process is dead, `--break-lock {locks[0].id}` takes its lock away"
        facts = {"lock": owners, "locks": [lock.data(now) for lock in locks]}
        hints = ("wait", "status", breaks) if seen else (breaks, "status")
        return cls(what, f"held by {'; '.join(owners)}{unseen}; {judge}", hints, facts=facts)


class UpdateFailed(Unforeseen):
    """Resources could not be made or changed. What was done is in the state, and the next update goes on from there."""


class Unsaved(UpdateFailed):
    """An update that had begun could not save its state any more, and stopped there. Exit 6."""

    exit_code = 6
    outcome = "unfinished"


class Behind(Refused):
    """The stack lacks what its program has come to need: an update that is limited to a release can't make it."""


class Stopped(Unfinished):
    """The update was interrupted, on our own request or another's. What was done is in the state."""


_UNTARGETED = re.compile(
    r"depends on '(?P<urn>[^']+)' which was (?:was )?not specified in --target list|"
    r"Resource '(?P<left>[^']+)' will be destroyed but was not specified in --target list"
)
"""The engine's diagnostics 2013 and 2014."""

# The CLI gives these no code of their own. What a program refuses never comes this way: it is kept as an object.
_ENVIRONMENT = (
    (
        r"incorrect passphrase|passphrase must be set|PULUMI_CONFIG_PASSPHRASE|get stack secrets manager",
        "the passphrase is missing or wrong",
        ("$ export PULUMI_CONFIG_PASSPHRASE=…", "doctor"),
    ),
    (
        r"checkpoint|unmarshal|deserializ|invalid character|snapshot integrity|malformed|not valid JSON",
        "the stack's state can't be read",
        ("$ pulumi stack export --file state.json", "doctor"),
    ),
    (
        r"could not open bucket|unable to open bucket|no such bucket|failed to get (?:stack|backend)|"
        r"connection refused|no such host|PULUMI_ACCESS_TOKEN|login|unable to check if bucket|"
        r"PULUMI_BACKEND_URL must be set|unknown backend",
        "the stack's backend can't be used",
        ("$ pulumi whoami -v", "doctor"),
    ),
)


def refused(refusal: Any, *, ours: bool = True) -> Failure:
    """What the program refused, before it registered anything.

    `ours`: the wish was made by this driver, on a record that it had just read; then a stale one was overtaken. In a
    checkout it is a person's, and a guard's matter.
    """
    codes: dict[str, type[Failure]] = {
        "rollback-in-progress": Busy,
        "stale-edit": Busy if ours else Refused,
        "settings": Invalid,
        "unknown-platform": Invalid,
        "unreachable": Invalid,
        "bad-basis": Invalid,
        "corrupt-record": Invalid,
        "corrupt-intent": Invalid,
        "config-record": Invalid,
        "foreign-record": Invalid,
    }
    kind = codes.get(refusal.code, Refused)
    commands = tuple(command.removeprefix("bluegreen ") for command in refusal.next)
    return kind(refusal.what, refusal.why, commands, facts={"refusal": refusal.code})


def classified(text: str, blame: str, what: str = "update", *, touched: bool = False) -> Failure:
    """From the CLI's text, for what has no object: environment, interruption, or a failed resource.

    `touched`: it has changed something before it failed.
    """
    if "update canceled" in text or "code: -2" in text:
        return Stopped("the update was interrupted", blame or "it was canceled", ("up", "status"))
    if found := _UNTARGETED.search(f"{blame}\n{text}"):
        return _behind(found, touched=touched)
    if said := next((line for line in (blame, *text.splitlines()) if lacks_room(line)), ""):
        return _unsaved(" ".join(said.split()), touched=touched)
    if not blame or "passphrase" in text:
        for pattern, trouble, commands in _ENVIRONMENT:
            if re.search(pattern, text, re.IGNORECASE):
                return Invalid(trouble, _line(text), commands)
    why = blame or _line(text)
    return UpdateFailed(f"the {what} failed", why, ("up", "status"))


def _behind(found: re.Match[str], *, touched: bool) -> Behind:
    urn = found["urn"] or found["left"]
    name = f"{urn.rpartition('::')[2]} ({urn.rpartition('::')[0].rpartition('$')[2].rpartition('::')[2]})"
    need = f"{name} is not there yet" if found["urn"] else f"{name} is there and not wanted any more"
    began = "; nothing that serves was touched, and what was begun of the new release goes with it" if touched else ""
    why = f"{need}: settings or program have changed since the last `up`, which brings the stack there{began}"
    return Behind("the stack is behind its settings", why, ("up", "preview"))


def _unsaved(why: str, *, touched: bool) -> Failure:
    """The disk takes nothing more. An engine saves before each step what it is about to do, and begins none unsaved."""
    if touched:
        left = f"{why}\nwith room again, the next update goes on from what was saved"
        return Unsaved("the stack's state can't be saved: the update stopped half-way", left, ("up", "status", LOOK))
    return Unwritable("the stack's state can't be saved", f"{why}\nnothing was touched", (LOOK, "status"))


def _line(text: str) -> str:
    """The line of the CLI's output that says most."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return (errors or [line for line in lines if line] or [text])[0]
