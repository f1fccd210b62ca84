"""Waiting for another driver's lock: with jitter, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random

from driver.ports import Clock, Ports
from driver.stack.failures import Locked

T = TypeVar("T")

JITTER = (0.5, 2.5)
"""Seconds between tries. On an object store two updates that meet can both lose: chance keeps them apart."""

_LEAST = timedelta(seconds=10)


def until(clock: Clock, patience: float) -> datetime:
    """When to stop waiting for a lock. An update takes its time at any speed of the sandbox: never in under 10 s."""
    return max(clock.later(patience), clock.now() + _LEAST)


def patiently(ports: Ports, patience: float, work: Callable[[], T]) -> T:
    """Does the work as soon as the lock is free. Raises Locked after `patience` seconds, naming who holds it."""
    deadline = until(ports.clock, patience)
    said = set[str]()

    def told(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, Locked) and failure.why not in said:
            said.add(failure.why)
            ports.tell(f"waiting: {failure.why}")

    retrying = Retrying(
        retry=retry_if_exception_type(Locked),
        wait=wait_random(*JITTER),
        stop=lambda _: ports.clock.now() >= deadline,
        sleep=ports.clock.sleep,
        before_sleep=told,
        reraise=True,
    )
    return retrying(work)
