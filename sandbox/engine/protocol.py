"""The contract between the engine and a provider: values, and the calls the engine makes."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

Properties = dict[str, Any]


class Unknown(enum.Enum):
    """The type of UNKNOWN; an enum, so that copying and pickling keep the one instance."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN = Unknown.UNKNOWN
"""A value that is known only after apply."""


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted wherever it is stored and hidden wherever it is shown."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([hidden])"


@dataclass(frozen=True)
class ResourceRef:
    """A property value that refers to another resource; a component has no id."""

    urn: str
    id: Any = None


@dataclass(frozen=True)
class Failure:
    """One reason why a provider refuses inputs."""

    property: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with the provider's defaults filled in, and what is wrong with them."""

    inputs: Properties
    failures: tuple[Failure, ...] = ()


class Change(enum.Enum):
    """What happens to one property."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"


@dataclass(frozen=True)
class Difference:
    """What a provider finds between a resource's state and its new inputs."""

    changes: bool
    replaces: tuple[str, ...] = ()
    detailed: Mapping[str, Change] = field(default_factory=dict)
    delete_before_replace: bool = False
    stables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """A created resource; in a preview the id is empty and outputs may hold UNKNOWN."""

    id: str
    outputs: Properties


@dataclass(frozen=True)
class Found:
    """A resource as it was read back."""

    id: str
    inputs: Properties
    outputs: Properties


class ProviderError(Exception):
    """A provider's refusal. `partial`: the resource exists, though its making did not end well."""

    def __init__(self, message: str, partial: Made | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.partial = partial


@runtime_checkable
class Provider(Protocol):
    """One package's resources, whatever they are; the engine knows nothing else of them."""

    name: str
    version: str

    def check_config(self, inputs: Properties) -> Checked: ...

    def configure(self, inputs: Properties) -> None: ...

    def check(self, urn: str, type_: str, olds: Properties | None, news: Properties, random_seed: bytes) -> Checked: ...

    def diff(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> Difference: ...

    def create(self, urn: str, type_: str, news: Properties, *, preview: bool, timeout: float | None) -> Made: ...

    def update(
        self,
        urn: str,
        type_: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
        timeout: float | None,
    ) -> Properties: ...

    def read(self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties) -> Found | None: ...

    def delete(
        self, urn: str, type_: str, id: str, old_inputs: Properties, old_outputs: Properties, timeout: float | None
    ) -> None: ...

    def invoke(self, token: str, args: Properties) -> Properties: ...

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse: ...

    def cancel(self) -> None: ...
