"""The compose file of an instance: nginx in front of the app's containers, and the workers. Pure; no Pulumi."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from infra.compose_release import INSTANCE_PORT, ComposeRelease, Worker

# RFC 2544 keeps these for benchmarks, so no VPC and no peer routes them. The engine's own choice (172.17.0.0/12) could
# hide part of either.
_NETWORK, _GATEWAY, _DYNAMIC = "198.18.8.0/24", "198.18.8.1", "198.18.8.128/25"
_FIRST = 11
ALIVE_PORT = 8081
"""Where nginx answers for itself, inside its container only: `/health` may be the app's."""
ACTIVE_ONLY = "active-only"
"""The profile of services that run in the active color alone."""
RUN_ONCE = "run-once"
"""The service, and its profile, by which a command of the release is run once."""
SECRETS = "/run/bluegreen/secrets/secrets.env"


def servers(release: ComposeRelease) -> list[str]:
    """What nginx forwards to: fixed addresses. A name is resolved once, at nginx's start, which fails while one of the
    containers is down; and a container that came back with another's address would get its requests."""
    return [f"{_address(number)}:{release.app_port}" for number in range(release.replicas)]


def compose_file(release: ComposeRelease) -> str:
    """YAML. `${BLUEGREEN_…}` comes from the instance's own env file."""
    apps = {f"app{number + 1}": _app(release, number) for number in range(release.replicas)}
    workers = {worker.name: _worker(release, worker) for worker in release.workers}
    network = {"ipam": {"config": [{"subnet": _NETWORK, "gateway": _GATEWAY, "ip_range": _DYNAMIC}]}}
    whole = {
        "name": "bluegreen",
        "services": {"nginx": _nginx(release, list(apps)), **apps, **workers, RUN_ONCE: _run_once(release)},
        "networks": {"default": network},
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    # Written out each time: an anchor is no friend to who reads one service.
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.dump(whole, text)
    return text.getvalue()


def _address(number: int) -> str:
    return f"198.18.8.{_FIRST + number}"


def _nginx(release: ComposeRelease, apps: list[str]) -> dict[str, Any]:
    return {
        **_contained("nginx", release.proxy_image, release.stop_grace + 5, "256m"),
        "user": "101:101",
        # Past the image's own entrypoint, which rewrites configuration.
        "entrypoint": ["nginx", "-c", "/etc/nginx/nginx.conf"],
        "stop_signal": "SIGQUIT",
        "ports": [f"{INSTANCE_PORT}:{INSTANCE_PORT}"],
        "volumes": ["./nginx.conf:/etc/nginx/nginx.conf:ro"],
        "tmpfs": ["/tmp:size=160m,mode=1777"],
        "depends_on": {app: {"condition": "service_started"} for app in apps},
        "healthcheck": {
            "test": ["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{ALIVE_PORT}/"],
            "interval": "10s",
            "timeout": "3s",
            "retries": 3,
            "start_period": "30s",
        },
    }


def _app(release: ComposeRelease, number: int) -> dict[str, Any]:
    return {
        **_contained(f"app{number + 1}", release.image, release.stop_grace, "${BLUEGREEN_APP_MEMORY:?}"),
        **_surroundings(release),
        "networks": {"default": {"ipv4_address": _address(number)}},
    }


def _worker(release: ComposeRelease, worker: Worker) -> dict[str, Any]:
    # The engine starts nothing of this restart policy by itself after a reboot: who is active is found out first.
    return {
        **_contained(worker.name, release.image, release.stop_grace, "${BLUEGREEN_APP_MEMORY:?}"),
        **_surroundings(release),
        "command": [word.replace("$", "$$") for word in worker.command],
        "restart": "on-failure",
        "profiles": [ACTIVE_ONLY],
    }


def _run_once(release: ComposeRelease) -> dict[str, Any]:
    # A service of its own: `run` would give a container of app1 its fixed address, which app1 has.
    return {
        **_contained(RUN_ONCE, release.image, release.stop_grace, "${BLUEGREEN_APP_MEMORY:?}"),
        **_surroundings(release),
        "restart": "no",
        "profiles": [RUN_ONCE],
    }


def _surroundings(release: ComposeRelease) -> dict[str, Any]:
    """What the app finds around it."""
    files = ["app.env", "release.env", *([SECRETS] if release.secrets else [])]
    return {
        "init": True,
        "env_file": files,
        "environment": {"PORT": str(release.app_port)},
        "tmpfs": ["/tmp:size=64m,mode=1777"],
    }


def _contained(name: str, image: str, grace: int, memory: str) -> dict[str, Any]:
    """What every container is held to."""
    return {
        "image": image,
        "restart": "unless-stopped",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 512,
        "mem_limit": memory,
        "stop_grace_period": f"{grace}s",
        "logging": {
            "driver": "awslogs",
            "options": {
                "awslogs-region": "${BLUEGREEN_REGION:?}",
                "awslogs-group": "${BLUEGREEN_LOG_GROUP:?}",
                "awslogs-stream": f"${{BLUEGREEN_INSTANCE:?}}/{name}",
                # Without it an outage of the log service stops the app at its next line; with it lines are lost.
                "mode": "non-blocking",
                "max-buffer-size": "8m",
                # The copy on disk that `docker logs` reads.
                "cache-max-size": "20m",
                "cache-max-file": "3",
            },
        },
    }
