"""The steps that a plan is made of, as values; `apply.py` carries them out."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.engine.protocol import Change
from sandbox.engine.resource import Resource


class Op(enum.StrEnum):
    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    READ_DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REFRESH = "refresh"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"


CREATES = frozenset((Op.CREATE, Op.CREATE_REPLACEMENT))
READS = frozenset((Op.READ, Op.READ_REPLACEMENT))
IMPORTS = frozenset((Op.IMPORT, Op.IMPORT_REPLACEMENT))
DELETES = frozenset((Op.DELETE, Op.DELETE_REPLACED, Op.READ_DISCARD, Op.DISCARD_REPLACED))
_PHYSICAL = frozenset(
    (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED, Op.DISCARD_REPLACED, Op.READ_REPLACEMENT, Op.IMPORT_REPLACEMENT)
)


@dataclass(eq=False)
class Step:
    """One thing to do. `new` is what is wanted, and once the step is done what is there."""

    op: Op
    urn: str
    old: Resource | None = None
    new: Resource | None = None
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: Mapping[str, Change] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    random_seed: bytes = b""
    skipped_create: bool = False
    """Left out because it isn't targeted: the program gets unknowns, the state nothing."""
    untargeted: bool = False
    pending_delete: bool = False
    """A replacement's creation: the old one stays, marked for deletion."""
    pending_replacement: bool = False
    """A deletion that comes before its replacement's creation."""
    result: Op | None = None
    """What a refresh found: same, update or delete."""

    @property
    def logical(self) -> bool:
        """Whether people count it as an operation; the parts of a replacement they don't."""
        return self.op not in _PHYSICAL

    @property
    def state(self) -> Resource:
        state = self.new or self.old
        assert state is not None
        return state

    @property
    def provider(self) -> str:
        return self.state.provider

    @property
    def internal(self) -> bool:
        """Default providers are nobody's business."""
        name = self.urn.rpartition("::")[2]
        is_default = self.state.is_provider and (name == "default" or name.startswith("default_"))
        return is_default or self.op is Op.REMOVE_PENDING_REPLACE
