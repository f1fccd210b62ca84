"""One cell of the fault matrix: a fault at a place of a canary or of a release in place, or of a rollback out of it.

A cell holds when users of the old release lose nothing, the command ends with a code and a message that fit, and one
further command reaches a good state.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.rehearsal.clients import Clients
from tests.e2e.play import Play, Process
from tests.e2e.running import End, Running
from tests.e2e.ways import Way, serving_tag


@dataclass(frozen=True)
class Fault:
    """`begin` lets it loose; `end` takes it away. `harms`: clients of the new release feel it, and only they may.
    `present`: it hits only what is there already. `astray`: in place it leads clients to where nothing is.

    `codes`: what the command may end with, by place, else under `any`. `says`: what its words must match where it does
    not end well.
    """

    name: str
    begin: Callable[[Cell], None]
    end: Callable[[Cell], None] = lambda cell: cell.play.stage.post("fault", {"name": "clear"}) and None
    codes: dict[str, set[int]] = field(default_factory=dict)
    says: str = "."
    harms: bool = False
    present: bool = False
    astray: bool = False
    loaded: bool = True
    starts: Callable[[Cell, tuple[str, ...]], Process] = lambda cell, words: cell.play.start(*words)

    def expected(self, place: str) -> set[int]:
        usual = self.codes.get("any", {0})
        # The first weight is said before its gates are asked: what comes in between is refused as if it came before.
        early = place in {"first weight", "replacement"}
        return usual | self.codes.get("before", set()) if early else self.codes.get(place, usual)

    def can_come(self, way: Way, place: str) -> bool:
        """In place, nothing of the new release is there before the first of its targets is."""
        return not (self.present and way.in_place and place in {"before", "replacement"})


@dataclass
class Cell:
    """One fault at one place, on a stage that is steady before and after."""

    play: Play
    fault: Fault
    place: str
    way: Way
    old: str = ""
    new: str = ""
    image: str = ""
    tag: str = ""
    end: End | None = None
    after: End | None = None
    failed: int = 0
    process: Process | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Plays the cell and holds it to what every cell is held to."""
        self.ready()
        with self._clients() as clients:
            try:
                self.end = self._played()
            finally:
                self.fault.end(self)
            self.after = self._onward()
        self._judge(dict(clients.stop()) if clients else {})

    def ready(self) -> None:
        """Another release can come and nothing is in progress, also where the cell before has failed."""
        self.image = self.way.ready(self.play)
        self.tag = serving_tag(self.play)
        self.old = self.play.record()["activeColor"]
        self.new = self.old if self.way.in_place else "green" if self.old == "blue" else "blue"
        # An alarm that the cell before has set off rings on until its metrics come again, and forbids the next release.
        self.play.wait(lambda: not self._ringing(), f"alarms of {self.old} never stopped", 60)

    def _ringing(self) -> list[Any]:
        alarms = self.play.client("cloudwatch")
        return list(alarms.describe_alarms(AlarmNamePrefix=f"shop/dev/{self.old}/", StateValue="ALARM")["MetricAlarms"])

    def _played(self) -> End:
        words = self.way.words(self.image)
        if self.place == "before":
            self.fault.begin(self)
            return self._start(words).ended()
        release = self._start(words) if self.place != "rollback" else Running.of(self.play.start(*words))
        release.until(self.way.places[self.place].format(self.new))
        if self.place != "rollback":
            self.fault.begin(self)
            return release.ended()
        back = self._start(("rollback",))
        self.fault.begin(self)
        end = back.ended()
        release.ended()
        return end

    def _start(self, words: tuple[str, ...]) -> Running:
        self.process = self.fault.starts(self, words)
        return Running.of(self.process)

    def _onward(self) -> End | None:
        """The one further command, where something is left in progress: what the first one's own hint says."""
        assert self.end is not None
        seen = self.play.run("status").document
        moved = seen["weights"] not in ({"blue": 100, "green": 0}, {"blue": 0, "green": 100})
        if not (seen["transition"] or seen["intent"] or seen["drift"] or moved):
            return None
        hint = shlex.split(self.end.document.get("next") or "")[3:]
        words = tuple(hint) if hint[:1] in (["resume"], ["rollback"]) else ("rollback",)
        return Running.of(self.play.start(*words)).ended()

    def _judge(self, load: dict[str, Any]) -> None:
        end, fault = self.end, self.fault
        assert end is not None
        where = f"{self.way.name} / {fault.name} / {self.place}: {end.code} {end.text[-700:]} then {self.after}"
        assert end.code in fault.expected(self.place), where
        if end.code > 0:
            assert re.search(fault.says, end.text, re.IGNORECASE), where
            assert end.document.get("next"), where
        steady = self.play.run("status", "--exit-code").document
        assert steady["exit_code"] == 0, (where, steady)
        assert steady["transition"] is None, (where, steady)
        assert steady["intent"] is None, (where, steady)
        assert sorted(steady["weights"].values()) == [0, 100], (where, steady)
        if load:
            self.failed = load["failed"]
            whose, old = ("version", self.tag) if self.way.in_place else ("color", self.old)
            hurt = [failure for failure in load.get("failures", []) if failure.get(whose) == old]
            assert not hurt, (where, hurt)
            assert fault.harms or (fault.astray and self.way.in_place) or not self.failed, (where, load)
        self._note()

    def _note(self) -> None:
        """Writes how the cell went to the file that FAULT_MATRIX names, for the table in the docs."""
        if (file := os.environ.get("FAULT_MATRIX")) and self.end is not None:
            then = self.after.document.get("verb") if self.after else None
            noted = {
                "fault": self.fault.name,
                "place": self.place,
                "code": self.end.code,
                "then": then,
                "way": self.way.name,
            }
            with Path(file).open("a") as stream:
                stream.write(json.dumps(noted) + "\n")

    @contextmanager
    def _clients(self) -> Iterator[Clients | None]:
        if not self.fault.loaded:
            yield None
            return
        with self.play.load(100) as clients:
            yield clients
