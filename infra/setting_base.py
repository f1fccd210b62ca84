"""What all settings are made of: frozen models, and values that don't fit together, told where they stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel


@dataclass(frozen=True)
class Misfit:
    """A value that doesn't fit others. `at` is its key below the object that noticed."""

    at: str
    found: object
    allowed: str


class Conflict(ValueError):
    """Values that don't fit together."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("; ".join(misfit.allowed for misfit in misfits))
        self.misfits = tuple(misfits)


def check(misfits: Sequence[Misfit]) -> None:
    """Raises Conflict where there are any."""
    if misfits:
        raise Conflict(misfits)


class Frozen(BaseModel):
    """A part of the settings: camelCase keys, none but the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    @field_validator("*", mode="before")
    @classmethod
    def _no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # Python takes true for 1.
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("true and false are no numbers")
        return value
