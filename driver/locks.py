"""Waiting for another driver's lock: with jitter, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random

from driver.ports import Ports
from driver.stack_errors import Locked

T = TypeVar("T")

# On an object store two updates that meet can both lose: the jitter keeps them from meeting again.
_JITTER = wait_random(0.5, 2.5)


def patiently(ports: Ports, patience: float, work: Callable[[], T]) -> T:
    """Does the work as soon as the lock is free. Raises Locked after `patience` seconds, naming who holds it."""
    deadline = ports.clock.elapsed() + patience

    def told(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        ports.tell(f"waiting: {failure.why if isinstance(failure, Locked) else failure}")

    retrying = Retrying(
        retry=retry_if_exception_type(Locked),
        wait=_JITTER,
        stop=lambda _: ports.clock.elapsed() >= deadline,
        sleep=ports.clock.sleep,
        before_sleep=told,
        reraise=True,
    )
    return retrying(work)
