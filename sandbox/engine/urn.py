"""URNs: `urn:pulumi:stack::project::parentType$type::name`, and references to providers."""

from __future__ import annotations

from dataclasses import dataclass

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


def make(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """A resource's URN. The stack itself leaves no trace in the types of its children."""
    qualified = type_
    if parent:
        parents = qualified_type(parent)
        if parents != STACK_TYPE:
            qualified = f"{parents}${type_}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def _parts(urn: str) -> tuple[str, str, str, str]:
    stack, project, types, name = urn.removeprefix("urn:pulumi:").split("::", 3)
    return stack, project, types, name


def is_valid(urn: str) -> bool:
    return urn.startswith("urn:pulumi:") and urn.count("::") >= 3


def qualified_type(urn: str) -> str:
    return _parts(urn)[2]


def type_of(urn: str) -> str:
    return _parts(urn)[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    return _parts(urn)[3]


def is_provider(type_: str) -> bool:
    return type_.startswith(PROVIDER_PREFIX)


def package_of(type_: str) -> str:
    """The package of a resource type or a function token; of a provider's type the package that it provides."""
    return type_.removeprefix(PROVIDER_PREFIX) if is_provider(type_) else type_.partition(":")[0]


@dataclass(frozen=True)
class ProviderRef:
    """What a resource's `provider` says: the provider resource's URN and its id."""

    urn: str
    id: str

    @classmethod
    def parse(cls, text: str) -> ProviderRef:
        urn, separator, id_ = text.rpartition("::")
        if not separator or not is_valid(urn):
            raise ValueError(f"expected '::' in provider reference {text}")
        return cls(urn, id_)

    def __str__(self) -> str:
        return f"{self.urn}::{self.id}"
