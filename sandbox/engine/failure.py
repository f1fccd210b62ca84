"""How a command of the engine ends badly: what stderr says, and the exit code."""

from __future__ import annotations


class CommandFailed(Exception):
    """Ends the command: one `error:` line, or nothing when all was said before."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def stack_not_found(name: str) -> CommandFailed:
    return CommandFailed(f"no stack named '{name}' found", code=6)
