"""How a verb was called: the options that all verbs share, and who is at the other end."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from driver.errors import Invalid
from driver.progress import Progress, Unseen


@dataclass
class Invocation:
    """The shared options. `interactive`: someone sits at a terminal and can be asked."""

    stack: str | None = None
    project: str | None = None
    output: str = "table"
    yes: bool = False
    verbose: bool = False
    verb: str = ""
    started: float = 0.0
    break_lock: str = ""
    """Id of the lock that a person says is nobody's."""
    progress: Progress = field(default_factory=Unseen)
    """What is seen of the work while it goes on; closed before its result is shown."""

    @property
    def interactive(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def tell(self, text: str) -> None:
        """One line to whoever watches; standard output is the result's alone."""
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()

    def agree(self, question: str, *, dry_run: bool = False) -> None:
        """Asks before something is changed. Off a terminal only --yes will do. Raises Invalid or click's Abort."""
        if dry_run or self.yes:
            return
        if not self.interactive:
            raise Invalid(
                f"{self.verb} needs --yes where nobody can be asked",
                "standard input is no terminal",
                (f"--yes {self.verb} …",),
            )
        import click

        click.confirm(question, abort=True, err=True)
