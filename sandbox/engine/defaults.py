"""Default providers: made when a resource or an invoke names none, one for each package and version."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

from sandbox.engine import urn as urns
from sandbox.engine.goal import Goal
from sandbox.engine.protocol import Properties, ProviderError

Register = Callable[[Goal], str]
"""Registers a provider and answers its reference."""


class DefaultProviders:
    def __init__(self, config: Mapping[str, object], register: Register) -> None:
        self._config = config
        self._register = register
        self._known: dict[tuple[str, str, str], str] = {}
        self._lock = threading.Lock()

    def reference(self, package: str, version: str, url: str, what: str) -> str:
        """Raises ProviderError where the configuration forbids them; `what` needs one."""
        if self._is_disabled(package):
            raise ProviderError(f"Default provider for '{package}' disabled. '{what}' must use an explicit provider.")
        with self._lock:
            key = (package, version, url)
            if key not in self._known:
                self._known[key] = self._register(_goal(package, version, url, self._inputs(package)))
            return self._known[key]

    def _is_disabled(self, package: str) -> bool:
        text = str(self._config.get("pulumi:disable-default-providers") or "[]")
        try:
            names = json.loads(text)
        except ValueError as error:
            raise ProviderError(f"Failed to parse {text}: {error}") from error
        return "*" in names or package in names

    def _inputs(self, package: str) -> Properties:
        mine = {key.partition(":")[2]: value for key, value in self._config.items() if key.startswith(f"{package}:")}
        return dict(mine)


def _goal(package: str, version: str, url: str, inputs: Properties) -> Goal:
    name = "default"
    if version:
        name = f"default_{version.replace('.', '_').replace('-', '_').replace('+', '_')}"
        inputs |= {"version": version, "__internal": {}}
    if url:
        inputs["__internal"] = {"pluginDownloadURL": url}
        name += "_" + url.rpartition("://")[2].replace("/", "_").replace(".", "_")
    return Goal(urns.PROVIDER_PREFIX + package, name, True, inputs)
