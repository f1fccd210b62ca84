"""Which of an instance's replicas answers: the one with the fewest requests, in turns, as nginx's least_conn."""


class Replicas:
    """Numbered from 1."""

    def __init__(self, count: int) -> None:
        self._running = [0] * max(1, count)
        self._last = -1

    @property
    def several(self) -> bool:
        return len(self._running) > 1

    def take(self) -> int:
        """The one for the next request, which it has until it is given back."""
        count = len(self._running)
        turns = ((self._last + step) % count for step in range(1, count + 1))
        self._last = min(turns, key=self._running.__getitem__)
        self._running[self._last] += 1
        return self._last + 1

    def give_back(self, number: int) -> None:
        self._running[number - 1] -= 1
