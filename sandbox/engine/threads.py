"""Threads that a process does not wait for when it ends: a provider that hangs must not hold it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


def start(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


class DaemonPool(Executor):
    """ThreadPoolExecutor's threads are joined when the interpreter ends, whatever they are at; these are not."""

    def __init__(self, max_workers: int) -> None:
        self._limit = max_workers
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._over = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._changed:
            if self._over:
                raise RuntimeError("the pool has been shut down")
            self._waiting.append(work)
            if len(self._waiting) > self._idle and self._threads < self._limit:
                self._threads += 1
                start(self._serve)
            else:
                self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - Executor's
        """What was submitted is still done; nobody waits for it."""
        with self._changed:
            self._over = True
            if cancel_futures:
                self._waiting.clear()
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: bool(self._waiting) or self._over)
                self._idle -= 1
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            work()
