"""The deployed record: read and decided on before anything is registered, written after everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import names, stored
from infra.context import Context
from infra.decision import Decision, Refused, Terms, decide, unfinished
from infra.digest import release_digest
from infra.record import (
    COLORS,
    WHO_LONGEST,
    WHY_LONGEST,
    Color,
    Deployed,
    Record,
    Release,
    Slot,
    deployed_data,
    shortened,
    stamp,
)
from infra.refusal import Refusal, refuse
from infra.registry import resolved
from infra.setting_models import PLATFORMS
from infra.settings import Settings
from infra.steps import Kind

# A standard parameter's limit in bytes (SSM PutParameter).
LIMIT = 4096
# Bytes that places may have at the most, made up of AWS's own limits on names (32 characters for those of balancers
# and target groups) and ids: ARNs of rules and of target groups, what holds capacity, a balancer's own address.
_RULE, _GROUP, _CAPACITY, _DNS = 200, 150, 80, 130
# A version of a launch template (`lt-` and 17 digits), and a task definition's ARN without its family.
_VERSION, _DEFINITION = 30, 80
_WHY_LEAST = 60
"""A reason is cut down to this before a record is refused for its length."""


@dataclass(frozen=True)
class Plan:
    """What is deployed, what this update makes of it, and where."""

    deployed: Deployed | None
    decision: Decision
    account: str
    region: str
    crews: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Workers that are services of their own, as the record notes them."""


def plan(settings: Settings, config: Mapping[str, Any], context: Context) -> Plan:
    """Reads, decides and warns. Raises Refusal."""
    deployed, intent = stored.parameters(settings)
    copy = stored.config_copy(config, settings)
    account, region = aws.get_caller_identity().account_id, aws.get_region().region
    if deployed:
        _check_origin(settings, deployed, account, region)

    def first_release() -> Release:
        image = resolved(settings.image, account, region, made_here=settings.registry.create)
        platform = settings.platforms[0]
        return Release(platform, image, release_digest(settings, platform, image))

    terms = Terms(
        stack=settings.stack,
        now=context.time,
        hold=timedelta(seconds=settings.hold),
        floor=settings.fleet(settings.platforms[0]).min,
        platforms=settings.platforms,
        first_release=first_release,
        digest=lambda platform, image: release_digest(settings, platform, image),
        balancer=deployed is None and stored.balancer_exists(settings),
        finish_first=context.finish_first,
    )
    answer = decide(deployed, intent, copy, terms)
    if isinstance(answer, Decision) and answer.adopted and deployed:
        answer = unfinished(answer, stored.live_weights(deployed), terms) or answer
    if isinstance(answer, Refused):
        raise Refusal(answer)
    _check_platforms(settings, answer)
    for warning in answer.warnings:
        pulumi.log.warn(warning)
    if pending := _pending(settings, answer):
        pulumi.log.info(f"settings changed: goes out with the next deploy ({' and '.join(pending)} stay as they are)")
    made = Plan(deployed, answer, account, region, _crews(settings, answer, deployed))
    noted = _noted(settings, made, context)
    if _widest(settings, noted) > LIMIT:
        raise refuse(
            "record-too-long",
            f"the record would take more than the {LIMIT} bytes that its parameter holds",
            f"without names and addresses it takes {_length(noted)} already; transition.asked and workers can grow",
            f"bluegreen -s {settings.stack} status",
        )
    return made


def _crews(
    settings: Settings, decision: Decision, was: Deployed | None
) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Which workers there are belongs to a release: a new one has those of the settings, any other those it was made
    with. On Compose they come with each instance."""
    crews: dict[str, Mapping[str, Mapping[str, int]]] = {}
    for color, slot in decision.record.colors.items():
        if slot.platform != "fargate":
            continue
        known = was.workers.get(color, {}) if was else {}
        of = {digest: known.get(digest, {}) for digest in _releases(decision.record, color)}
        if decision.fills == color:
            of[slot.digest] = {one.name: one.count for one in settings.workers}
        crews |= {color: {digest: crew for digest, crew in of.items() if crew}} if any(of.values()) else {}
    return crews


def _check_origin(settings: Settings, deployed: Deployed, account: str, region: str) -> None:
    if deployed.account in ("", account) and deployed.region in ("", region):
        return
    raise refuse(
        "foreign-record",
        f"the deployed record is of account {deployed.account} in {deployed.region}, "
        f"these credentials are of {account} in {region}",
        f"{stored.folder(settings)}/record was copied there from elsewhere",
        "$ aws sts get-caller-identity",
        f"bluegreen -s {settings.stack} status",
    )


def _pending(settings: Settings, decision: Decision) -> list[Color]:
    """The filled colors that today's settings would render otherwise, in an update that changes nothing else."""
    return [
        color
        for color, slot in decision.record.colors.items()
        if decision.kind is Kind.SAME
        and slot.filled
        and release_digest(settings, slot.platform, slot.image) != slot.digest
    ]


