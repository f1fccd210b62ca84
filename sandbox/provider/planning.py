"""What an operation would come to, without a call to AWS: names, changes, and outputs known or not."""

from __future__ import annotations

from typing import Any

from sandbox.engine.protocol import UNKNOWN, Properties
from sandbox.provider.checking import DEFAULTS
from sandbox.provider.comparing import Changes, compare_fields
from sandbox.provider.naming import auto_name
from sandbox.provider.resource import Resource
from sandbox.provider.schema import Labels
from sandbox.provider.values import is_unknown


def fill_name(resource: Resource, logical: str, olds: Properties, taken: Properties, random_seed: bytes) -> list[str]:
    """Names what the program left unnamed, as last time if it did so then. Answers the inputs that were filled.

    Raises NameTooLong."""
    naming = resource.naming
    if naming is None or naming.input in taken or naming.prefix_input in taken:
        return []
    if naming.input in olds.get(DEFAULTS, ()):
        taken[naming.input] = olds[naming.input]
    else:
        taken[naming.input] = auto_name(naming, logical, random_seed)
    return [naming.input]


def takes_default_tags(resource: Resource) -> bool:
    """A scaling group's tags are a list that says of each whether instances get it: AWS's provider leaves it alone."""
    return "tags" in resource.inputs and isinstance(resource.inputs["tags"].kind, Labels)


def changes(resource: Resource, region: str, olds: Properties, asked: Properties, wanted: Properties) -> Changes:
    """`region`: the provider's, where the resource names none of its own."""
    if resource.regional and "region" in olds and "region" not in wanted:
        wanted = {**wanted, "region": region}
    found = compare_fields(resource.fields(), olds, asked, wanted)
    return resource.adjust(found, olds, wanted) if found else found


def keeps_a_fixed_name(resource: Resource, olds: Properties, wanted: Properties) -> bool:
    """A name that the program gives and does not change is still taken while the old one is there."""
    naming = resource.naming
    if naming is None or naming.prefix_input in wanted or naming.input in wanted.get(DEFAULTS, ()):
        return False
    name: Any = wanted.get(naming.input)
    return name is not None and not is_unknown(name) and bool(name == olds.get(naming.input))


def outputs_of_a_creation(resource: Resource, region: str, wanted: Properties) -> Properties:
    """With UNKNOWN for what AWS will choose."""
    chosen = [key for key, input_ in resource.fields().items() if input_.kept and key not in wanted]
    outputs: Properties = {**wanted, **dict.fromkeys([*resource.computed, *chosen], UNKNOWN)}
    if resource.regional:
        outputs["region"] = wanted.get("region", region)
    return _with_all_tags(resource, outputs, wanted)


def outputs_of_an_update(
    resource: Resource, wanted: Properties, olds: Properties, asked: Properties, changed: frozenset[str]
) -> Properties:
    """What is there, with the changed inputs in it, and with UNKNOWN for what AWS will choose anew."""
    outputs = {**olds, **{key: value for key, value in wanted.items() if key in changed or key not in olds}}
    for key in asked.keys() - wanted.keys():
        if key in changed:
            outputs.pop(key, None)
    outputs |= dict.fromkeys(resource.moved(wanted, changed), UNKNOWN)
    return _with_all_tags(resource, outputs, wanted)


def _with_all_tags(resource: Resource, outputs: Properties, wanted: Properties) -> Properties:
    return {**outputs, "tagsAll": wanted.get("tags", {})} if "tagsAll" in resource.computed else outputs
