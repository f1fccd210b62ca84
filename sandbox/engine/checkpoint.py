"""Pulumi's checkpoint, version 3: to and from resources. Unchanged resources keep their text and their ciphertexts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine import shape, values
from sandbox.engine.crypto import Crypter
from sandbox.engine.protocol import UNKNOWN, ResourceRef, Secret
from sandbox.engine.resource import Operation, Resource, now

_TEXTS = {
    "provider": "provider",
    "parent": "parent",
    "import_id": "importID",
    "deleted_with": "deletedWith",
    "created": "created",
    "modified": "modified",
    "source_position": "sourcePosition",
}
_FLAGS = {
    "delete": "delete",
    "protect": "protect",
    "external": "external",
    "pending_replacement": "pendingReplacement",
    "retain_on_delete": "retainOnDelete",
}
_LISTS = {
    "dependencies": "dependencies",
    "init_errors": "initErrors",
    "secret_outputs": "additionalSecretOutputs",
    "aliases": "aliases",
    "replace_with": "replaceWith",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
}
_KNOWN = {
    *("urn", "custom", "id", "type", "inputs", "outputs", "propertyDependencies", "customTimeouts"),
    *_TEXTS.values(),
    *_FLAGS.values(),
    *_LISTS.values(),
}


class CorruptCheckpoint(Exception):
    """The stack's state can't be read; it was left as it is."""


@dataclass(frozen=True)
class Snapshot:
    """All that one state file says."""

    resources: tuple[Resource, ...] = ()
    pending: tuple[Operation, ...] = ()
    secrets_provider: Mapping[str, Any] | None = None
    time: str = ""
    version: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)


class Codec:
    """Reads and writes one stack's deployments; without a crypter a secret is an error."""

    def __init__(self, crypter: Crypter | None, *, show_secrets: bool = False) -> None:
        self._crypter = crypter
        self._show = show_secrets
        # By identity, and holding the secret: equal values still get a ciphertext each.
        self._sealed: dict[int, tuple[Secret, str]] = {}

    def resource_text(self, resource: Resource) -> str:
        # A step may change the resource in another thread meanwhile: such a text must not count for the new version.
        version = resource.version
        if resource.written[0] != version:
            resource.written = (version, json.dumps(self.encode(resource), ensure_ascii=False))
        return resource.written[1]

    def deployment_text(self, snapshot: Snapshot) -> str:
        version = snapshot.version
        head: dict[str, Any] = {
            "manifest": {"time": now(), "magic": hashlib.sha256(version.encode()).hexdigest(), "version": version}
        }
        if snapshot.secrets_provider:
            head["secrets_providers"] = snapshot.secrets_provider
        parts = [json.dumps(head)[1:-1]]
        if snapshot.resources:
            parts.append('"resources": [' + ",\n".join(map(self.resource_text, snapshot.resources)) + "]")
        if snapshot.pending:
            parts.append('"pending_operations": [' + ",\n".join(map(self._operation_text, snapshot.pending)) + "]")
        parts.append(json.dumps({"metadata": {}, **snapshot.rest})[1:-1])
        return "{" + ",\n".join(parts) + "}"

    def _operation_text(self, operation: Operation) -> str:
        return f'{{"resource": {self.resource_text(operation.resource)}, "type": {json.dumps(operation.kind)}}}'

    def encode(self, resource: Resource) -> dict[str, Any]:
        entry: dict[str, Any] = {"urn": resource.urn, "custom": resource.custom, "type": resource.type}
        if resource.id:
            entry["id"] = resource.id
        for name, key in (*_TEXTS.items(), *_FLAGS.items()):
            if value := getattr(resource, name):
                entry[key] = value
        for name, key in _LISTS.items():
            if value := getattr(resource, name):
                entry[key] = list(value)
        if resource.inputs:
            entry["inputs"] = self.encode_value(resource.inputs)
        if resource.outputs:
            entry["outputs"] = self.encode_value(resource.outputs)
        if resource.property_dependencies:
            entry["propertyDependencies"] = {key: list(urns) for key, urns in resource.property_dependencies.items()}
        if resource.timeouts:
            entry["customTimeouts"] = dict(resource.timeouts)
        return {**entry, **resource.rest}

    def encode_value(self, value: Any) -> Any:
        if isinstance(value, Secret):
            return self._encode_secret(value)
        if isinstance(value, dict):
            return {key: self.encode_value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.encode_value(item) for item in value]
        return _plain(value)

    def _encode_secret(self, secret: Secret) -> dict[str, str]:
        marked = {values.SIGNATURE: values.SECRET}
        if self._show or self._crypter is None:
            return {**marked, "plaintext": _plaintext(secret)}
        if id(secret) not in self._sealed:
            self._sealed[id(secret)] = (secret, self._crypter.encrypt(_plaintext(secret)))
        return {**marked, "ciphertext": self._sealed[id(secret)][1]}

    def decode(self, entry: Mapping[str, Any]) -> Resource:
        """Raises TypeError for what is no resource."""
        shape.check_resource(entry)
        fields: dict[str, Any] = {name: entry.get(key) or "" for name, key in _TEXTS.items()}
        fields |= {name: bool(entry.get(key)) for name, key in _FLAGS.items()}
        fields |= {name: tuple(entry.get(key) or ()) for name, key in _LISTS.items()}
        return Resource(
            urn=entry["urn"],
            type=entry["type"],
            custom=bool(entry.get("custom")),
            id=entry.get("id") or "",
            inputs=self.decode_value(entry.get("inputs") or {}),
            outputs=self.decode_value(entry.get("outputs") or {}),
            property_dependencies={key: tuple(u or ()) for key, u in (entry.get("propertyDependencies") or {}).items()},
            timeouts={key: seconds for key, seconds in (entry.get("customTimeouts") or {}).items() if seconds},
            rest={key: value for key, value in entry.items() if key not in _KNOWN},
            **fields,
        )

    def decode_operation(self, entry: Mapping[str, Any]) -> Operation:
        """Raises TypeError for what is no pending operation."""
        shape.check_operation(entry)
        return Operation(self.decode(entry.get("resource") or {}), entry["type"])

    def decode_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode_value(item) for item in value]
        if isinstance(value, float):
            return values.number(value)
        if value == values.UNKNOWN_STRING:
            return UNKNOWN
        if not isinstance(value, dict):
            return value
        signature = value.get(values.SIGNATURE)
        if signature == values.SECRET:
            return self._decode_secret(value)
        if signature == values.REFERENCE:
            return ResourceRef(value["urn"], value.get("id"))
        return {key: self.decode_value(item) for key, item in value.items()}

    def _decode_secret(self, value: Mapping[str, Any]) -> Secret:
        if "plaintext" in value:
            return Secret(self.decode_value(json.loads(value["plaintext"])))
        if self._crypter is None:
            raise CorruptCheckpoint("the state holds secrets, but no secrets provider")
        secret = Secret(self.decode_value(json.loads(self._crypter.decrypt(value["ciphertext"]))))
        self._sealed[id(secret)] = (secret, value["ciphertext"])
        return secret


