"""One event for each shift that starts and for each way it can end, told to whom the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from driver.errors import Failure, RolledBack
from driver.journey import Journey
from driver.notices import announce
from driver.ports import Ports
from driver.release.moves import Move
from driver.release.news import Event
from driver.release.requests import Deploy, Promote, Request, Resume


@contextmanager
def heralded(ports: Ports, request: Request, journey: Journey) -> Iterator[None]:
    """Tells how a shift ends. One that was refused before any traffic had moved has not begun, and is no news."""
    if not (isinstance(request, Promote | Resume) or _in_place(request)):
        yield
        return
    try:
        yield
    except Failure as failure:
        if journey.heralded or isinstance(request, Resume):
            event: Event = "rolled back" if isinstance(failure, RolledBack) else "failed"
            _tell(ports, journey, event, failure.what, failure.why, code=failure.exit_code)
        raise
    if journey.steps and journey.paused is None:
        ended: Event = "rolled back" if isinstance(request, Promote) and request.back else "finished"
        _tell(ports, journey, ended, journey.reason, "", code=0)


def starting(ports: Ports, request: Request, journey: Journey, move: Move) -> None:
    """The first traffic is about to move, or the first target to be replaced, and every gate has agreed."""
    if (isinstance(request, Promote) or _in_place(request)) and not journey.heralded:
        journey.heralded = True
        _tell(ports, journey, "started", journey.reason, str(move), code=None)


def _in_place(request: Request) -> bool:
    return isinstance(request, Deploy) and request.in_place is not None


def _tell(ports: Ports, journey: Journey, event: Event, what: str, why: str, *, code: int | None) -> None:
    deployed = journey.deployed
    facts = {"exit_code": code, "generation": deployed.generation if deployed else None, **journey.way()}
    announce(ports, event, what=what, why=why, facts=facts)
