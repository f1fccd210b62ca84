"""What all settings are built on: frozen objects, and rules on values that must fit together. Pure.

Every mistake is told at once. Pydantic runs no check of a whole object when one of its values is wrong; here a rule
names the values it reads, and runs whenever those are right, whatever else is wrong around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, InitErrorDetails

Rule = Callable[[Any], Iterable["Misfit"]]
AnyRule = TypeVar("AnyRule", bound=Rule)


@dataclass(frozen=True)
class Misfit:
    """A value that doesn't fit others. `at` is its key below the object that noticed, dots between the parts."""

    at: str
    found: object
    allowed: str


class Conflict(ValueError):
    """Values that don't fit together."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("; ".join(misfit.allowed for misfit in misfits))
        self.misfits = tuple(misfits)


def rule(*needs: str) -> Callable[[AnyRule], AnyRule]:
    """Marks a method of a `Frozen` that yields misfits. `needs`: keys, as config has them, of what it reads."""

    def mark(check: AnyRule) -> AnyRule:
        check.needs = needs  # type: ignore[attr-defined]
        return check

    return mark


class Frozen(BaseModel):
    """An object of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)
    rules: ClassVar[tuple[tuple[Rule, tuple[str, ...]], ...]] = ()
    """Each with the keys that it reads."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.rules = tuple((found, found.needs) for found in vars(cls).values() if hasattr(found, "needs"))

    @field_validator("*", mode="before")
    @classmethod
    def _no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # Python takes true for 1.
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("true and false are no numbers")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: Callable[[Any], Any]) -> Any:
        faults: list[ErrorDetails] = []
        wrong: set[str] = set()
        try:
            made = handler(data)
        except ValidationError as error:
            faults = error.errors(include_url=False)
            made = cls._without_faults(data, handler, wrong, faults)
        if made is None:
            raise _again(cls, faults)
        misfits = [misfit for found, needs in cls.rules if not _touched(needs, wrong) for misfit in found(made)]
        if not faults and not misfits:
            return made
        raise _again(cls, faults, Conflict(misfits) if misfits else None, data)

    @classmethod
    def _without_faults(
        cls, data: Any, handler: Callable[[Any], Any], wrong: set[str], faults: Sequence[ErrorDetails]
    ) -> Any:
        """The object that would be if nothing stood where the faults are. Adds to `wrong` the keys that were left out.

        What remains can still conflict with the defaults that take the place of what is wrong; that is left out too.
        """
        kept = data
        while isinstance(kept, Mapping):
            before = len(wrong)
            for where in (where for fault in faults for where in _places(fault)):
                wrong.add(".".join(map(str, where)))
                kept = _lacking(kept, where)
            kept = {**cls._examples(), **kept}
            if len(wrong) == before:
                return None
            try:
                return handler(kept)
            except ValidationError as error:
                faults = error.errors(include_url=False)
        return None

    @classmethod
    def _examples(cls) -> dict[str, Any]:
        """What stands in for a value that has no default."""
        return {
            info.alias or name: info.examples[0]
            for name, info in cls.model_fields.items()
            if info.is_required() and info.examples
        }


def _again(
    cls: type[BaseModel], faults: Sequence[ErrorDetails], conflict: Conflict | None = None, data: Any = None
) -> ValidationError:
    details = [
        InitErrorDetails(type=fault["type"], loc=fault["loc"], input=fault["input"], ctx=fault.get("ctx", {}))
        for fault in faults
    ]
    if conflict is not None:
        details.append(InitErrorDetails(type="value_error", loc=(), input=data, ctx={"error": conflict}))
    return ValidationError.from_exception_data(cls.__name__, details)


def _places(fault: ErrorDetails) -> list[tuple[str | int, ...]]:
    """Where the values stand that a fault is about."""
    conflict = fault.get("ctx", {}).get("error")
    if not isinstance(conflict, Conflict):
        return [fault["loc"]]
    return [(*fault["loc"], *misfit.at.split(".")) for misfit in conflict.misfits]


def _lacking(data: Mapping[str, Any], where: Sequence[str | int]) -> dict[str, Any]:
    """The same without what stands there; without the whole list, where it stands in a list."""
    if not where:
        return dict(data)
    head, rest = str(where[0]), where[1:]
    inner = data.get(head)
    if rest and isinstance(inner, Mapping) and rest[0] in inner:
        return {**data, head: _lacking(inner, rest)}
    return {key: value for key, value in data.items() if key != head}


def _touched(needs: Iterable[str], wrong: Iterable[str]) -> bool:
    return any(key == fault or _within(key, fault) or _within(fault, key) for key in needs for fault in wrong)


def _within(inner: str, outer: str) -> bool:
    return inner.startswith(outer + ".")
