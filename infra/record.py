"""The release record: what serves, what stands by, how far a transition has come. Pure values; imports no Pulumi.

The words are those of `docs/architecture.md`. A record exists in two places: as config keys under `bluegreen:` (the
wish) and, with generation and ARNs, as the SSM parameter `/bluegreen/<project>/<stack>/record` (the truth).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, cast

SCHEMA = 1
COLORS: tuple[Color, Color] = ("blue", "green")
PLATFORMS = ("compose", "fargate", "eks")
STANDINGS: tuple[Standing, ...] = ("candidate", "previous", "rejected", "empty")
RECORD_KEYS = ("activeColor", "standby", "colors", "transition", "heldUntil", "basedOn")

Color: TypeAlias = Literal["blue", "green"]
Standing: TypeAlias = Literal["candidate", "previous", "rejected", "empty"]

_BASIS = re.compile(r"g(\d+)-([0-9a-f]{6})")


class RecordError(ValueError):
    """A record that cannot be read. `problems` has one line for each fault, each with the key it was found at."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Release:
    """What a color runs: the platform, the image by digest, the digest of everything rendered for it."""

    platform: str
    image: str
    digest: str


@dataclass(frozen=True)
class Slot:
    """A color's release, the generation that filled it, and the capacity below which its scaler may not go."""

    platform: str
    image: str
    digest: str
    fill: int
    floor: int

    @property
    def release(self) -> Release:
        return Release(self.platform, self.image, self.digest)

    @property
    def filled(self) -> bool:
        return self.floor > 0


@dataclass(frozen=True)
class Transition:
    """A change that is under way. `weight` is the standby's share in percent (a shift), 0 for an in-place one."""

    kind: Literal["shift", "in-place"]
    weight: int
    step: int
    since: str
    step_since: str
    paused: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)
    source: Release | None = None
    """The release that an in-place transition started from (`from` in the document)."""


@dataclass(frozen=True)
class Record:
    """The wish or the truth, without the bookkeeping. Colors that never had a release are absent from `colors`."""

    active: Color
    standby: Standing
    colors: Mapping[Color, Slot]
    transition: Transition | None = None
    held_until: str | None = None

    @property
    def idle(self) -> Color:
        return other(self.active)

    @property
    def active_slot(self) -> Slot:
        return self.colors[self.active]

    @property
    def standby_slot(self) -> Slot | None:
        return self.colors.get(self.idle)

    def held(self, now: datetime) -> bool:
        """Whether the hold on the old color is still running."""
        return self.held_until is not None and instant(self.held_until) > now


@dataclass(frozen=True)
class Deployed:
    """The record as it lies in the parameter store, with its generation and the ARNs it speaks of."""

    record: Record
    generation: int
    account: str = ""
    region: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    """ARNs of the listener rules: `production` and `test`."""
    target_groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """ARN by color and platform."""
    capacity: Mapping[str, str] = field(default_factory=dict)
    """By color, the name of what holds its capacity: the scaling group of `compose`."""
    url: str = ""
    who: str = ""
    when: str = ""
    why: str = ""

    @property
    def basis(self) -> str:
        return basis(self.generation, self.record)

    def target_group(self, color: Color) -> str:
        """ARN of the group that the rules use for this color: its release's platform, else the only or first one."""
        groups = self.target_groups[color]
        slot = self.record.colors.get(color)
        return groups[slot.platform] if slot and slot.platform in groups else next(iter(groups.values()))


@dataclass(frozen=True)
class Intent:
    """The next record, decided by a rollback and not yet written by the stack. Valid on one generation only."""

    generation: int
    record: Record
    who: str = ""
    when: str = ""
    why: str = ""


def other(color: Color) -> Color:
    """The other color."""
    return "green" if color == "blue" else "blue"


def weights(record: Record) -> dict[Color, int]:
    """Percent of the traffic by color, in fixed order. Derived from the record, never stored in it."""
    share = record.transition.weight if record.transition and record.transition.kind == "shift" else 0
    mine = {record.active: 100 - share, record.idle: share}
    return {color: mine[color] for color in COLORS}


def instant(text: str) -> datetime:
    """A time of the record (ISO 8601, UTC). Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """A time as the record writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_data(record: Record) -> dict[str, Any]:
    """The record as JSON values under its config keys (without `basedOn`); absent parts are left out."""
    data: dict[str, Any] = {
        "activeColor": record.active,
        "standby": record.standby,
        "colors": {color: _slot_data(record.colors[color]) for color in COLORS if color in record.colors},
    }
    if record.transition is not None:
        data["transition"] = _transition_data(record.transition)
    if record.held_until is not None:
        data["heldUntil"] = record.held_until
    return data


