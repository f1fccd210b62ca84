"""The Pulumi program: composes the components in the order in which a packet meets them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pulumi

from infra import deployed
from infra.access import Place
from infra.colors import platform as platforms
from infra.colors.cluster import Cluster
from infra.colors.platform import Change, Crew, Filling, Ground, Handover, Site
from infra.context import Context
from infra.digest import release_digest
from infra.guard import guard
from infra.load_balancer import LoadBalancer
from infra.network import Network
from infra.record import COLORS, Color, Record
from infra.refusal import Refusal, refuse
from infra.rendering import RenderingError
from infra.routing import Routing
from infra.settings import Settings, SettingsError, load
from infra.supplies import Supplies, known_secrets
from infra.watching import Watch

__all__ = ["Context", "Refusal", "release_digest", "run"]


def run(context: Context | None = None) -> None:
    """Registers the stack's resources. Raises Refusal before the first one, or not at all.

    `context` is what a driver knows of the update; a plain `pulumi up` takes it from the environment.
    """
    context = context or Context.of(os.environ)
    config = _config()
    settings = _settings(config)
    plan = deployed.plan(settings, config, context)
    known = known_secrets(settings, fills=plan.decision.fills is not None)
    record = plan.decision.record

    network = Network("network", settings)
    balancer = LoadBalancer("balancer", settings, network)
    supplies = Supplies(settings, network, plan, known)
    site = Site(
        settings,
        network.vpc,
        network.private_subnets,
        balancer.security_group.id,
        balancer=balancer.balancer.arn_suffix,
        place=Place(plan.account, plan.region),
        store=supplies.store,
        secrets=supplies.secrets,
        supplied=supplies.environment,
        behind=supplies.behind,
        cluster=Cluster("cluster", settings) if _has_tasks(settings, record) else None,
    )
    shared: list[pulumi.Resource] = [network, balancer, *supplies.parts, *((site.cluster,) if site.cluster else ())]
    grounds = _grounds(site, plan)
    supplies.admit(grounds)
    routing = Routing("routing", settings, balancer, record, _served(grounds, settings, record))
    site = replace(site, routed=(routing.production, routing.test))
    fillings = _fillings(site, plan, grounds, _retreat(plan, context.time))
    if settings.gates.alarms.enabled:
        shared.append(Watch("watch", settings, balancer.balancer.arn, _groups(grounds)))
    guard(
        settings,
        [*shared, routing],
        {f"{color}-{name}": found.resource for color, of in grounds.items() for name, found in of.items()},
        {color: (f"{color}-{record.colors[color].fill}", filling.resource) for color, filling in fillings.items()},
    )

    places = deployed.Places(
        rules={"production": routing.production.arn, "test": routing.test.arn},
        target_groups=_noted_groups(plan, grounds, settings),
        capacity=_noted_capacity(plan, fillings),
        templates=_noted_templates(plan, fillings),
        url=_noted_address(plan, "url", balancer.url),
        test_url=_noted_address(plan, "test_url", balancer.test_url),
    )
    # In a shift the record must not wait for the colors: a targeted update fails on such a dependency, and does so
    # after the rule has moved.
    colors = [filling.resource for filling in fillings.values()] if plan.decision.changes_a_color else []
    written = deployed.write(settings, plan, context, places, [routing.production, routing.test, *colors])
    pulumi.export("record", written)
    pulumi.export("url", written["url"])
    pulumi.export("testUrl", written["testUrl"])
    pulumi.export("balancerArn", balancer.balancer.arn)
    pulumi.export("balancerName", balancer.balancer.dns_name)


def _config() -> Mapping[str, Any]:
    """The stack's whole config, with the keys of all namespaces: only so can a misspelt key be found."""
    from pulumi.runtime.config import CONFIG, get_config_env

    return {**get_config_env(), **CONFIG.get()}


def _settings(config: Mapping[str, Any]) -> Settings:
    project, stack = pulumi.get_project(), pulumi.get_stack()
    try:
        settings = load(config, project, stack)
        for name in settings.platforms:
            platforms.named(name).check(settings)
        return settings
    except RenderingError as error:
        raise refuse(
            "settings",
            f"no release can be made of the settings of stack {stack}",
            str(error),
            f"bluegreen -s {stack} config validate",
        ) from None
    except SettingsError as error:
        count = len(error.problems)
        raise refuse(
            "settings",
            f"{count} setting{'s' if count > 1 else ''} of stack {stack} can't be used",
            "\n         ".join(str(problem) for problem in error.problems),
            f"bluegreen -s {stack} config validate",
        ) from error


