"""The rehearsal itself: the verbs as a user types them, one after the other, while the clients count."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from driver.stack.engine import chosen
from sandbox.project import project_name
from sandbox.rehearsal.acts import CLOSING, OPENING, Act
from sandbox.rehearsal.clients import Clients
from sandbox.rehearsal.outcome import Played, Rehearsed, Tally
from sandbox.rehearsal.seen import production_listener
from sandbox.rehearsal.stage import Stage

SETTLE = 1.2
"""Seconds after each act in which the clients' next line is awaited, so that its requests are counted with it."""


class Audience(Protocol):
    """Who watches: a live screen, plain lines, or nobody."""

    def opened(self, act: Act) -> None: ...
    def watching(self, stage: Stage, clients: Clients | None) -> None: ...
    def closed(self, played: Played) -> None: ...


def perform(
    stage: Stage,
    stack: str,
    acts: tuple[Act, ...],
    rate: float,
    audience: Audience,
    meanwhile: Callable[[Act], None],
    fault: str | None = None,
) -> Rehearsed:
    """Plays the opening, the acts under load, and the closing; stops at the first act that goes wrong.

    `meanwhile` is called as each act begins, to let a fault loose.
    """
    begun = time.monotonic()
    played = [_play(stage, stack, OPENING, None, audience)]
    final: dict[str, Any] = {}
    complete = played[0].as_it_should
    if complete:
        with _load(stage, rate, final) as clients:
            _warm(clients)
            for act in acts:
                meanwhile(act)
                played.append(_play(stage, stack, act, clients, audience))
                if not played[-1].as_it_should or played[-1].exit_code != 0:
                    break
        complete = len(played) == len(acts) + 1 or played[-1].as_it_should
    played.append(_play(stage, stack, CLOSING, None, audience))
    return Rehearsed(
        project=project_name(stage.project),
        stack=stack,
        engine=chosen(stage.environ),
        speed=stage.running.speed,
        rate=rate,
        played=tuple(played),
        requests=Tally(final.get("sent", 0), final.get("failed", 0), final.get("by_color", {})),
        latency_ms=final.get("latency_ms", {}),
        failures=tuple(final.get("failures", ())),
        seconds=time.monotonic() - begun,
        fault=fault,
        complete=complete,
    )


@contextmanager
def _load(stage: Stage, rate: float, final: dict[str, Any]) -> Iterator[Clients]:
    listener = production_listener(stage.state())
    if listener is None:
        raise LookupError("the stack came up without a listener on 80 or 443")
    bound = listener["bound"]
    clients = Clients.start(bound["address"], bound["port"], listener["dns_name"], rate)
    try:
        yield clients
    finally:
        final.update(clients.stop())


def _warm(clients: Clients) -> None:
    """Waits for the first whole second of load, so that the first act is played under all of it."""
    until = time.monotonic() + 10
    while not clients.tally().sent and time.monotonic() < until:
        time.sleep(0.05)


def _play(stage: Stage, stack: str, act: Act, clients: Clients | None, audience: Audience) -> Played:
    audience.opened(act)
    before = clients.tally() if clients else Tally()
    begun = time.monotonic()
    argv = [sys.executable, "-m", "driver", "--stack", stack, "--yes", "--output", "json", *act.argv]
    process = subprocess.Popen(
        argv, env=dict(stage.environ), cwd=stage.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while True:
        try:
            out, errors = process.communicate(timeout=0.25)
            break
        except subprocess.TimeoutExpired:
            audience.watching(stage, clients)
    seconds = time.monotonic() - begun
    if clients:
        _until_counted(clients, audience, stage)
    requests = clients.tally().since(before) if clients else Tally()
    played = Played(act, process.returncode, seconds, _document(out), requests, errors)
    audience.closed(played)
    return played


def _until_counted(clients: Clients, audience: Audience, stage: Stage) -> None:
    until = time.monotonic() + SETTLE
    while time.monotonic() < until:
        time.sleep(0.2)
        audience.watching(stage, clients)


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
