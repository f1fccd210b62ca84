"""The command line: which command, its positional arguments and its options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sandbox.engine.failure import CommandFailed

_GROUPS = {"stack": {"tag"}, "config": {"env"}, "plugin": set[str](), "org": set[str]()}
_TAKES_VALUE = frozenset(
    (
        *("stack", "client", "exec-kind", "event-log", "target", "exclude", "replace", "parallel"),
        *("message", "config-file", "color", "page-size", "page", "file", "secrets-provider", "cwd", "verbose"),
        *("tracing", "policy-pack", "policy-pack-config", "plan", "save-plan", "import-file", "memprofilerate"),
        *("profiling", "otel-traces", "copy-config-from", "project", "organization", "config", "target-replace"),
        *("version", "type", "server"),
    )
)
_TAKES_VALUE_IN: dict[tuple[str, ...], frozenset[str]] = {
    ("config", "set-all"): frozenset(("plaintext", "secret", "json"))
}
_SHORT = {
    "s": "stack",
    "y": "yes",
    "t": "target",
    "m": "message",
    "p": "parallel",
    "C": "cwd",
    "j": "json",
    "f": "skip-preview",
    "v": "verbose",
    "d": "debug",
    "r": "refresh",
    "h": "help",
}
_SHORT_IN: dict[tuple[str, ...], dict[str, str]] = {
    ("stack", "rm"): {"f": "force"},
    ("config", "refresh"): {"f": "force"},
}


@dataclass
class Arguments:
    command: tuple[str, ...]
    positional: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)

    def __contains__(self, option: str) -> bool:
        """Whether a flag is set; `--flag=false` is not."""
        return bool(self.options.get(option)) and self.options[option][-1] != "false"

    def one(self, option: str, default: str = "") -> str:
        return self.options.get(option, [default])[-1]

    def all(self, option: str) -> list[str]:
        """Each value; a comma separates several in one."""
        return [part for text in self.options.get(option, ()) for part in text.split(",") if part]


def parse(args: Sequence[str], groups: Iterable[str] = _GROUPS) -> Arguments:
    """Raises CommandFailed for an option that lacks its value."""
    command = _command(args, set(groups))
    parsed = Arguments(command)
    skip = list(command)
    waiting = iter(args)
    for text in waiting:
        if text == "--":
            parsed.positional.extend(waiting)
        elif text.startswith("-") and len(text) > 1:
            name, has_value, value = _named(text, command)
            if not has_value and _takes_value(name, command):
                try:
                    value = next(waiting)
                except StopIteration:
                    raise CommandFailed(f"flag needs an argument: --{name}") from None
            parsed.options.setdefault(name, []).append(value)
        elif skip and text == skip[0]:
            skip.pop(0)
        else:
            parsed.positional.append(text)
    return parsed


def _named(text: str, command: tuple[str, ...]) -> tuple[str, bool, str]:
    name, equals, value = text.lstrip("-").partition("=")
    if not text.startswith("--"):
        name = _SHORT_IN.get(command, {}).get(name) or _SHORT.get(name, name)
    return name, bool(equals), value if equals else "true"


def _takes_value(name: str, command: tuple[str, ...]) -> bool:
    return name in _TAKES_VALUE or name in _TAKES_VALUE_IN.get(command[:2], ())


def _command(args: Sequence[str], groups: set[str]) -> tuple[str, ...]:
    words: list[str] = []
    waiting = iter(args)
    for text in waiting:
        if text == "--":
            break
        if text.startswith("-"):
            name, has_value, _ = _named(text, ())
            if not has_value and name in _TAKES_VALUE:
                next(waiting, None)
            continue
        words.append(text)
        is_group = (len(words) == 1 and words[0] in groups) or (len(words) == 2 and words[1] in _GROUPS[words[0]])
        if not is_group:
            break
    return tuple(words)
