"""What the program asks for: one resource as it should be."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from pulumi.runtime.proto import alias_pb2, resource_pb2

from sandbox.engine import values
from sandbox.engine.protocol import Properties

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Alias:
    """Another name that a resource may have had: a whole URN, or parts that differ."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(frozen=True)
class Goal:
    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    protect: bool = False
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    import_id: str = ""
    timeouts: Mapping[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    source_position: str = ""


def from_request(request: resource_pb2.RegisterResourceRequest, provider: str) -> Goal:
    """A registration as a goal; `provider` is the reference that was found for it."""
    dependencies = tuple(dict.fromkeys(request.dependencies))
    inputs = values.from_struct(request.object)
    by_property: dict[str, list[str]] = {key: [] for key in inputs}
    if request.propertyDependencies:
        for key, named in request.propertyDependencies.items():
            by_property[key] = list(named.urns)
    else:
        by_property = {key: list(dependencies) for key in inputs}
    for key, found in values.output_dependencies(request.object).items():
        by_property[key] = [*by_property.get(key, []), *found]
    replace = request.deleteBeforeReplace
    timeouts = request.customTimeouts
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=inputs,
        parent=request.parent,
        protect=request.protect,
        dependencies=dependencies,
        provider=provider,
        property_dependencies={key: tuple(dict.fromkeys(found)) for key, found in by_property.items()},
        delete_before_replace=replace if replace or request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=(*(Alias(urn=text) for text in request.aliasURNs), *map(_alias, request.aliases)),
        import_id=request.importId,
        timeouts={
            name: seconds(text) for name in ("create", "update", "delete", "read") if (text := getattr(timeouts, name))
        },
        retain_on_delete=request.retainOnDelete,
        deleted_with=request.deletedWith,
        replace_with=tuple(request.replace_with),
    )


def unmet(goal: Goal, urn: str, seen: Container[str]) -> str:
    """What is wrong with the resources that it refers to; nothing: all of them are registered."""
    by_property = (one for named in goal.property_dependencies.values() for one in named)
    deleted_with = (goal.deleted_with,) if goal.deleted_with else ()
    for needed in (*goal.dependencies, *by_property, *deleted_with, *goal.replace_with):
        if needed == urn:
            return f"resource {urn} depends on itself"
        if needed not in seen:
            return f"resource {urn} refers to missing dependency {needed}: it must be registered before"
    return ""


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.WhichOneof("alias") == "urn":
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias("", spec.name, spec.type, spec.stack, spec.project, spec.parentUrn, spec.noParent)


def seconds(duration: str) -> float:
    """A Go duration such as `1h5m`. Raises ValueError."""
    matches = list(_DURATION.finditer(duration))
    if not matches or "".join(match.group() for match in matches) != duration:
        raise ValueError(f"time: invalid duration {duration!r}")
    return sum(float(match[1]) * _SECONDS[match[2]] for match in matches)