def _check_platforms(settings: Settings, decision: Decision) -> None:
    strange = sorted({slot.platform for slot in decision.record.colors.values()} - set(PLATFORMS))
    if strange:
        raise refuse(
            "unknown-platform",
            f"the record holds a release on {' and '.join(strange)}, which this version of the program can't make",
            "a newer version deployed it; to go on with this one would take the release away",
            f"bluegreen -s {settings.stack} status",
        )


@dataclass(frozen=True)
class Places:
    """What the record notes of the resources, as they are after this update."""

    rules: Mapping[str, pulumi.Input[str]]
    target_groups: Mapping[Color, Mapping[str, pulumi.Input[str]]]
    capacity: Mapping[Color, pulumi.Input[str]]
    templates: Mapping[Color, Mapping[str, pulumi.Input[str]]]
    url: pulumi.Input[str]
    test_url: pulumi.Input[str]


def write(
    settings: Settings, chosen: Plan, context: Context, places: Places, after: Sequence[pulumi.Resource]
) -> pulumi.Output[dict[str, Any]]:
    """Registers the record's parameter behind the resources `after`; returns the record as it lies there."""
    record = _noted(settings, chosen, context)
    text = pulumi.Output.all(
        rules=dict(places.rules),
        groups={color: dict(groups) for color, groups in places.target_groups.items()},
        capacity=dict(places.capacity),
        templates={color: dict(of) for color, of in places.templates.items()},
        url=places.url,
        test_url=places.test_url,
    ).apply(
        lambda found: _text(
            replace(
                record,
                rules=found["rules"],
                target_groups=found["groups"],
                capacity=found["capacity"],
                templates=found["templates"],
                url=found["url"],
                test_url=found["test_url"],
            )
        )
    )
    parameter = aws.ssm.Parameter(
        "record",
        name=f"{stored.folder(settings)}/record",
        type=aws.ssm.ParameterType.STRING,
        insecure_value=text,
        # An update that was killed while it created the parameter left one behind.
        overwrite=True,
        description="The release record: what serves, what stands by. Written by bluegreen; its versions are a history",
        tags=settings.own_tags,
        opts=pulumi.ResourceOptions(depends_on=list(after), protect=settings.protect),
    )
    return parameter.insecure_value.apply(lambda value: json.loads(value or "{}"))


def _noted(settings: Settings, chosen: Plan, context: Context) -> Deployed:
    """The next record without its places; the one that is there where nothing changes, by whom and when included."""
    decision, was = chosen.decision, chosen.deployed
    who, when, why = shortened(context.who, WHO_LONGEST), stamp(context.time), shortened(context.why, WHY_LONGEST)
    if was is not None and decision.generation == was.generation:
        who, when, why = was.who, was.when, was.why
    noted = Deployed(
        record=decision.record,
        generation=decision.generation,
        account=chosen.account,
        region=chosen.region,
        workers=chosen.crews,
        who=who,
        when=when,
        why=why,
    )
    over = _widest(settings, noted) - LIMIT
    return noted if over <= 0 else replace(noted, why=shortened(why, max(_WHY_LEAST, len(why.encode()) - over)))


def _widest(settings: Settings, noted: Deployed) -> int:
    """Bytes of the record's text with places as long as they can be."""
    balancer = settings.balancer
    address = "x" * (len("https://:65535") + max(_DNS, len(balancer.host or "")) + len(balancer.path))
    platforms = {*settings.platforms, *(slot.platform for slot in noted.record.colors.values())}
    return _length(
        replace(
            noted,
            rules=dict.fromkeys(("production", "test"), "x" * _RULE),
            target_groups={color: dict.fromkeys(platforms, "x" * _GROUP) for color in COLORS},
            capacity=dict.fromkeys(noted.record.colors, "x" * _CAPACITY),
            templates={
                color: dict.fromkeys(_releases(noted.record, color), "x" * _template(settings, color, slot))
                for color, slot in noted.record.colors.items()
            },
            url=address,
            test_url=address,
        )
    )


def _releases(record: Record, color: Color) -> tuple[str, ...]:
    """Digests of all that a color is made of: two while one takes over from the other in place."""
    leaving = record.leaving if color == record.active else None
    return (record.colors[color].digest, *([leaving.digest] if leaving else []))


def _template(settings: Settings, color: Color, slot: Slot) -> int:
    return _DEFINITION + len(names.family(settings, color, slot)) if slot.platform == "fargate" else _VERSION


def _length(deployed: Deployed) -> int:
    return len(_text(deployed).encode())


def _text(deployed: Deployed) -> str:
    return json.dumps(deployed_data(deployed), separators=(",", ":"), ensure_ascii=False)
