"""Which function answers which command."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.engine.arguments import Arguments
from sandbox.engine.failure import CommandFailed
from sandbox.engine.session import Session
from sandbox.engine.verbs import configuration, stacks, state, update

Verb = Callable[[Session, Arguments], None]

_TABLE: dict[tuple[str, ...], Verb] = {
    ("version",): lambda session, _: session.out(f"v{session.version}"),
    ("whoami",): stacks.whoami,
    ("stack",): state.show,
    ("stack", "select"): stacks.select,
    ("stack", "init"): stacks.init,
    ("stack", "ls"): stacks.ls,
    ("stack", "rm"): stacks.rm,
    ("stack", "output"): state.output,
    ("stack", "history"): state.history,
    ("stack", "export"): state.export,
    ("stack", "import"): state.import_,
    ("config",): configuration.show,
    ("config", "get"): configuration.get,
    ("config", "set"): configuration.set_,
    ("config", "set-all"): configuration.set_all,
    ("config", "rm"): configuration.rm,
    ("config", "rm-all"): configuration.rm,
    ("config", "refresh"): configuration.refresh,
    ("preview",): update.preview,
    ("up",): update.up,
    ("update",): update.up,
    ("refresh",): update.refresh,
    ("destroy",): update.destroy,
    ("cancel",): stacks.cancel,
    ("plugin", "ls"): stacks.no_plugins,
    ("plugin", "install"): stacks.nothing,
    ("install",): stacks.nothing,
}


def dispatch(session: Session, arguments: Arguments) -> None:
    """Raises CommandFailed."""
    verb = _TABLE.get(arguments.command)
    if verb is None:
        known = ", ".join(sorted(" ".join(words) for words in _TABLE))
        name = " ".join(arguments.command)
        raise CommandFailed(f"unknown command '{name}' for the embedded engine, which answers: {known}", code=255)
    verb(session, arguments)