def _plaintext(secret: Secret) -> str:
    return json.dumps(_plain(secret.value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if value is UNKNOWN:
        return values.UNKNOWN_STRING
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, ResourceRef):
        reference = {values.SIGNATURE: values.REFERENCE, "urn": value.urn, "packageVersion": ""}
        return reference if value.id is None else {**reference, "id": _plain(value.id)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def parse(text: str | bytes) -> tuple[str, Mapping[str, Any] | None]:
    """The stack's name and the deployment in a state file. Raises CorruptCheckpoint."""
    try:
        document = json.loads(text)
        version = document["version"]
        if version != 3:
            raise CorruptCheckpoint(
                f"the stack's state is of version {version}; this engine reads version 3: use a newer one"
            )
        checkpoint = document["checkpoint"]
        if checkpoint.get("latest") is not None:
            shape.check_deployment(checkpoint["latest"])
        return checkpoint["stack"], checkpoint.get("latest")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint(f"the state file is not a checkpoint of Pulumi: {error!r}") from error


def load(deployment: Mapping[str, Any] | None, codec: Codec) -> Snapshot:
    """Raises CorruptCheckpoint also where resources refer to others that aren't there."""
    if not deployment:
        return Snapshot()
    try:
        shape.check_deployment(deployment)
        resources = tuple(codec.decode(entry) for entry in deployment.get("resources") or ())
        pending = tuple(map(codec.decode_operation, deployment.get("pending_operations") or ()))
        manifest = deployment.get("manifest") or {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint(f"the state's resources can't be read: {error!r}") from error
    verify(resources)
    rest = {
        key: value
        for key, value in deployment.items()
        if key not in {"manifest", "secrets_providers", "resources", "pending_operations"}
    }
    return Snapshot(
        resources,
        pending,
        deployment.get("secrets_providers"),
        manifest.get("time") or "",
        manifest.get("version") or "",
        rest,
    )


def verify(resources: Iterable[Resource]) -> None:
    """Each resource comes after all that it refers to, and only what is to be deleted shares a URN."""
    seen: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        if resource.provider and resource.provider not in providers:
            raise CorruptCheckpoint(
                f"snapshot integrity failure; refusing to use it: resource {resource.urn} refers to unknown provider "
                f"{resource.provider}"
            )
        for dependency in resource.all_dependencies():
            if dependency not in seen:
                raise CorruptCheckpoint(
                    f"snapshot integrity failure; refusing to use it: resource {resource.urn} refers to missing "
                    f"{dependency}"
                )
        if not resource.delete and resource.urn in live:
            raise CorruptCheckpoint(
                f"snapshot integrity failure; refusing to use it: duplicate resource {resource.urn} (not marked for "
                "deletion)"
            )
        if not resource.delete:
            live.add(resource.urn)
        seen.add(resource.urn)
        if resource.is_provider:
            providers.add(f"{resource.urn}::{resource.id}")
