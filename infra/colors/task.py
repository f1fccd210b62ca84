"""A stack's settings and a release, as a container definition. Pure; imports no Pulumi."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from infra import names
from infra.record import Color
from infra.rendering import RenderingError
from infra.setting_content import Worker
from infra.settings import Settings

CONTAINER = "app"
CPU = {"x86_64": "X86_64", "arm64": "ARM64"}
"""As a task definition names processors."""
_STOP_GRACE = 30
_LARGEST = 64 * 1024
"""Bytes of a task definition (ECS quotas)."""
_SPARE = 8 * 1024
"""Bytes for what is known only when a release is made: roles, addresses, ARNs of secrets."""


def containers(
    settings: Settings,
    *,
    color: Color | None = None,
    fill: int = 0,
    release: str = "",
    image: str = "",
    region: str = "",
    secrets: Mapping[str, str] | None = None,
    supplied: Mapping[str, str] | None = None,
    worker: Worker | None = None,
) -> str:
    """The container definitions, as JSON that is the same for the same release.

    `secrets`: ARN by the name that the settings use. Without a release it holds what all of them are made from today:
    a release's digest is taken over that. `worker`: the same container for a worker in place of the app.
    """
    chosen = settings.fargate
    own: dict[str, Any] = {
        "name": CONTAINER if worker is None else worker.name,
        "image": image,
        "essential": True,
        "environment": [
            {"name": name, "value": value}
            for name, value in sorted(_environment(settings, color, fill, release, image, supplied or {}).items())
        ],
        "secrets": [
            {"name": name, "valueFrom": _source((secrets or {}).get(one.secret, one.secret), one.key)}
            for name, one in sorted(settings.all_secrets.items())
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": names.log_group(settings, color) if color else "",
                "awslogs-region": region,
                "awslogs-stream-prefix": str(fill),
                # Without it an outage of the log service stops the app at its next line; with it lines are lost.
                "mode": "non-blocking",
                "max-buffer-size": "8m",
            },
        },
        "linuxParameters": {
            # An init process passes the stop signal on and reaps children.
            "initProcessEnabled": True,
            # The agent of ECS Exec runs in the container and needs some.
            **({} if chosen.exec else {"capabilities": {"drop": ["ALL"]}}),
        },
        "readonlyRootFilesystem": chosen.read_only,
        "mountPoints": [
            {"sourceVolume": volume, "containerPath": path, "readOnly": False}
            for volume, path in zip(volumes(settings), chosen.writable, strict=False)
        ],
        "stopTimeout": chosen.stop_grace or _STOP_GRACE,
    }
    if chosen.user is not None:
        own["user"] = chosen.user
    if worker is not None:
        # Nobody asks a worker anything: it is well for as long as it runs.
        own["command"] = shlex.split(worker.command)
        return _text(own)
    own["portMappings"] = [{"containerPort": settings.port, "hostPort": settings.port, "protocol": "tcp"}]
    if chosen.health_check.enabled:
        own["healthCheck"] = _health_check(settings)
    return _text(own)


def _text(container: Mapping[str, Any]) -> str:
    return json.dumps([container], sort_keys=True, separators=(",", ":"))


def volumes(settings: Settings) -> tuple[str, ...]:
    """Names of the empty volumes that a read-only container may write to; they go with the task."""
    chosen = settings.fargate
    return tuple(f"writable-{number}" for number in range(len(chosen.writable))) if chosen.read_only else ()


def check(settings: Settings) -> None:
    """Raises RenderingError where ECS would not take the definition."""
    size = max(len(containers(settings, worker=worker).encode()) for worker in (None, *settings.workers))
    if size > _LARGEST - _SPARE:
        raise RenderingError(
            f"environment and secrets make a task definition of {size} bytes; ECS takes {_LARGEST}, of which "
            f"{_SPARE} are kept for ARNs and addresses"
        )


def _environment(
    settings: Settings, color: Color | None, fill: int, release: str, image: str, supplied: Mapping[str, str]
) -> dict[str, str]:
    return {
        **settings.environment,
        **supplied,
        "PORT": str(settings.port),
        "BLUEGREEN_SERVICE": settings.project,
        "BLUEGREEN_STACK": settings.stack,
        "BLUEGREEN_COLOR": color or "",
        "BLUEGREEN_FILL": str(fill),
        "BLUEGREEN_RELEASE": release,
        "BLUEGREEN_IMAGE": image,
        "BLUEGREEN_PORT": str(settings.port),
        "BLUEGREEN_HEALTH_PATH": settings.health_check.path,
    }


def _source(arn: str, key: str | None) -> str:
    """ECS's form: behind the ARN a key of the JSON, a stage and a version, the last two empty for the current one."""
    return f"{arn}:{key}::" if key else arn


def _health_check(settings: Settings) -> dict[str, Any]:
    chosen = settings.fargate.health_check
    # No quotes, $ and % are in a health path, but & and ; may be.
    url = shlex.quote(f"http://127.0.0.1:{settings.port}{settings.health_check.path}")
    request = f"curl -fsS -o /dev/null {url} || wget -q -O /dev/null {url} || exit 1"
    return {
        "command": ["CMD-SHELL", chosen.command or request],
        "interval": chosen.interval,
        "timeout": chosen.timeout,
        "retries": chosen.retries,
        "startPeriod": chosen.start_period,
    }
