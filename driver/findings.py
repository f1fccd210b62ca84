"""Findings, and how checks are run: one that fails stops no other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from driver.errors import Failure


class State(StrEnum):
    """How it is. A warning lets every verb work; what is missing lets some not."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """What a check found, and the commands that mend it, the likeliest first."""

    state: State
    what: str
    mend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """`needs`: checks whose object must be there for this one to have anything to look at."""

    name: str
    look: Callable[[], Finding]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """One check that has been made."""

    name: str
    finding: Finding


def ok(what: str) -> Finding:
    return Finding(State.OK, what)


def warning(what: str, *mend: str) -> Finding:
    return Finding(State.WARNING, what, mend)


def missing(what: str, *mend: str) -> Finding:
    return Finding(State.MISSING, what, mend)


def run(checks: Iterable[Check]) -> tuple[Checked, ...]:
    """All of them, in order."""
    done: dict[str, Finding] = {}
    for check in checks:
        absent = [name for name in check.needs if name in done and done[name].state is State.MISSING]
        done[check.name] = _skipped(absent) if absent else _made(check)
    return tuple(Checked(name, finding) for name, finding in done.items())


def worst(checked: Sequence[Checked]) -> State:
    states = {one.finding.state for one in checked}
    return next((state for state in (State.MISSING, State.WARNING) if state in states), State.OK)


def _made(check: Check) -> Finding:
    try:
        return check.look()
    except Failure as failure:
        why = " ".join(failure.why.split())
        return Finding(State.MISSING, f"{failure.what}: {why}" if why else failure.what, _mends(failure.next))
    except Exception as error:  # a check of ours that is wrong must not hide what the others find
        return Finding(State.WARNING, f"could not be looked at: {type(error).__name__}: {error}")


def _mends(hints: tuple[str, ...]) -> tuple[str, ...]:
    """A failure may well advise to ask the doctor, who is here already."""
    return tuple(hint for hint in hints if hint != "doctor")


def _skipped(absent: list[str]) -> Finding:
    return Finding(State.WARNING, f"not looked at: it needs the {' and the '.join(absent)}")
