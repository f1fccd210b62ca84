"""RunTask's client tokens: the same request once more gets the same tasks, and another one with that token is refused.

After "Ensuring idempotency" in the ECS API reference: up to 64 characters of ASCII 33-126, one use for each cluster,
known for up to 24 hours.
"""

from typing import Any

from sandbox.cloud.ecs.model import Cluster, Started, Store, Task
from sandbox.cloud.ecs.refusals import conflict, invalid

Params = dict[str, Any]
LONGEST = 64
LIFE = 24 * 3600.0
"""Simulated seconds."""


def started(store: Store, cluster: Cluster, params: Params, now: float) -> list[Task] | None:
    """The tasks of the request that had this token; None for a new one. Raises Refused."""
    token = params.get("clientToken")
    if token is None:
        return None
    if not 0 < len(token) <= LONGEST or not all(33 <= ord(sign) <= 126 for sign in token):
        raise invalid(f"clientToken must be at most {LONGEST} characters in the range of 33-126.")
    for key in [key for key, held in store.started.items() if held.until <= now]:
        del store.started[key]
    held = store.started.get((cluster.name, token))
    if held is None:
        return None
    if held.request != params:
        raise conflict("The provided clientToken is already in use with a different RunTask request.", held.tasks)
    return held.tasks


def keep(store: Store, cluster: Cluster, params: Params, tasks: list[Task], now: float) -> None:
    """Only of a request that started something: one that found no room may be made again."""
    if params.get("clientToken") is not None and tasks:
        store.started[cluster.name, params["clientToken"]] = Started(params, tasks, now + LIFE)
