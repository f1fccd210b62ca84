"""A stack's settings and a release, as what a Compose instance is rendered from. Pure; imports no Pulumi."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from infra.compose_release import ComposeRelease, Plugin, Secret, Worker
from infra.setting_compose import Compose, architecture
from infra.settings import Settings

_UNAME = {"x86_64": "x86_64", "arm64": "aarch64"}
# The app's part of the time that its instance has to boot; installing and pulling come before it.
_APPS_PART = 2
_READY_SECONDS = 300


def composed(
    settings: Settings,
    *,
    color: str = "",
    fill: int = 0,
    release: str = "",
    image: str = "",
    supplied: Mapping[str, str] | None = None,
) -> ComposeRelease:
    """What a release's bundle is made from. `supplied`: variables from the stack's own resources.

    Without a release it holds what all of them are made from today: a release's digest is taken over that.
    """
    chosen = settings.compose
    own = {} if chosen.nginx is None else {"proxy_image": chosen.nginx}
    return ComposeRelease(
        service=settings.project,
        stack=settings.stack,
        color=color,
        fill=fill,
        release=release,
        image=image,
        app_port=settings.port,
        health_path=settings.health_check.path,
        replicas=chosen.replicas,
        stop_grace=settings.stop_grace,
        idle_timeout=settings.balancer.idle_timeout,
        matcher=settings.health_check.matcher,
        ready_seconds=min(_READY_SECONDS, chosen.boot_timeout // _APPS_PART),
        plugin=_plugin(chosen),
        environment={**settings.environment, **(supplied or {})},
        secrets=tuple(Secret(name, one.secret, one.key or "") for name, one in sorted(settings.all_secrets.items())),
        workers=tuple(Worker(one.name, tuple(shlex.split(one.command))) for one in settings.workers),
        **own,
    )


def _plugin(chosen: Compose) -> Plugin:
    mirror = chosen.mirror or ""
    if chosen.compose_version is None or chosen.compose_checksum is None:
        return Plugin(mirror=mirror)
    return Plugin(
        version=chosen.compose_version,
        sums={_UNAME[architecture(chosen.instance_type)]: chosen.compose_checksum},
        mirror=mirror,
    )
