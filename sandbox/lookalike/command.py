"""`pulumi …` by hand: what people type, answered by the embedded engine."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.embedded import NotASandbox, command
from sandbox.engine import arguments
from sandbox.engine.arguments import Arguments
from sandbox.engine.command import VERSION, EmbeddedPulumi
from sandbox.engine.failure import CommandFailed
from sandbox.lookalike import asking, flags, updates
from sandbox.lookalike.place import place
from sandbox.lookalike.screen import Screen
from sandbox.lookalike.work import Work

_UPDATES = {("preview",), ("up",), ("refresh",), ("destroy",)}
_ASKING = {("stack", "rm"), ("stack", "init"), ("stack", "import"), ("cancel",), ("config", "set")}


def main(args: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code."""
    words = flags.spelled_out(args)
    try:
        parsed = arguments.parse(words)
        screen = Screen(parsed, environ)
        if "client" in parsed or environ.get("PULUMI_AUTOMATION_API"):  # a program speaks: nobody reads along
            return _engine(environ).execute(words, str(Path.cwd()), environ, screen.out, screen.err)
        where = place(Path(parsed.one("cwd") or ".").absolute(), environ, named="cwd" in parsed.options)
        screen.err(_banner(where.note))
        return _answer(parsed, words, where.directory, environ, screen)
    except CommandFailed as failure:
        if failure.message:
            print(f"error: {failure.message}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print("error: update canceled", file=sys.stderr)
        return 1


def _answer(parsed: Arguments, words: list[str], directory: Path, environ: Mapping[str, str], screen: Screen) -> int:
    flags.check(parsed)
    if not parsed.command or "help" in parsed or parsed.command in (("plugin",), ("org",)):
        screen.out(flags.usage(VERSION))
        return 0
    if parsed.command == ("about",):
        screen.out(_about(directory, environ))
        return 0
    if parsed.command == ("version",):
        screen.out(f"v{VERSION}")
        return 0
    work = Work(_engine(environ), directory, dict(environ), screen)
    if parsed.command in _UPDATES:
        return updates.run(work, parsed)
    if parsed.command in _ASKING:
        return asking.run(work, parsed, words)
    return work.execute(words)


def _engine(environ: Mapping[str, str]) -> EmbeddedPulumi:
    try:
        engine = command(environ)
    except NotASandbox as error:
        raise CommandFailed(f"{error}; this engine is for a sandbox only: `bluegreen sandbox start`") from error
    assert isinstance(engine, EmbeddedPulumi)
    return engine


def _banner(note: str) -> str:
    return f"This is the engine of bluegreen's sandbox ({VERSION}), not Pulumi's CLI{note}"


def _about(directory: Path, environ: Mapping[str, str]) -> str:
    return "\n".join(
        (
            f"Engine    the sandbox's, which answers as Pulumi {VERSION}; no CLI is on PATH",
            f"Project   {directory}",
            f"Backend   {environ.get('PULUMI_BACKEND_URL', 'none')}",
            f"AWS       {environ.get('AWS_ENDPOINT_URL', 'none')}",
            f"Python    {platform.python_version()} ({sys.executable})",
        )
    )
