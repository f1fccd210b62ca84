"""The release record: what serves, what stands by, how far a transition has come. Pure values; imports no Pulumi.

The words are those of `docs/architecture.md`. A record exists in two places: as config keys under `bluegreen:` (the
wish) and, with generation and ARNs, as the SSM parameter `/bluegreen/<project>/<stack>/record` (the truth).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.record_reading import NewerRecord, Reader, RecordError
from infra.record_values import (
    COLORS,
    PLATFORMS,
    SERVICE,
    STANDINGS,
    Color,
    Deployed,
    Intent,
    Record,
    Release,
    Slot,
    Standing,
    Transition,
    instant,
    other,
    precise,
    stamp,
    weights,
    worker_service,
)

__all__ = [
    "COLORS",
    "PLATFORMS",
    "RECORD_KEYS",
    "SCHEMA",
    "SERVICE",
    "STANDINGS",
    "WHO_LONGEST",
    "WHY_LONGEST",
    "Color",
    "Deployed",
    "Intent",
    "NewerRecord",
    "Record",
    "RecordError",
    "Release",
    "Slot",
    "Standing",
    "Transition",
    "basis",
    "deployed_data",
    "digest",
    "from_data",
    "instant",
    "intent_text",
    "other",
    "parse_basis",
    "parse_deployed",
    "parse_intent",
    "precise",
    "same_wish",
    "shortened",
    "stamp",
    "to_data",
    "weights",
    "worker_service",
]

SCHEMA = 1
RECORD_KEYS = ("activeColor", "standby", "colors", "transition", "heldUntil", "basedOn")
WHO_LONGEST, WHY_LONGEST = 120, 360
"""Bytes of who and why that are kept."""

_BASIS = re.compile(r"g(\d+)-([0-9a-f]{6})")


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
    return Reader(where).record(data)


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
        **({"templates": {color: dict(of) for color, of in deployed.templates.items()}} if deployed.templates else {}),
        **({"workers": deployed.workers} if deployed.workers else {}),
        "url": deployed.url,
        "testUrl": deployed.test_url,
        "who": deployed.who,
        "when": deployed.when,
        "why": deployed.why,
    }


def parse_deployed(text: str) -> Deployed:
    """The deployed record from the parameter's value. Raises RecordError for anything but a whole record."""
    data = _object(text, "the deployed record")
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerRecord([f"schema: {schema} is of a later version of bluegreen (this one knows {SCHEMA})"])
    if schema != SCHEMA:
        raise RecordError([f"schema: {data.get('schema')!r} is not one this version knows (it knows {SCHEMA})"])
    reader = Reader("")
    generation = reader.number(data, "generation", least=1)
    record = reader.record(data)
    groups, templates = data.get("targetGroups", {}), data.get("templates", {})
    if not isinstance(groups, dict) or not all(isinstance(of, dict) and of for of in groups.values()):
        raise RecordError(["targetGroups: not ARNs by color and platform"])
    if not isinstance(templates, dict) or not all(isinstance(of, dict) for of in templates.values()):
        raise RecordError(["templates: not names by color and release"])
    return Deployed(
        record=record,
        generation=generation,
        rules=_texts(data, "rules"),
        target_groups={color: {name: str(arn) for name, arn in of.items()} for color, of in groups.items()},
        capacity=_texts(data, "capacity"),
        # Records of earlier versions have none of these.
        templates={color: {name: str(value) for name, value in of.items()} for color, of in templates.items()},
        workers=_workers(data.get("workers", {})),
        test_url=str(data.get("testUrl", "")),
        **{key: str(data.get(key, "")) for key in ("account", "region", "url", "who", "when", "why")},
    )


def intent_text(intent: Intent) -> str:
    """The intent as the parameter's value. A gate may give its reason at length: it is cut as the record's is."""
    who, why = shortened(intent.who, WHO_LONGEST), shortened(intent.why, WHY_LONGEST)
    head = {"schema": SCHEMA, "generation": intent.generation, "who": who, "when": intent.when, "why": why}
    return json.dumps({**head, "record": to_data(intent.record)}, separators=(",", ":"), ensure_ascii=False)


def shortened(text: str, longest: int) -> str:
    """A text of at most so many bytes: the record has to fit, and a commit message may be a long one."""
    raw = text.encode(errors="replace")  # an argument of the command line may be no text
    return raw.decode() if len(raw) <= longest else raw[: longest - 3].decode(errors="ignore") + "…"


def parse_intent(text: str) -> Intent:
    """The inverse of `intent_text`. Raises RecordError."""
    data = _object(text, "the intent")
    reader = Reader("intent.")
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


def _workers(found: Any) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by color, digest and name. Raises RecordError."""
    try:
        counts = {
            str(color): {
                str(digest): {str(name): int(count) for name, count in crew.items()} for digest, crew in of.items()
            }
            for color, of in found.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise RecordError(["workers: not numbers by color, release and name"]) from None
    return counts


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
