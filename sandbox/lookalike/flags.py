"""Which commands and flags are known: what a real CLI would not take is refused here in its words."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.engine.arguments import Arguments
from sandbox.engine.failure import CommandFailed

COMMANDS: dict[tuple[str, ...], str] = {
    ("preview",): "Show what an update would change",
    ("up",): "Create or update the resources of a stack",
    ("refresh",): "Compare the stack's state with what is really there",
    ("destroy",): "Delete all resources of a stack",
    ("stack",): "Show the current stack",
    ("stack", "ls"): "List stacks",
    ("stack", "init"): "Create a stack",
    ("stack", "select"): "Switch to another stack",
    ("stack", "rm"): "Remove a stack and its configuration",
    ("stack", "output"): "Show a stack's outputs",
    ("stack", "history"): "Show a stack's updates, newest first",
    ("stack", "export"): "Write a stack's deployment to standard output or a file",
    ("stack", "import"): "Replace a stack's deployment by an exported one",
    ("config",): "Show the configuration",
    ("config", "get"): "Show one value",
    ("config", "set"): "Set one value",
    ("config", "set-all"): "Set several values",
    ("config", "rm"): "Remove one value",
    ("config", "rm-all"): "Remove several values",
    ("config", "refresh"): "Take the configuration of the last update",
    ("cancel",): "Break the stack's lock",
    ("whoami",): "Show the current user",
    ("about",): "Show what this is",
    ("version",): "Show the engine's version",
    ("install",): "Nothing: the providers are part of the engine",
    ("plugin", "ls"): "List plugins: there are none",
    ("plugin", "install"): "Nothing: the providers are part of the engine",
}
ALIASES = {"update": "up", "pre": "preview", "history": "stack history", "down": "destroy", "dn": "destroy"}
OURS = frozenset(("diff", "color", "non-interactive", "preview-only", "suppress-progress", "suppress-outputs", "help"))
"""Flags that concern what people see; the engine need not know them."""

_WITH_VALUE = frozenset("stmpCvc")

_BEFORE_COMMAND = ("-s", "--stack", "-C", "--cwd", "--color")
"""What is written before a command now and then, with a value of its own."""

_PASSED = frozenset(
    (
        *("stack", "yes", "skip-preview", "message", "target", "target-dependents", "exclude", "exclude-dependents"),
        *("replace", "target-replace", "parallel", "refresh", "continue-on-error", "expect-no-changes", "config-file"),
        *("exclude-protected", "clear-pending-creates", "event-log", "client", "exec-kind", "exec-agent", "debug"),
        *("config", "config-path", "json", "show-secrets", "page", "page-size", "file", "all", "create", "no-select"),
        *("secrets-provider", "copy-config-from", "force", "preserve-config", "show-name", "path", "plaintext"),
        *("secret", "run-program", "version", "plan", "save-plan", "policy-pack", "import-file", "remote"),
        *("attach-debugger", "cwd", "verbose", "logtostderr", "logflow", "tracing", "emoji", "show-ids", "show-urns"),
        *("project", "organization", "type", "disable-integrity-checking", "fully-qualify-stack-names"),
        *(
            "skip-plugin-pre-install",
            "suppress-permalink",
            "show-sames",
            "show-reads",
            "show-full-output",
            "show-config",
        ),
        *("show-replacement-steps", "otel-traces", "profiling", "memprofilerate", "full-dates"),
    )
)


def check(parsed: Arguments) -> None:
    """Raises CommandFailed for what is neither a command nor a flag."""
    if parsed.command and parsed.command not in COMMANDS:
        group = " ".join(("pulumi", *parsed.command[:-1]))
        raise CommandFailed(f'unknown command "{parsed.command[-1]}" for "{group}"\nRun \'{group} --help\' for usage.')
    for name in parsed.options:
        if name not in _PASSED | OURS:
            kind = f"unknown flag: --{name}" if len(name) > 1 else f"unknown shorthand flag: '{name}' in -{name}"
            raise CommandFailed(kind)


def spelled_out(args: Iterable[str]) -> list[str]:
    """The same with aliases replaced (`update` is `up`) and short flags that are written together taken apart."""
    waiting, found, begun = iter(args), list[str](), False
    for word in waiting:
        if word == "--":
            return [*found, word, *waiting]
        if word.startswith("-"):
            found += _apart(word)
            if not begun and found[-1] in _BEFORE_COMMAND:
                found += [next(waiting, "")]
        elif begun or word not in ALIASES:
            found.append(word)
            begun = True
        else:
            found += ALIASES[word].split()
            begun = True
    return found


def _apart(word: str) -> list[str]:
    letters = word[1:]
    if word.startswith("--") or not letters or "=" in word:
        return [word.replace("-c=", "--config=", 1) if word.startswith("-c=") else word]
    if letters[0] in _WITH_VALUE:
        name = "--config" if letters[0] == "c" else f"-{letters[0]}"
        return [name, letters[1:]] if len(letters) > 1 else [name]
    return [f"-{letters[0]}", *_apart(f"-{letters[1:]}")] if len(letters) > 1 else [word]


def usage(version: str) -> str:
    """The help: what it is, and what it answers."""
    rows = "\n".join(f"  {' '.join(words):16}  {text}" for words, text in COMMANDS.items())
    return (
        f"The engine of bluegreen's sandbox (it answers as Pulumi {version} would), for people.\n"
        "It works on the sandbox's AWS and nothing else; where a real pulumi is on PATH, that one is used.\n\n"
        f"Usage:\n  pulumi [command] [flags]\n\nCommands:\n{rows}\n\n"
        "Flags:\n"
        "  -s, --stack NAME        the stack to operate on; else the selected one\n"
        "  -C, --cwd DIR           as if started there\n"
        "  -y, --yes               don't ask (up, refresh, destroy, cancel, stack rm)\n"
        "  -f, --skip-preview      no preview first\n"
        "      --preview-only      the preview alone (refresh, destroy, up)\n"
        "      --diff              every change in full\n"
        "  -r, --refresh           refresh first\n"
        "  -t, --target URN        this resource only, again for several; * and ** are wildcards\n"
        "      --expect-no-changes fail if anything would change\n"
        "      --color WHEN        always, never or auto\n"
        "      --non-interactive   never ask"
    )
