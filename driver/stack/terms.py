"""Settings -> what the driver goes by. Pure; imports no Pulumi."""

from __future__ import annotations

import shlex

from driver.release.news import Notify
from driver.release.terms import Alarms, Command, Requests, Smoke, Strategy, Terms
from infra.alarm_names import alarm_names
from infra.record import PLATFORMS
from infra.setting_compose import architecture
from infra.setting_models import PLATFORMS as IN_USE
from infra.setting_release import BAKES, WEIGHTS, Name
from infra.settings import Settings

_PERIOD = 60
"""Seconds: the shortest one that a balancer's metrics have."""
_LATE = 60
"""Seconds until a balancer's metrics of a minute are there, at the most."""
_PATIENCE = 1800
"""Seconds that a bake is extended to by default, to see enough requests."""


def terms(settings: Settings) -> Terms:
    """What the settings say about releases."""
    chosen = settings.promotion
    return Terms(
        hold=settings.hold,
        least=settings.compose.min,
        most=settings.compose.max,
        platforms=tuple(settings.platforms),
        strategy=_strategy(settings, chosen.strategy),
        strategies={name: _strategy(settings, name) for name in BAKES if name != "weights" or chosen.weights},
        smoke=tuple(Smoke(one.path, one.status, one.body) for one in settings.gates.smoke),
        command=_command(settings),
        alarms=_alarms(settings),
        requests=_requests(settings),
        carries={name: settings.fleet(name).carries for name in IN_USE},
        bounds={name: (settings.fleet(name).min, settings.fleet(name).max) for name in IN_USE},
        settles=settings.health_check.interval * settings.health_check.healthy + settings.health_check.timeout,
        port=settings.port,
        run=tuple(shlex.split(settings.run)),
        architectures={
            "compose": architecture(settings.compose.instance_type),
            "fargate": settings.fargate.architecture,
        },
    )


def notify(settings: Settings) -> Notify:
    """Who is told of transitions."""
    told = settings.notify
    return Notify(told.topic or "", told.webhook or "", told.chat or "")


def _strategy(settings: Settings, name: Name) -> Strategy:
    """The bake that is set belongs to the strategy that is set beside it; any other keeps its own."""
    chosen = settings.promotion
    weights = WEIGHTS.get(name, chosen.weights)
    return Strategy(name, weights, chosen.seconds if name == chosen.strategy else BAKES[name])


def _command(settings: Settings) -> Command | None:
    command = settings.gates.command
    return Command(tuple(shlex.split(command.run)), command.timeout) if command.run else None


def _alarms(settings: Settings) -> Alarms:
    asked = settings.gates.alarms
    return Alarms(
        # Of every platform: a release may stand on one that the settings no longer list, and its alarms with it.
        own=alarm_names(settings.project, settings.stack, PLATFORMS) if asked.enabled else {},
        also=asked.also,
        missing=asked.missing,
        no_data=asked.no_data,
        sight=_PERIOD * asked.periods + _LATE if asked.enabled else 0,
    )


def _requests(settings: Settings) -> Requests:
    asked = settings.gates.requests
    most = max(_PATIENCE, settings.promotion.seconds) if asked.max_bake is None else asked.max_bake
    return Requests(asked.least, asked.otherwise, most)
