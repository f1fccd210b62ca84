"""The sandbox's own pages: what is there, what happened, and what a person can make happen."""

import dataclasses
from collections.abc import Callable
from typing import Any

from sandbox.cloud import images, state
from sandbox.cloud.certificates import add_certificate
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.faulting import Faulting


class NotFound(Exception):
    """No such page."""


class Control:
    """`about` is the sandbox itself: its endpoint, speed and so on."""

    def __init__(self, cloud: Cloud, faulting: Faulting, about: dict[str, Any], region: str) -> None:
        self._cloud = cloud
        self._faulting = faulting
        self._about = about
        self._region = region
        self._pages: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "state"): self._state,
            ("GET", "counters"): self._counters,
            ("GET", "events"): self._events,
            ("POST", "events"): self._events,
            ("POST", "push"): self._push,
            ("POST", "certificate"): self._certificate,
            ("GET", "fault"): self._faults,
            ("POST", "fault"): self._fault,
        }

    def answer(self, method: str, name: str, given: dict[str, Any]) -> Any:
        """Raises NotFound, and ValueError or KeyError for what was given."""
        page = self._pages.get((method, name))
        if page is None:
            known = ", ".join(f"{method} {name}" for method, name in self._pages)
            raise NotFound(f"no page {method} {name}; there are {known}")
        with self._cloud.lock:
            return page(given)

    def _state(self, _: dict[str, Any]) -> dict[str, Any]:
        return {**self._about, "region": self._region, **state.describe(self._cloud), "faults": self._faulting.active()}

    def _counters(self, _: dict[str, Any]) -> dict[str, Any]:
        return dataclasses.asdict(self._cloud.balancing.counters())

    def _events(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"events": self._cloud.events.since(int(given.get("since", 0)))}

    def _push(self, given: dict[str, Any]) -> dict[str, str]:
        pushed = images.push(given["repository"], given["tag"], given.get("region") or self._region)
        self._cloud.events.add("image", f"{pushed['repository']}:{pushed['tag']}", f"pushed, {pushed['digest']}")
        return pushed

    def _certificate(self, given: dict[str, Any]) -> dict[str, str]:
        return add_certificate(given["arn"], given.get("domain") or "sandbox.example")

    def _faults(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"faults": self._faulting.known(), "active": self._faulting.active()}

    def _fault(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.pop("name")
        return {"name": name, "did": self._faulting.begin(name, given)}
