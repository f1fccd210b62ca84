"""What is played in a rehearsal: the command's own verbs, in the order a release meets them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Act:
    """One verb of the play. `allowed` are the exit codes that count as the act having gone as it should."""

    title: str
    argv: tuple[str, ...]
    allowed: tuple[int, ...] = (0,)
    shifts: bool = False
    """Whether it moves traffic, and so is a transition of the report."""


OPENING = Act("up", ("up",))
CLOSING = Act("destroy", ("destroy",))


def play(image: str, fault: str | None = None) -> tuple[Act, ...]:
    """The acts between the first deploy and the end, all under load.

    With a fault the release may fail: then nothing may come of it but exit 3 or 4 and an old color that still serves,
    and the play ends there.
    """
    if fault is not None:
        return (
            Act(f"deploy {image}", ("deploy", image), allowed=(0, 4)),
            Act("promote", ("promote",), allowed=(0, 3, 4), shifts=True),
            Act("rollback", ("rollback",), allowed=(0, 3), shifts=True),
        )
    return (
        Act(f"deploy {image}", ("deploy", image)),
        Act("promote", ("promote",), shifts=True),
        Act("rollback", ("rollback",), shifts=True),
        Act("promote --again", ("promote", "--again"), shifts=True),
        Act("retire --due", ("retire", "--due")),
    )


def next_image(image: str) -> str:
    """The name of a release that stands in for the one to come: the same repository, tag `next`."""
    repository = image.split("@", maxsplit=1)[0]
    head, colon, tag = repository.rpartition(":")
    return f"{head if colon and '/' not in tag else repository}:next"


def repository_and_tag(image: str) -> tuple[str, str]:
    """Repository (without a registry's host) and tag of an image named by tag; `latest` where there is none."""
    name = image.split("@", maxsplit=1)[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first):
        name = rest
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon else (name, "latest")
