"""Commands that ask the person for something first: a name, a value, or whether it is really meant."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from sandbox.engine.arguments import Arguments
from sandbox.engine.failure import CommandFailed
from sandbox.lookalike.work import Work


def run(work: Work, parsed: Arguments, words: list[str]) -> int:
    """Raises CommandFailed."""
    asked = {
        ("stack", "rm"): _rm,
        ("stack", "init"): _init,
        ("stack", "import"): _import,
        ("cancel",): _cancel,
        ("config", "set"): _set,
    }
    return asked[parsed.command](work, parsed, words)


def _rm(work: Work, parsed: Arguments, words: list[str]) -> int:
    if "yes" in parsed or not work.screen.asks:
        return work.execute(words)
    name = work.session(_named(parsed)).stack
    _must_type(work, f"This will permanently remove the '{name}' stack!", name)
    return work.execute([*words, "--yes"])


def _cancel(work: Work, parsed: Arguments, words: list[str]) -> int:
    if "yes" not in parsed and work.screen.asks:
        name = work.session(_named(parsed)).stack
        _must_type(work, f"This will irreversibly cancel the currently running update for '{name}'!", name)
    return work.execute([*words, "--yes"])


def _named(parsed: Arguments) -> str:
    return (parsed.positional or [parsed.one("stack")])[0]


def _must_type(work: Work, warning: str, name: str) -> None:
    work.screen.out(warning)
    if work.screen.ask(f"Please confirm that this is what you'd like to do by typing `{name}`: ") != name:
        work.screen.err("confirmation declined")
        raise CommandFailed("")


def _init(work: Work, parsed: Arguments, words: list[str]) -> int:
    if _named(parsed):
        return work.execute(words)
    if not work.screen.asks:
        raise CommandFailed("missing stack name")
    return work.execute([*words, work.screen.ask("stack name: ")])


def _import(work: Work, parsed: Arguments, words: list[str]) -> int:
    if parsed.one("file"):
        return work.execute(words)
    with tempfile.TemporaryDirectory(prefix="pulumi-") as folder:
        file = Path(folder) / "deployment.json"
        file.write_text(sys.stdin.read(), encoding="utf-8")
        return work.execute([*words, "--file", str(file)])


def _set(work: Work, parsed: Arguments, words: list[str]) -> int:
    if len(parsed.positional) != 1:
        return work.execute(words)
    if sys.stdin.isatty():
        if not work.screen.asks:
            raise CommandFailed("config value must be specified in non-interactive mode")
        value = work.screen.ask_secretly("value: ") if "secret" in parsed else work.screen.ask("value: ")
    else:
        value = sys.stdin.read().removesuffix("\n")
    # The value may begin with a dash: it goes last, after the sign that ends the flags.
    return work.execute([*(word for word in words if word != "--"), "--", value])
