"""The choice of a target group by weight, evenly interleaved: any run of requests is close to its shares. Pure."""

from collections.abc import Sequence
from typing import Generic, TypeVar

Choice = TypeVar("Choice")


class Scales(Generic[Choice]):
    """Of n requests one of two choices gets n x weight / total, off by less than one. Weight 0 gets nothing."""

    def __init__(self, shares: Sequence[tuple[Choice, int]]) -> None:
        self._choices = [choice for choice, weight in shares if weight > 0]
        self._weights = [weight for _, weight in shares if weight > 0]
        self._credit = [0] * len(self._choices)
        self._total = sum(self._weights)

    def next(self) -> Choice | None:
        """None when no choice has weight."""
        if len(self._choices) < 2:
            return self._choices[0] if self._choices else None
        best = 0
        for index, weight in enumerate(self._weights):
            self._credit[index] += weight
            if self._credit[index] > self._credit[best]:
                best = index
        self._credit[best] -= self._total
        return self._choices[best]
