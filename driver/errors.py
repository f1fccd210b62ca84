"""How things end badly: what happened, why, what to do next, and one exit code each.

Imports nothing of the project, so that every room may raise these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Failure(Exception):
    """An end that a person or a pipeline must be told of. `next` holds commands, the most likely first."""

    exit_code: ClassVar[int] = 1
    outcome: ClassVar[str] = "failed"

    def __init__(
        self, what: str, why: str = "", next: tuple[str, ...] | str = (), facts: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = (next,) if isinstance(next, str) else tuple(next)
        self.facts: dict[str, Any] = dict(facts or {})
        """What else the document of `--output json` says, e.g. the steps already taken."""


class Unforeseen(Failure):
    """Nobody thought of this. Exit 1."""


class Invalid(Failure):
    """Wrong usage, invalid settings, or an environment that cannot work: nothing was touched. Exit 2."""

    exit_code = 2
    outcome = "invalid"


class Refused(Failure):
    """A gate or a guard said no: nothing changed. Exit 3."""

    exit_code = 3
    outcome = "refused"


class ReleaseFailed(Failure):
    """The release is no good; the old color serves. Exit 4."""

    exit_code = 4
    outcome = "failed"


class RolledBack(ReleaseFailed):
    """A gate failed after traffic had moved, and it was moved back. Exit 4."""

    outcome = "rolled back"


class Busy(Failure):
    """Another driver holds the stack, or was faster. Exit 5."""

    exit_code = 5
    outcome = "busy"


class Unfinished(Failure):
    """Out of time or interrupted: the record is legal, and the same command or `resume` carries on. Exit 6."""

    exit_code = 6
    outcome = "unfinished"


class Drifted(Failure):
    """AWS disagrees with the record. Exit 7."""

    exit_code = 7
    outcome = "drift"


BY_CODE: Mapping[int, type[Failure]] = {
    kind.exit_code: kind for kind in (Unforeseen, Invalid, Refused, ReleaseFailed, Busy, Unfinished, Drifted)
}
