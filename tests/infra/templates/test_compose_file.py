"""The compose file: what each container is held to, and how the real Compose reads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.bundle import files
from infra.compose_file import ALIVE_PORT, RUN_ONCE, SECRETS, compose_file, servers
from infra.compose_release import ComposeRelease
from tests.infra.templates import tools
from tests.infra.templates.releases import FULL, IMAGE, PLAIN, release

INSTANCE = {
    "BLUEGREEN_INSTANCE": "i-0123",
    "BLUEGREEN_REGION": "eu-central-1",
    "BLUEGREEN_LOG_GROUP": "/bluegreen/shop/dev/blue",
    "BLUEGREEN_APP_MEMORY": "700m",
}


def services(of: ComposeRelease) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(compose_file(of))["services"])


def unpacked(folder: Path, of: ComposeRelease, secrets: str = "") -> Path:
    """A bundle as it lies on an instance, but for where the secrets are."""
    here = folder / "secrets.env"
    here.write_text(secrets)
    for name, text in files(of).items():
        (folder / name).write_text(text.replace(SECRETS, str(here)))
    (folder / "instance.env").write_text("".join(f"{name}={value}\n" for name, value in INSTANCE.items()))
    return folder


def config(folder: Path, *flags: str, env_files: bool = False) -> dict[str, Any]:
    """As Compose understands it, warnings taken for errors."""
    env = {"PATH": os.environ["PATH"]}
    own = ["--env-file", "instance.env"]
    if env_files:  # as the units do it
        own, env["COMPOSE_ENV_FILES"] = [], str(folder / "instance.env")
    said = subprocess.run(
        [*tools.compose(), "--project-name", "bluegreen", *own, *flags, "config", "--format", "json"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0 and not said.stderr, said.stderr
    return dict(json.loads(said.stdout))


@pytest.mark.parametrize("name", services(FULL))
def test_every_container_is_held(name):
    service = services(FULL)[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] and service["pids_limit"] and service["stop_grace_period"]
    assert "@sha256:" in service["image"]
    assert service["tmpfs"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert not [volume for volume in service.get("volumes", []) if not volume.endswith(":ro")]
    options = service["logging"]["options"]
    assert options["mode"] == "non-blocking" and options["max-buffer-size"]
    assert options["cache-max-size"] and options["cache-max-file"]
    # Streams of their own: two writers of one stream get in each other's way.
    assert options["awslogs-stream"] == f"${{BLUEGREEN_INSTANCE:?}}/{name}"


def test_nginx_alone_is_reached_from_outside_and_is_not_root():
    assert [name for name, service in services(FULL).items() if "ports" in service] == ["nginx"]
    assert services(PLAIN)["nginx"]["ports"] == ["8080:8080"]
    assert services(PLAIN)["nginx"]["user"] == "101:101"
    assert str(ALIVE_PORT) in services(PLAIN)["nginx"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("replicas", [1, 4, 32])
def test_nginx_knows_each_of_the_apps_by_its_own_address(replicas):
    made = release(replicas=replicas)
    nginx, *_ = there = services(made)
    apps = {name: service for name, service in there.items() if name not in (nginx, RUN_ONCE)}
    assert list(apps) == [f"app{number}" for number in range(1, replicas + 1)]
    assert list(there[nginx]["depends_on"]) == list(apps)
    addresses = [service["networks"]["default"]["ipv4_address"] for service in apps.values()]
    assert [f"{address}:8000" for address in addresses] == servers(made)
    assert len(set(addresses)) == replicas
    conf = files(made)["nginx.conf"]
    for server in servers(made):
        assert f"server {server} max_fails=2 fail_timeout=30s;" in conf


def test_containers_that_differ_in_nothing_are_the_same():
    one, *others = (service for name, service in services(PLAIN).items() if name.startswith("app"))
    for other in others:
        changed = {key for key in one if one[key] != other[key]}
        assert changed == {"networks", "logging"}


def test_after_a_reboot_the_engine_starts_no_worker_by_itself():
    assert services(FULL)["jobs"]["restart"] == "on-failure"
    assert services(FULL)["app1"]["restart"] == "unless-stopped"


@tools.needs_compose
@pytest.mark.parametrize("env_files", [False, True])
def test_the_app_finds_its_whole_environment(tmp_path, env_files):
    folder = unpacked(tmp_path, FULL, 'DATABASE_PASSWORD="p\\$\\"w"\nLICENCE="LIC"\n')
    found = config(folder, "--profile", "active-only", env_files=env_files)
    expected = {
        **FULL.environment,
        "DATABASE_PASSWORD": 'p$"w',
        "LICENCE": "LIC",
        "PORT": "8000",
        "BLUEGREEN_SERVICE": "shop",
        "BLUEGREEN_STACK": "dev",
        "BLUEGREEN_COLOR": "blue",
        "BLUEGREEN_FILL": "3",
        "BLUEGREEN_RELEASE": "r0123456789a",
        "BLUEGREEN_IMAGE": IMAGE,
        "BLUEGREEN_PORT": "8080",
        "BLUEGREEN_HEALTH_PATH": "/health/deep",
    }
    for name in ("app1", "app4", "jobs"):
        environment = found["services"][name]["environment"]
        assert {key: value.replace("$$", "$") for key, value in environment.items()} == expected
    assert "environment" not in found["services"]["nginx"]


@tools.needs_compose
def test_what_the_instance_knows_is_filled_in(tmp_path):
    found = config(unpacked(tmp_path, FULL), "--profile", "active-only")
    app, jobs = found["services"]["app1"], found["services"]["jobs"]
    assert app["mem_limit"] == str(700 * 1024 * 1024)
    assert app["logging"]["options"]["awslogs-stream"] == "i-0123/app1"
    assert app["logging"]["options"]["awslogs-group"] == INSTANCE["BLUEGREEN_LOG_GROUP"]
    # A worker's own dollar stays one: the container's shell may read it, Compose must not.
    assert jobs["command"] == ["worker", "--queue", "$$HOME all"]


@tools.needs_compose
def test_workers_start_only_when_they_are_asked_for(tmp_path):
    folder = unpacked(tmp_path, FULL)
    assert "jobs" not in config(folder)["services"]
    assert "jobs" in config(folder, "--profile", "active-only")["services"]


@tools.needs_compose
@pytest.mark.parametrize("missing", INSTANCE)
def test_without_what_the_instance_knows_nothing_starts(tmp_path, missing):
    folder = unpacked(tmp_path, PLAIN)
    (folder / "instance.env").write_text("".join(f"{k}={v}\n" for k, v in INSTANCE.items() if k != missing))
    with pytest.raises(AssertionError, match=missing):
        config(folder)


@tools.needs_compose
def test_without_secrets_nothing_starts(tmp_path):
    folder = unpacked(tmp_path, FULL)
    (folder / "secrets.env").unlink()
    with pytest.raises(AssertionError, match=r"secrets\.env not found"):
        config(folder)


@tools.needs_compose
@pytest.mark.parametrize("path", ["/health/deep", "/a;b(c)&d=1?x=~!*", "/@:,+-", "/" + "h" * 1023])
def test_the_release_lines_are_read_as_they_are_meant(tmp_path, path):
    made = release(health_path=path, environment={"A": "1"})
    found = config(unpacked(tmp_path, made))["services"]["app1"]["environment"]
    assert found["BLUEGREEN_HEALTH_PATH"] == path


def commands() -> list[str]:
    """Every command to Compose that an instance gives, but for `compose version`."""
    found = re.findall(r"/usr/bin/(docker compose .*)", files(FULL)["bluegreen.service"])
    for name in ("boot.sh", "active-only.sh"):
        text = files(FULL)[name].replace("\\\n", " ")
        opened = re.findall(r"docker (compose --p.*)\"\$@\"", text)
        called = re.findall(r"^\s*(?:compose|workers) (?=up|stop|ps)(.*)$", text, re.MULTILINE)
        found += [f"docker {opened[0]}{words}" for words in called]
        found += re.findall(r"(docker compose --project-name .* pull .*)", text)
    return [re.sub(r"\s+", " ", command).replace('"', "").replace("$RELEASE/", "") for command in found]


def test_all_commands_are_looked_at():
    words = [command.split() for command in commands()]
    verbs = ("up", "exec", "kill", "down", "pull", "ps", "stop")
    assert sorted(next(word for word in one if word in verbs) for one in words) == sorted([*verbs, "up"])


@tools.needs_compose
@pytest.mark.parametrize("command", commands())
def test_compose_knows_every_flag_that_an_instance_uses(tmp_path, command):
    """There is no engine behind it: that is what it has to stumble over, and nothing before."""
    folder = unpacked(tmp_path, FULL)
    command = command.replace("/opt/bluegreen/instance.env", "instance.env").replace("$RELEASE", ".")
    env = {
        "PATH": os.environ["PATH"],
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        "COMPOSE_ENV_FILES": "instance.env",
    }
    said = subprocess.run(
        [*tools.compose(), *command.split()[2:]], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert said.returncode != 0
    assert re.search("failed to connect to the docker API|Cannot connect to the Docker daemon", said.stderr), (
        said.stderr
    )
