"""What an update may not change of a release that stands: the names of a resource's inputs, for `ignore_changes`."""

from __future__ import annotations

import inspect

# A name is generated once, and the provider's region is no setting of a release.
_NEVER = ("name", "name_prefix", "region")


def inputs(arguments: type, *, but: tuple[str, ...] = ()) -> list[str]:
    """Every input of a resource as Pulumi writes it, those named left out.

    All of them and not only those that are set: so neither an input that a later version of the program adds nor one
    that it drops reaches what runs.
    """
    names = [name for name in inspect.signature(arguments).parameters if name not in (*_NEVER, *but)]
    return [camel(name) for name in names]


def camel(name: str) -> str:
    """`min_size` -> `minSize`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
