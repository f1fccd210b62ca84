"""`preview`, `up`, `refresh` and `destroy` by hand: look first, ask, and only then act."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sandbox.engine.arguments import Arguments
from sandbox.engine.failure import CommandFailed
from sandbox.lookalike.difference import Differences
from sandbox.lookalike.flags import OURS
from sandbox.lookalike.follow import Event, followed
from sandbox.lookalike.host import hosting
from sandbox.lookalike.program import program_of
from sandbox.lookalike.progress import Progress, shown
from sandbox.lookalike.work import Work

_NOUNS = {"up": "update", "refresh": "refresh", "destroy": "destroy"}
_QUESTIONS = {
    "up": "Do you want to perform this update?",
    "refresh": "Do you want to perform this refresh?\n"
    "No resources will be modified as part of this refresh; just your stack's state will be.",
    "destroy": "Do you want to perform this destroy?",
}
_HANDLED = OURS | {"yes", "skip-preview", "config", "config-path", "expect-no-changes", "json"}
_NOTHING_TO_RUN = ("refresh", "destroy")
_AFTER = ("Diagnostics:", "Resources:")


def run(work: Work, parsed: Arguments) -> int:
    """Raises CommandFailed."""
    verb = parsed.command[0]
    if "json" in parsed:
        raise CommandFailed("--json is not supported by the sandbox's engine here")
    _set_config(work, parsed)
    with _hosted(work, verb) as client:
        if verb == "preview":
            return _operate(work, parsed, ["preview", *client], last=True)
        if "preview-only" in parsed:
            return _operate(work, parsed, _previewing(verb, client), last=True)
        sure = "yes" in parsed or "skip-preview" in parsed
        if not sure and not work.screen.asks:
            raise CommandFailed(
                "--yes or --skip-preview or --preview-only must be passed in to proceed when running in "
                "non-interactive mode",
                code=1 if verb == "refresh" else 2,
            )
        if "skip-preview" not in parsed:
            seen: list[Event] = []
            if code := _operate(work, parsed, _previewing(verb, client), seen=seen):
                return code
            if not sure and not _agreed(work, verb, seen):
                work.screen.err(f"confirmation declined, not proceeding with the {_NOUNS[verb]}")
                return 1
        return _operate(work, parsed, [verb, *client, "--yes", "--skip-preview"], last=True)


def _previewing(verb: str, client: list[str]) -> list[str]:
    return ["preview", *client] if verb == "up" else [verb, "--preview-only"]


@contextlib.contextmanager
def _hosted(work: Work, verb: str) -> Iterator[list[str]]:
    if verb in _NOTHING_TO_RUN:
        yield []
        return
    program = program_of(work.session().project, work.screen.err)
    with hosting(program, work.environ) as address:
        yield [f"--client={address}"]


def _set_config(work: Work, parsed: Arguments) -> None:
    """`-c key=value` is written into the stack's file first, and stays there."""
    for pair in parsed.options.get("config", ()):
        key, equals, value = pair.partition("=")
        if not equals:
            raise CommandFailed(f"config value must be in the form [key]=[value], missing value for key '{key}'")
        where = [f"--{name}={parsed.one(name)}" for name in ("stack", "config-file") if parsed.one(name)]
        path = ["--path"] if "config-path" in parsed else []
        if code := work.execute(["config", "set", key, *where, *path, "--plaintext", "--", value]):
            raise CommandFailed("", code=code)


def _operate(
    work: Work, parsed: Arguments, words: list[str], *, last: bool = False, seen: list[Event] | None = None
) -> int:
    """One operation of the engine, shown as it goes on."""
    passed = [
        f"--{name}={value}" for name, values in parsed.options.items() if name not in _HANDLED for value in values
    ]
    if last and "expect-no-changes" in parsed:
        passed.append("--expect-no-changes")
    if "event-log" in parsed.options:
        return work.execute([*words, "--exec-kind=cli", *passed])
    full = Differences(work.screen.out) if "diff" in parsed else None
    progress = Progress()

    def see(event: Event) -> None:
        progress.see(event)
        if seen is not None:
            seen.append(event)
        if full is not None:
            full.see(event)

    held = _Rest(work) if full is not None else None
    moving = shown(progress, work.screen.status) if work.screen.moves else contextlib.nullcontext()
    with moving, followed(see) as log:
        code = work.execute([*words, "--exec-kind=cli", f"--event-log={log}", *passed], held)
    if held is not None:
        held.show()
    return code


class _Rest:
    """With --diff: the engine's own lines about resources give way; what comes after them is shown when all is over."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lines: list[str] = []
        self._begun = False

    def __call__(self, text: str) -> None:
        if not self._begun:
            self._begun = True
            self._work.screen.out(text)
        else:
            self._lines += text.split("\n")

    def show(self) -> None:
        shown = False
        for line in self._lines:
            # The outputs have been shown as differences.
            shown = line != "Outputs:" and (shown or line in _AFTER)
            if shown:
                self._work.screen.out(line)


def _agreed(work: Work, verb: str, seen: list[Event]) -> bool:
    while True:
        answer = work.screen.ask(f"{_QUESTIONS[verb]} [yes/no/details] ").lower()
        if answer in ("details", "d"):
            differences = Differences(work.screen.out)
            for event in seen:
                differences.see(event)
        else:
            return answer in ("yes", "y")