def _grounds(site: Site, plan: deployed.Plan) -> dict[Color, dict[str, Ground]]:
    """The target group of each color on each platform, those that a release stands on included."""
    record, decision = plan.decision.record, plan.decision
    grounds: dict[Color, dict[str, Ground]] = {}
    for color in COLORS:
        slot = record.colors.get(color)
        names = dict.fromkeys((*site.settings.platforms, *((slot.platform,) if slot else ())))
        grounds[color] = {
            name: platforms.named(name).ground(
                color,
                site,
                settled=slot is not None and slot.platform == name and decision.prepares != color,
            )
            for name in names
        }
    return grounds


def _has_tasks(settings: Settings, record: Record) -> bool:
    return "fargate" in {*settings.platforms, *(slot.platform for slot in record.colors.values())}


def _groups(grounds: Mapping[Color, Mapping[str, Ground]]) -> dict[Color, dict[str, pulumi.Output[str]]]:
    return {color: {name: ground.target_group for name, ground in of.items()} for color, of in grounds.items()}


def _retreat(plan: deployed.Plan, now: datetime) -> Color | None:
    """The color that a rollback would go to, unless this update is the one that changes its floor."""
    record = plan.decision.record
    old = record.active if record.transition else record.idle if record.held(now) else None
    return None if old in plan.decision.resizes else old


def _fillings(
    site: Site, plan: deployed.Plan, grounds: Mapping[Color, Mapping[str, Ground]], retreat: Color | None
) -> dict[Color, Filling]:
    return {
        color: platforms.named(slot.platform).fill(
            color,
            slot,
            site,
            grounds[color][slot.platform],
            Change(
                anew=plan.decision.prepares == color,
                steady=color == retreat,
                handover=_handover(plan, color),
                crew=Crew(plan.crews.get(color, {}), active=color == plan.decision.record.active),
            ),
        )
        for color, slot in plan.decision.record.colors.items()
    }


def _handover(plan: deployed.Plan, color: Color) -> Handover:
    """What another release takes over from in place, or did until this update."""
    decision = plan.decision
    if color != decision.record.active:
        return Handover()
    leaving = decision.record.leaving
    return Handover(leaving, begins=leaving is not None and decision.fills == color, ends=decision.settles == color)


def _served(
    grounds: Mapping[Color, Mapping[str, Ground]], settings: Settings, record: Record
) -> dict[Color, pulumi.Output[str]]:
    """The group that the rules use for each color: its release's platform, else the settings' first."""
    chosen = {color: slot.platform for color, slot in record.colors.items()}
    return {color: grounds[color][chosen.get(color, settings.platforms[0])].target_group for color in COLORS}


def _noted_groups(
    plan: deployed.Plan, grounds: Mapping[Color, Mapping[str, Ground]], settings: Settings
) -> dict[Color, dict[str, pulumi.Input[str]]]:
    """ARNs by color and platform. A shift may be targeted: it notes of the others what is noted already."""
    noted: dict[Color, dict[str, pulumi.Input[str]]] = {}
    for color, of in grounds.items():
        slot = plan.decision.record.colors.get(color)
        served = slot.platform if slot else settings.platforms[0]
        known = plan.deployed.target_groups.get(color, {}) if plan.deployed else {}
        if plan.decision.moves_only_traffic and known:
            noted[color] = {**known, served: of[served].target_group}
        else:
            noted[color] = {name: ground.target_group for name, ground in of.items()}
    return noted


def _noted_address(plan: deployed.Plan, name: str, found: pulumi.Output[str]) -> pulumi.Input[str]:
    """A shift changes no listener: what settings have become since is not true before their own update."""
    known = getattr(plan.deployed, name) if plan.deployed and plan.decision.moves_only_traffic else ""
    return known or found


def _noted_templates(
    plan: deployed.Plan, fillings: Mapping[Color, Filling]
) -> Mapping[Color, Mapping[str, pulumi.Input[str]]]:
    known = plan.deployed.templates if plan.deployed and plan.decision.moves_only_traffic else {}
    return {color: known.get(color, filling.templates) for color, filling in fillings.items()}


def _noted_capacity(plan: deployed.Plan, fillings: Mapping[Color, Filling]) -> dict[Color, pulumi.Input[str]]:
    known = plan.deployed.capacity if plan.deployed and plan.decision.moves_only_traffic else {}
    return {color: known.get(color, filling.capacity) for color, filling in fillings.items()}
