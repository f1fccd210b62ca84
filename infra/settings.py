"""Stack config -> frozen, validated settings; reports every mistake at once. Pure; imports no Pulumi.

Settings and record share the namespace `bluegreen:`; the record's keys are not read here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from infra.record import RECORD_KEYS
from infra.setting_base import Conflict
from infra.setting_compose import Compose
from infra.setting_models import Balancer, HealthCheck, Settings
from infra.setting_network import Network

__all__ = [
    "NAMESPACE",
    "Balancer",
    "Compose",
    "HealthCheck",
    "Network",
    "Problem",
    "Settings",
    "SettingsError",
    "load",
]

NAMESPACE = "bluegreen"
_ARGUMENTS = ("project", "stack")


@dataclass(frozen=True)
class Problem:
    """One mistake: the config key it was found at, what was found, and what is allowed there."""

    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}; allowed: {self.allowed}"


class SettingsError(ValueError):
    """Settings that can't be used. `problems` holds every mistake."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(config: Mapping[str, Any], project: str, stack: str) -> Settings:
    """The settings of a stack. `config` maps full keys (`bluegreen:port`) to text, or to JSON text for objects.

    Keys of other namespaces and the record's keys are left alone. Raises SettingsError.
    """
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE or name in RECORD_KEYS:
            continue
        if name not in _names(Settings) or name in _ARGUMENTS:
            problems.append(_unknown((name,), Settings, value))
            continue
        try:
            given[name] = _parsed(name, value)
        except ValueError:
            problems.append(Problem(f"{NAMESPACE}:{name}", _shown(value), _allowed((name,))))
    broken = {problem.key.partition(":")[2] for problem in problems}
    try:
        settings = Settings.model_validate({**given, "project": project, "stack": stack})
    except ValidationError as error:
        problems += [found for found in _problems(error) if found.key.partition(":")[2] not in broken]
    if problems:
        raise SettingsError(tuple(sorted(problems, key=lambda problem: problem.key)))
    return settings


def _parsed(name: str, value: Any) -> Any:
    """Objects and lists arrive as JSON text; everything else stays the text it is."""
    if not isinstance(value, str) or not _structured(_names(Settings)[name].annotation):
        return value
    return json.loads(value)


def _structured(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | dict | tuple):
        return True
    origin = getattr(annotation, "__origin__", None)
    return origin in (tuple, dict, list) or any(_structured(part) for part in get_args(annotation) if origin is None)


def _problems(error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors(include_url=False):
        where = tuple(part for part in fault["loc"] if isinstance(part, str | int))
        if fault["type"] == "extra_forbidden":
            yield _unknown(where, _model_at(where[:-1]), fault["input"])
        elif fault["type"] == "value_error" and isinstance(fault["ctx"]["error"], Conflict):
            for misfit in fault["ctx"]["error"].misfits:
                yield Problem(_key((*where, misfit.at)), _shown(misfit.found), misfit.allowed)
        else:
            found = "nothing" if fault["type"] == "missing" else _shown(fault["input"])
            yield Problem(_key(where), found, _allowed(where))


def _unknown(where: tuple[str | int, ...], model: type[BaseModel] | None, value: Any) -> Problem:
    names = sorted(set(_names(model)) - set(_ARGUMENTS)) if model else []
    close = difflib.get_close_matches(str(where[-1]), names, n=1)
    hint = f"did you mean {_key((*where[:-1], close[0]))}?" if close else f"one of {', '.join(names)}"
    return Problem(_key(where), f"an unknown key with {_shown(value)}", hint)


def _key(where: tuple[str | int, ...]) -> str:
    return f"{NAMESPACE}:" + ".".join(str(part) for part in where)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"


def _names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _model_at(where: tuple[str | int, ...]) -> type[BaseModel] | None:
    found = _at(where)
    return next(_models(found[0]), None) if found else None


def _at(where: tuple[str | int, ...]) -> tuple[Any, str | None] | None:
    """The kind of value at a key, and its description. Names in a mapping and places in a list are anyone's."""
    kind: Any = Settings
    description: str | None = None
    for part in where:
        if isinstance(part, int):
            continue
        if get_origin(kind) is dict:
            kind, description = get_args(kind)[1], None
            continue
        model = next(_models(kind), None)
        info = _names(model).get(part) if model else None
        if info is None:
            return None
        kind, description = info.annotation, info.description
    return kind, description


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _allowed(where: tuple[str | int, ...]) -> str:
    """What a key allows: the description of its kind, or of the nearest kind around it."""
    words = tuple(part for part in where if isinstance(part, str))
    while words:
        found = _at(words)
        if found is not None:
            kind, description = found
            inner = None if get_origin(kind) is dict else next(_models(kind), None)
            allowed = description or next(_descriptions(kind), None)
            allowed = allowed or (f"an object of {', '.join(_names(inner))}" if inner else None)
            if allowed:
                return allowed
        words = words[:-1]
    return "a key of this program"


def _descriptions(annotation: Any) -> Iterator[str]:
    """What a kind inside another allows: of the kind in `kind | None`, say."""
    for part in (*getattr(annotation, "__metadata__", ()), *get_args(annotation)):
        if isinstance(part, FieldInfo) and part.description:
            yield part.description
        yield from _descriptions(part)
