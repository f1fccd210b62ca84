"""What an image does in a task, as its tag says: besides the apps' own behaviours, what only a container can do. Pure.

`…-arm64` or `…-amd64`: it has that platform alone. `…-exits-3`: it exits at once with that code. `…-oom`: it is killed
for the memory it takes, soon after it started. Everything else runs on both platforms.
"""

import re
from dataclasses import dataclass

from sandbox.cloud.simulated import simulated

ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
_EXITS = re.compile(r"(?:^|-)exits(?:-(\d+))?(?=-|$)")
_SLEEPS = re.compile(r"^\s*sleep\s+(\d+(?:\.\d+)?)\s*$")
_EXIT = re.compile(r"(?:^|[;&|\s])exit\s+(\d+)\s*$")
OOM_AFTER = 20.0
JOB = 5.0
"""Simulated seconds until an image of tag `oom` is killed, and that a one-off command takes."""


@dataclass(frozen=True)
class Ending:
    """How a container ends by itself: simulated seconds from its start, exit code and the reason that ECS gives."""

    after: float
    code: int
    reason: str | None = None


def architecture(tag: str) -> str | None:
    """The only platform that an image has; None: both."""
    parts = set(tag.split("-"))
    return next((each for each in ARCHITECTURES.values() if each in parts), None)


def ending(tag: str, command: list[str], *, job: bool) -> Ending | None:
    """None for what runs on. `job`: the command is what the task is for, and its words say how it ends."""
    if found := _EXITS.search(tag):
        return Ending(0.0, int(found[1] or 1))
    if "oom" in tag.split("-"):
        return Ending(OOM_AFTER, 137, "OutOfMemoryError: Container killed due to memory usage")
    if job:
        said = simulated(" ".join(command))
        return Ending(max(JOB, said.seconds), said.code)
    text = command[-1] if command[:1] in (["sh"], ["/bin/sh"], ["bash"], ["/bin/bash"]) else " ".join(command)
    if found := _EXIT.search(text):
        return Ending(0.0, int(found[1]))
    if text.strip() == "false":
        return Ending(0.0, 1)
    if text.strip() == "true":
        return Ending(0.0, 0)
    if found := _SLEEPS.match(text):
        return Ending(float(found[1]), 0)
    return None