def from_data(data: Mapping[str, Any], *, where: str = "") -> Record:
    """The inverse of `to_data`. Numbers may come as text, as a config file edited by hand has them.

    `where` stands before each key in the faults that `RecordError` lists.
    """
    return _Reader(where).record(data)


def digest(record: Record) -> str:
    """Six hex digits over the canonical JSON of schema and record, types normalised."""
    canonical = json.dumps({"schema": SCHEMA, **to_data(record)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:6]


def basis(generation: int, record: Record) -> str:
    """What a config copy is based on, e.g. `g12-3fa9c1`. The letter keeps YAML from reading it as a number."""
    return f"g{generation}-{digest(record)}"


def parse_basis(text: str) -> tuple[int, str]:
    """Generation and digest of a `basedOn`. Raises RecordError."""
    match = _BASIS.fullmatch(str(text))
    if not match:
        raise RecordError([f"basedOn: {text!r} is not of the form g12-3fa9c1"])
    return int(match[1]), match[2]


def same_wish(one: Record, two: Record) -> bool:
    """Whether two records ask for the same thing: `standby` and `heldUntil` are conclusions, not wishes."""
    plain = {"standby": "empty", "held_until": None}
    return replace(one, **plain) == replace(two, **plain)  # type: ignore[arg-type]


def deployed_data(deployed: Deployed) -> dict[str, Any]:
    """The deployed record as JSON values, in the order people read it."""
    return {
        "schema": SCHEMA,
        "generation": deployed.generation,
        **to_data(deployed.record),
        "account": deployed.account,
        "region": deployed.region,
        "rules": dict(deployed.rules),
        "targetGroups": {color: dict(groups) for color, groups in deployed.target_groups.items()},
        "capacity": dict(deployed.capacity),
        "url": deployed.url,
        "who": deployed.who,
        "when": deployed.when,
        "why": deployed.why,
    }


def parse_deployed(text: str) -> Deployed:
    """The deployed record from the parameter's value. Raises RecordError for anything but a whole record."""
    data = _object(text, "the deployed record")
    if data.get("schema") != SCHEMA:
        raise RecordError([f"schema: {data.get('schema')!r} is not one this version knows (it knows {SCHEMA})"])
    reader = _Reader("")
    generation = reader.number(data, "generation", least=1)
    record = reader.record(data)
    groups = data.get("targetGroups", {})
    if not isinstance(groups, dict) or not all(isinstance(of, dict) and of for of in groups.values()):
        raise RecordError(["targetGroups: not ARNs by color and platform"])
    return Deployed(
        record=record,
        generation=generation,
        rules=_texts(data, "rules"),
        target_groups={color: {name: str(arn) for name, arn in of.items()} for color, of in groups.items()},
        capacity=_texts(data, "capacity"),
        **{key: str(data.get(key, "")) for key in ("account", "region", "url", "who", "when", "why")},
    )


def intent_text(intent: Intent) -> str:
    """The intent as the parameter's value."""
    head = {"schema": SCHEMA, "generation": intent.generation, "who": intent.who, "when": intent.when}
    return json.dumps({**head, "why": intent.why, "record": to_data(intent.record)}, separators=(",", ":"))


def parse_intent(text: str) -> Intent:
    """The inverse of `intent_text`. Raises RecordError."""
    data = _object(text, "the intent")
    reader = _Reader("intent.")
    generation = reader.number(data, "generation", least=1)
    record = data.get("record")
    if not isinstance(record, dict):
        raise RecordError(["intent.record: missing"])
    who, when, why = (str(data.get(key, "")) for key in ("who", "when", "why"))
    return Intent(generation, reader.record(record), who, when, why)


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise RecordError([f"{what} is not JSON: {error}"]) from None
    if not isinstance(data, dict):
        raise RecordError([f"{what} is not an object"])
    return data


def _texts(data: Mapping[str, Any], key: str) -> dict[str, str]:
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise RecordError([f"{key}: not a mapping"])
    return {str(name): str(value) for name, value in found.items()}


def _slot_data(slot: Slot) -> dict[str, Any]:
    return {
        "platform": slot.platform,
        "image": slot.image,
        "digest": slot.digest,
        "fill": slot.fill,
        "floor": slot.floor,
    }


def _transition_data(transition: Transition) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": transition.kind,
        "weight": transition.weight,
        "step": transition.step,
        "since": transition.since,
        "stepSince": transition.step_since,
        "paused": transition.paused,
    }
    if transition.asked:
        data["asked"] = dict(transition.asked)
    if transition.source is not None:
        source = transition.source
        data["from"] = {"platform": source.platform, "image": source.image, "digest": source.digest}
    return data


