"""The engine at a prompt: `pulumi …` as a person types it, asking before it changes anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from sandbox.engine import arguments
from sandbox.engine.command import EmbeddedPulumi
from sandbox.engine.failure import CommandFailed
from sandbox.engine.registry import Factories

_ASKED_FOR = {"up": "update", "update": "update", "refresh": "refresh", "destroy": "destroy"}


def main(args: Sequence[str], providers: Factories, environ: Mapping[str, str] = os.environ) -> int:
    """Runs one command and answers its exit code."""
    command = EmbeddedPulumi(providers)
    wanted = list(args)
    try:
        parsed = arguments.parse(wanted)
    except CommandFailed as failure:
        _say_error(f"error: {failure.message}")
        return failure.code
    verb = parsed.command[0] if parsed.command else ""
    if verb in _ASKED_FOR and not {"yes", "skip-preview", "preview-only"} & set(parsed.options):
        if not sys.stdin.isatty():
            _say_error("error: --yes must be passed in to proceed when running in non-interactive mode")
            return 1
        code = _run(command, _preview(verb, wanted), environ)
        if code or not _agreed(_ASKED_FOR[verb]):
            return code
        wanted.append("--yes")
    return _run(command, wanted, environ)


def _preview(verb: str, args: list[str]) -> list[str]:
    if verb in ("up", "update"):
        place = args.index(verb)
        return [*args[:place], "preview", *args[place + 1 :]]
    return [*args, "--preview-only"]


def _agreed(noun: str) -> bool:
    try:
        return input(f"Do you want to perform this {noun}? (yes/no) ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _run(command: EmbeddedPulumi, args: list[str], environ: Mapping[str, str]) -> int:
    return command.execute(args, os.getcwd(), environ, _say, _say_error)  # noqa: PTH109 - the command wants text


def _say(text: str) -> None:
    print(text, flush=True)


def _say_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
