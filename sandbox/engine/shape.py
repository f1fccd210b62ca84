"""What a state must look like before anything is read from it: a file that somebody edited may hold any JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_TEXTS = {"id", "provider", "parent", "importID", "deletedWith", "created", "modified", "sourcePosition"}
_LISTS = {
    *("dependencies", "initErrors", "additionalSecretOutputs", "aliases"),
    *("replaceWith", "ignoreChanges", "replaceOnChanges"),
}
_FLAGS = {"custom", "delete", "protect", "external", "pendingReplacement", "retainOnDelete"}
_HEAD = {"manifest": dict, "secrets_providers": dict, "resources": list, "pending_operations": list}


def check_deployment(deployment: Any) -> None:
    """All but the resources. Raises TypeError."""
    _expect(deployment, "the deployment", dict)
    for key, wanted in _HEAD.items():
        _expect(deployment.get(key), key, wanted)
    _texts(deployment.get("manifest") or {}, ("time", "version"), "manifest")
    _expect((deployment.get("secrets_providers") or {}).get("state"), "secrets_providers.state", dict)


def check_operation(entry: Any) -> None:
    """Raises TypeError."""
    _required(entry, "a pending operation", dict)
    _required(entry.get("type"), "a pending operation's type", str)


def check_resource(entry: Any) -> None:
    """Raises TypeError."""
    _required(entry, "a resource", dict)
    urn = entry.get("urn")
    if not isinstance(urn, str) or not urn.startswith("urn:pulumi:") or urn.count("::") < 3:
        raise TypeError(f"{urn!r} is no URN")
    _required(entry.get("type"), f"{urn}: type", str)
    _texts(entry, _TEXTS, urn)
    for key in _FLAGS:
        _expect(entry.get(key), f"{urn}: {key}", bool)
    for key in _LISTS:
        _names(entry.get(key), f"{urn}: {key}")
    for key in ("inputs", "outputs", "propertyDependencies", "customTimeouts"):
        _expect(entry.get(key), f"{urn}: {key}", dict)
    for key, names in (entry.get("propertyDependencies") or {}).items():
        _names(names, f"{urn}: propertyDependencies.{key}")
    for key, seconds in (entry.get("customTimeouts") or {}).items():
        if isinstance(seconds, bool) or not isinstance(seconds, int | float | None):
            raise TypeError(f"{urn}: customTimeouts.{key} is no number")


def _texts(entry: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    for key in keys:
        _expect(entry.get(key), f"{where}: {key}", str)


def _names(value: Any, where: str) -> None:
    _expect(value, where, list)
    for item in value or ():
        _required(item, f"an item of {where}", str)


def _expect(value: Any, where: str, wanted: type) -> None:
    if value is not None and not isinstance(value, wanted):
        names = {dict: "object", list: "list", str: "text", bool: "truth value"}
        raise TypeError(f"{where} is no {names[wanted]}")


def _required(value: Any, where: str, wanted: type) -> None:
    if value is None:
        raise TypeError(f"{where} is missing")
    _expect(value, where, wanted)
