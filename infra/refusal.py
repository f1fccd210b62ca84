"""The one way in which the program ends without doing anything."""

from __future__ import annotations

import pulumi

from infra.decision import Refused


class Refusal(pulumi.RunError):
    """Raised before the first resource is registered; `refused` says why, as values.

    To log an error and return would tell Pulumi that the stack is wanted empty, and delete it.
    """

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refused = refused


def refuse(code: str, what: str, why: str, *commands: str) -> Refusal:
    """A refusal to raise."""
    return Refusal(Refused(code, what, why, commands))
