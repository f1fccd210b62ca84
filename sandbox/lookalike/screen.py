"""The person's terminal: what is printed, in which color, and what is asked."""

from __future__ import annotations

import getpass
import re
import shutil
import sys
import threading
from collections.abc import Mapping

from sandbox.engine.arguments import Arguments

_RED, _GREEN, _YELLOW, _CYAN, _BOLD, _PLAIN = (f"\x1b[{number}m" for number in (31, 32, 33, 36, 1, 0))
_SIGNED = re.compile(r"^(?P<sign>\s*(?:\+-|\+\+|--|\+|-|~|>>|>|<|=))(?P<rest> .*)$")
_COLORS = {"+": _GREEN, "-": _RED, "~": _YELLOW, "+-": _YELLOW, "++": _GREEN, "--": _RED}
_SECTIONS = (
    "Diagnostics:",
    "Outputs:",
    "Resources:",
    "Duration:",
    "Previewing ",
    "Updating ",
    "Refreshing ",
    "Destroy",
)


class Screen:
    """Thread-safe. `asks`: someone sits there and can be asked; `moves`: lines can be drawn over."""

    def __init__(self, arguments: Arguments, environ: Mapping[str, str]) -> None:
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self.asks = terminal and "non-interactive" not in arguments
        wanted = arguments.one("color", "auto")
        self._colored = wanted == "always" or (
            wanted == "auto" and sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        )
        self.moves = sys.stdout.isatty() and environ.get("TERM", "dumb") != "dumb" and self.asks
        self._status = ""
        self._lock = threading.Lock()

    def out(self, text: str) -> None:
        with self._lock:
            self._wipe()
            lines = [self._painted(line) for line in text.split("\n")]
            print("\n".join(lines), flush=True)
            self._draw()

    def status(self, text: str) -> None:
        """The line below all others, replaced each time; empty for none."""
        with self._lock:
            self._wipe()
            self._status = text[: shutil.get_terminal_size().columns - 1]
            self._draw()

    def _wipe(self) -> None:
        if self._status:
            sys.stdout.write("\r\x1b[2K")

    def _draw(self) -> None:
        sys.stdout.write(self._status)
        sys.stdout.flush()

    def err(self, text: str) -> None:
        with self._lock:
            self._wipe()
            shown = f"{_RED}{text}{_PLAIN}" if self._colored and text.startswith("error:") else text
            print(shown, file=sys.stderr, flush=True)

    def ask(self, question: str) -> str:
        """One line from the person; empty at the end of the input."""
        try:
            return input(question).strip()
        except EOFError:
            print()
            return ""

    def ask_secretly(self, question: str) -> str:
        return getpass.getpass(question)

    def _painted(self, line: str) -> str:
        if not self._colored:
            return line
        if line.startswith(_SECTIONS):
            return f"{_BOLD}{line}{_PLAIN}"
        stripped = line.strip()
        if stripped.startswith(("error:", "warning:")):
            return f"{_RED if stripped.startswith('error:') else _YELLOW}{line}{_PLAIN}"
        signed = _SIGNED.match(line)
        if signed:
            color = _COLORS.get(signed["sign"].strip(), _CYAN)
            return f"{color}{signed['sign']}{_PLAIN}{signed['rest']}"
        return line
