"""How often a stop is passed on to an engine that is a process of its own, by who it is that stops the driver. Pure.

The engine takes the first as a wish: it ends the operation that runs and drops the stack's lock. The second it takes as
an order: it ends at once, drops the lock, and leaves that operation pending in the state. So a second is only right
where the engine would be killed otherwise, or where a person has seen that it hangs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Relay:
    """`first`: whether the first is passed on. `again`: seconds after one until the next is; None: it never is."""

    first: bool = True
    again: float | None = None


ONCE = Relay()

# A job that is cancelled gets SIGINT, 7.5 s later SIGTERM, and 2.5 s after that all of it is killed. The engine, in a
# session of its own, gets none of the first two.
GITHUB = Relay(again=5.0)

# Docker and Kubernetes send SIGTERM to every process of the job, so that the engine has its own: passed on, it would
# count as the second.
GITLAB = Relay(first=False)

# Two that are one press of a nervous hand are one. After that a person has seen that it does not end.
TERMINAL = Relay(again=2.0)


def relay_for(environ: Mapping[str, str], *, terminal: bool) -> Relay:
    """`terminal`: a person's hands reach this process."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return GITHUB
    if environ.get("GITLAB_CI") == "true":
        # Of all executors only those of a shell or over SSH do not make an environment that is thrown away; theirs
        # signal the job's own process group.
        return GITLAB if environ.get("CI_DISPOSABLE_ENVIRONMENT") == "true" else ONCE
    return TERMINAL if terminal else ONCE
