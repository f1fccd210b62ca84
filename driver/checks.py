"""Checks through the test listener, before clients meet a release: requests with expected answers, and a command."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from driver.gates import Verdict
from driver.ports import Probe, Ran, Runner
from driver.release.terms import Command, Smoke
from infra.record import Color

_KEPT = 2_000
"""Characters of a command's output that a verdict quotes at the most."""


def smoke(probe: Probe, url: str, asked: Sequence[Smoke]) -> Verdict:
    """Whether each request through the test listener is answered as expected. The first that isn't is told."""
    if not asked:
        return Verdict("smoke", True, "no smoke check is set")
    if not url:
        return _smokeless("the record names no test address", "`up` writes it")
    for check in asked:
        where = _joined(url, check.path)
        got = probe.fetch(where)
        if got.status == 0:
            return _smokeless(f"{where} gave no answer", f"{got.why}; is this host in balancer.testCidrs?")
        if got.status != check.status:
            return _smokeless(f"{where} answered {got.status}, not {check.status}", _start(got.body))
        if check.body and check.body not in got.body:
            return _smokeless(f"the answer of {where} lacks {check.body!r}", _start(got.body))
    return Verdict("smoke", True, f"{len(asked)} of {len(asked)} smoke checks answered as expected")


def command(runner: Runner, url: str, color: Color, asked: Command | None) -> Verdict:
    """Whether the team's own command ends with 0. It finds the color and the test address in its environment."""
    if asked is None:
        return Verdict("command", True, "no command is set")
    ran = runner.run(asked.words, {"BLUEGREEN_COLOR": color, "BLUEGREEN_URL": url}, asked.timeout)
    if ran.code == 0:
        return Verdict("command", True, f"{asked.words[0]} ended well")
    ended = f"ended with {ran.code}" if ran.code is not None else f"did not end well within {asked.timeout} s"
    return Verdict("command", False, f"{asked.words[0]} {ended}", ran.said, (f"logs {color}", "verify"))


class Commands:
    """Runs a command in the project's root, in a process group of its own, so that nothing of it is left behind."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def run(self, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> Ran:
        try:
            process = subprocess.Popen(
                list(words),
                cwd=self._root,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return Ran(None, f"{words[0]} can't be started: {error.strerror or error}")
        try:
            said, _ = process.communicate(timeout=timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return Ran(None, f"it was ended after {timeout:g} s; it said: {said[-_KEPT:].strip() or 'nothing'}")
        return Ran(process.returncode, said[-_KEPT:].strip())


def _smokeless(what: str, why: str) -> Verdict:
    return Verdict("smoke", False, what, why, ("verify", "promote --gate smoke=warn"))


def _joined(url: str, path: str) -> str:
    parts = urlsplit(url)
    place, _, query = path.partition("?")
    return urlunsplit((parts.scheme, parts.netloc, place if place.startswith("/") else f"/{place}", query, ""))


def _start(body: str) -> str:
    text = " ".join(body.split())
    return f"it says: {text[:200]}" if text else "its body is empty"