class _Reader:
    """Reads a record's parts and gathers every fault before it raises."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[str] = []

    def record(self, data: Mapping[str, Any]) -> Record:
        active = self.word(data, "activeColor", COLORS)
        colors = dict(self.slots(data.get("colors")))
        standby = self.word(data, "standby", STANDINGS, default="candidate" if len(colors) > 1 else "empty")
        transition = self.transition(data["transition"]) if data.get("transition") else None
        held = self.moment(data, "heldUntil") if data.get("heldUntil") else None
        if active in COLORS and active not in colors and not self.problems:
            self.fault("colors", f"the active color {active} has no release")
        if self.problems:
            raise RecordError(self.problems)
        return Record(cast(Color, active), cast(Standing, standby), colors, transition, held)

    def fault(self, key: str, reason: str) -> None:
        self.problems.append(f"{self.where}{key}: {reason}")

    def word(self, data: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        found = data.get(key, default)
        if found not in allowed:
            self.fault(key, f"{found!r} is not one of {', '.join(allowed)}")
        return str(found)

    def text(self, data: Mapping[str, Any], key: str) -> str:
        found = data.get(key)
        if not isinstance(found, str | int) or not str(found):
            self.fault(key, "missing" if found is None else f"{found!r} is not text")
        return str(found)

    def number(self, data: Mapping[str, Any], key: str, *, least: int = 0, most: int | None = None) -> int:
        found = data.get(key)
        number = _whole(found)
        if number is None or number < least or (most is not None and number > most):
            upper = f" to {most}" if most is not None else " or more"
            self.fault(key, f"{found!r} is not a whole number, {least}{upper}")
            return least
        return number

    def moment(self, data: Mapping[str, Any], key: str) -> str:
        found = data.get(key)
        try:
            return stamp(found if isinstance(found, datetime) else instant(str(found)))
        except ValueError:
            self.fault(key, f"{found!r} is not a time such as 2026-01-31T12:00:00Z")
            return ""

    def slots(self, data: Any) -> Iterator[tuple[Color, Slot]]:
        if not isinstance(data, Mapping) or not data:
            self.fault("colors", "missing" if data is None else f"{data!r} is not a mapping of blue and green")
            return
        for color, value in data.items():
            inner = _Reader(f"{self.where}colors.{color}.")
            if color not in COLORS:
                self.fault("colors", f"{color!r} is neither blue nor green")
            elif not isinstance(value, Mapping):
                self.fault(f"colors.{color}", f"{value!r} is not a release")
            else:
                fill, floor = inner.number(value, "fill", least=1), inner.number(value, "floor")
                yield color, Slot(*inner.release(value), fill, floor)
            self.problems += inner.problems

    def release(self, data: Mapping[str, Any]) -> tuple[str, str, str]:
        return self.word(data, "platform", PLATFORMS), self.text(data, "image"), self.text(data, "digest")

    def transition(self, data: Any) -> Transition | None:
        if not isinstance(data, Mapping):
            self.fault("transition", f"{data!r} is not a mapping")
            return None
        inner = _Reader(f"{self.where}transition.")
        kind = inner.word(data, "kind", ("shift", "in-place"))
        asked = data.get("asked") or {}
        source = data.get("from")
        if not isinstance(asked, Mapping):
            inner.fault("asked", f"{asked!r} is not a mapping")
        if source is not None and not isinstance(source, Mapping):
            inner.fault("from", f"{source!r} is not a release")
        paused = data.get("paused", False)
        found = Transition(
            kind=cast(Literal["shift", "in-place"], kind),
            weight=inner.number(data, "weight", most=100),
            step=inner.number(data, "step"),
            since=inner.moment(data, "since"),
            step_since=inner.moment(data, "stepSince"),
            paused=paused is True or str(paused).lower() == "true",
            asked=dict(asked) if isinstance(asked, Mapping) else {},
            source=Release(*inner.release(source)) if isinstance(source, Mapping) else None,
        )
        self.problems += inner.problems
        return found


def _whole(found: Any) -> int | None:
    """A whole number from a number or its text; None for anything else, booleans included."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        exact = float(found)
    except ValueError:
        return None
    return int(exact) if exact.is_integer() else None
