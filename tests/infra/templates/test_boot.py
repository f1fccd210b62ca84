"""The boot, run for real in a folder: what it calls in which order, and what it says where it ends."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from infra.compose_release import Plugin
from tests.infra.templates import tools
from tests.infra.templates.machine import GROUP, INSTANCE, Ended, Machine
from tests.infra.templates.releases import FULL, PLACE, PLAIN

pytestmark = [tools.needs_linux, pytest.mark.slow]

PLUGIN = Plugin(sums={arch: hashlib.sha256(b"the Compose plugin\n").hexdigest() for arch in ("x86_64", "aarch64")})
PASSWORD = 'p"a$s\\s\nwörd'
STEPS = [
    "tools",
    "bundle",
    "agent",
    "packages",
    "plugin",
    "instance",
    "registry",
    "units",
    "secrets",
    "engine",
    "pull",
    "start",
    "ready",
    "active-only",
    "lifecycle",
]
COMPOSE = [
    *("docker", "compose", "--project-name", "bluegreen", "--project-directory", "/opt/bluegreen/release"),
    *("--file", "/opt/bluegreen/release/compose.yaml", "--env-file", "/opt/bluegreen/instance.env"),
]
UP = [
    *("docker", "compose", "--project-name", "bluegreen", "up"),
    *("--detach", "--wait", "--wait-timeout", "300", "--remove-orphans"),
]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return made(tmp_path)


def made(root: Path, *, arch: str = "x86_64", **changes: object) -> Machine:
    machine = Machine(root, replace(FULL, plugin=PLUGIN, **changes), PLACE, arch=arch)
    secrets = {"shop_database": json.dumps({"password": PASSWORD, "port": 5432}), "shop_licence": "LIC-1"}
    for name, text in secrets.items():
        (root / "secrets" / name).write_text(json.dumps({"SecretString": text}))
    (root / "version").write_text("5.6.0\n")
    (root / "status").write_text("200")
    return machine


def metadata(path: str) -> list[list[str]]:
    common = ["curl", "-sS", "--fail", "--max-time", "5", "--retry", "5", "--retry-connrefused"]
    base = "http://169.254.169.254/latest"
    return [
        [*common, "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 300", f"{base}/api/token"],
        [*common, "-H", "X-aws-ec2-metadata-token: token", f"{base}/meta-data/{path}"],
    ]


def lifecycle(result: str) -> list[list[str]]:
    return [
        *metadata("instance-id"),
        *metadata("tags/instance/aws:autoscaling:groupName"),
        [
            *("aws", "autoscaling", "complete-lifecycle-action", "--region", PLACE.region),
            *("--lifecycle-hook-name", PLACE.hook, "--auto-scaling-group-name", GROUP),
            *("--instance-id", INSTANCE, "--lifecycle-action-result", result),
        ],
    ]


def secret(name: str) -> list[str]:
    return [
        *("aws", "secretsmanager", "get-secret-value", "--region", PLACE.region),
        *("--secret-id", name, "--output", "json"),
    ]


def results(ended: Ended) -> list[str]:
    """What the hook was told."""
    return [call[-1] for call in ended.calls if call[:3] == ["aws", "autoscaling", "complete-lifecycle-action"]]


def steps(said: str) -> list[str]:
    return [line.partition("bluegreen: step=")[2] for line in said.splitlines() if "Z bluegreen: step=" in line]


def test_a_boot_makes_exactly_these_calls(machine):
    ended = machine.boot()
    assert ended.status == 0, ended.said
    assert steps(ended.said) == STEPS
    agent = "amazon-cloudwatch-agent"
    engine = ["docker", "amazon-ecr-credential-helper"]
    file = "docker-compose-linux-x86_64"
    assert ended.calls == [
        [
            *("aws", "s3api", "get-object", "--region", PLACE.region, "--bucket", PLACE.bucket),
            *("--key", PLACE.key, "--version-id", PLACE.version, "/run/bluegreen/bundle.tar.gz"),
        ],
        ["rpm", "--quiet", "-q", agent],
        ["dnf", "install", "-y", "-q", agent],
        [f"{agent}-ctl", "-a", "fetch-config", "-m", "ec2", "-s", "-c", "file:/opt/bluegreen/agent.json"],
        ["rpm", "--quiet", "-q", *engine],
        ["dnf", "install", "-y", "-q", *engine],
        ["uname", "-m"],
        [
            *("curl", "-sS", "--fail", "--location", "--retry", "3", "--max-time", "180"),
            *("--output", "/run/bluegreen/docker-compose"),
            f"https://github.com/docker/compose/releases/download/v5.6.0/{file}",
        ],
        ["docker", "compose", "version", "--short"],
        *metadata("instance-id"),
        ["systemctl", "daemon-reload"],
        [
            *("systemctl", "--quiet", "enable", "docker.service", "bluegreen-secrets.service"),
            *("bluegreen.service", "bluegreen-active.service"),
        ],
        ["systemctl", "start", "bluegreen-secrets.service"],
        ["systemd", "starts", "bluegreen-secrets.service"],
        secret("shop/database"),
        secret("shop/licence"),
        ["systemctl", "start", "docker.service"],
        ["systemd", "starts", "docker.service"],
        [*COMPOSE, "--profile", "active-only", "pull", "--quiet"],
        ["systemctl", "start", "bluegreen.service"],
        ["systemd", "starts", "bluegreen.service"],
        UP,
        [
            *("curl", "-s", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}"),
            "http://127.0.0.1:8080/health/deep",
        ],
        ["systemctl", "start", "bluegreen-active.service"],
        ["systemd", "starts", "bluegreen-active.service"],
        *lifecycle("CONTINUE"),
    ]


def test_what_a_boot_leaves_behind(machine):
    assert machine.boot().status == 0
    assert machine.read("/opt/bluegreen/instance.env").splitlines() == [
        f"BLUEGREEN_INSTANCE={INSTANCE}",
        f"BLUEGREEN_REGION={PLACE.region}",
        f"BLUEGREEN_LOG_GROUP={PLACE.log_group}",
        f"BLUEGREEN_APP_MEMORY={(4015664 // 1024 - 512) // 5}m",
    ]
    agent = json.loads(machine.read("/opt/bluegreen/agent.json"))
    sent = agent["logs"]["logs_collected"]["files"]["collect_list"]
    assert {one["log_group_name"] for one in sent} == {PLACE.log_group}
    config = json.loads(machine.read("/opt/bluegreen/docker/config.json"))
    assert config == {"credHelpers": {"111122223333.dkr.ecr.eu-central-1.amazonaws.com": "ecr-login"}}
    assert machine.mode("/usr/local/lib/docker/cli-plugins/docker-compose") == 0o755
    assert machine.mode("/opt/bluegreen/docker") == 0o700
    assert machine.read("/dev/console") == ""
    assert "BLUEGREEN BOOT READY seconds=" in machine.read("/var/log/bluegreen/boot.log")


def test_secrets_lie_in_memory_for_root_alone_and_nowhere_else(machine):
    ended = machine.boot()
    assert machine.read("/run/bluegreen/secrets/secrets.env") == (
        'DATABASE_PASSWORD="p\\"a\\$s\\\\s\\nwörd"\nLICENCE="LIC-1"\n'
    )
    assert machine.mode("/run/bluegreen/secrets") == 0o700
    assert machine.mode("/run/bluegreen/secrets/secrets.env") == 0o400
    for text in (ended.said, repr(ended.calls), machine.read("/var/log/bluegreen/boot.log")):
        assert "LIC-1" not in text and "wörd" not in text
    holders = [
        path
        for path in machine.root.rglob("*")
        if path.is_file() and b"LIC-1" in path.read_bytes() and machine.path("/secrets") not in path.parents
    ]
    assert holders == [machine.path("/run/bluegreen/secrets/secrets.env")]


CALLS = [
    ("tools", None, "has no sha256sum"),
    ("bundle", "aws s3api get-object*", "AccessDenied"),
    ("agent", "dnf * amazon-cloudwatch-agent", "no more mirrors"),
    ("agent", "amazon-cloudwatch-agent-ctl*", "bad config"),
    ("packages", "dnf * docker *", "Unable to find a match: docker"),
    ("plugin", "curl *docker-compose-linux-*", "curl: (22) 404"),
    ("instance", "curl *meta-data/instance-id", "curl: (28) timed out"),
    ("units", "systemctl daemon-reload", "Failed to connect to bus"),
    ("secrets", "aws secretsmanager*", "An error occurred (AccessDeniedException) when calling GetSecretValue"),
    ("engine", "systemd starts docker.service", "Job for docker.service failed"),
    ("pull", "docker compose * pull --quiet", "Error: manifest unknown"),
    ("start", "docker compose * up *", "container bluegreen-app1-1 exited (1)"),
    ("ready", None, "/health/deep answered 503 0 s after the start, not 200"),
    ("lifecycle", "aws autoscaling *CONTINUE", "An error occurred (AccessDenied)"),
]


@pytest.mark.parametrize(("step", "call", "says"), CALLS, ids=[f"{step}-{call}" for step, call, _ in CALLS])
def test_a_step_that_fails_is_named_with_its_reason_and_the_instance_is_given_up(tmp_path, step, call, says):
    machine = made(tmp_path, ready_seconds=0)
    if step == "tools":
        machine.lacks("sha256sum")
    elif step == "ready":
        machine.path("/status").write_text("503")
    else:
        # The failure is told with the metadata's help, so that of the metadata passes.
        machine.fails(call, says, times=1 if "meta-data" in call else 99)
    ended = machine.boot()
    assert ended.status != 0
    assert results(ended)[-1] == "ABANDON"
    assert steps(ended.said)[-1] == step
    marker = machine.read("/dev/console")
    assert marker.startswith(f"BLUEGREEN BOOT FAILED step={step} status=") and says in marker
    assert marker.count("\n") == 1 and re.search(r" line=\d+ reason=", marker)
    # In the log that the agent sends, and past the agent.
    assert marker in machine.read("/var/log/bluegreen/boot.log")
    [put] = [call for call in ended.calls if call[:3] == ["aws", "logs", "put-log-events"]]
    assert put[put.index("--log-group-name") + 1] == PLACE.log_group
    assert put[put.index("--log-stream-name") + 1] == f"{INSTANCE}/failure"
    [event] = json.loads(machine.read("/run/bluegreen/failure.json"))
    assert event["message"] + "\n" == marker
    if step != "lifecycle":
        assert "CONTINUE" not in results(ended)


def test_what_mends_itself_is_tried_again(machine):
    for call in ("aws s3api get-object*", "dnf * docker *", "aws secretsmanager*", "docker compose * pull --quiet"):
        machine.fails(call, "AccessDenied, for a moment", times=2)
    assert results(machine.boot()) == ["CONTINUE"]


def test_an_app_that_takes_its_time_is_waited_for(machine):
    machine.fails("curl *http_code*", status=7, times=5)
    ended = machine.boot()
    assert results(ended) == ["CONTINUE"]
    assert len([call for call in ended.calls if call[0] == "sleep"]) == 5


@pytest.mark.parametrize(
    ("answer", "matcher", "let_in"),
    [("204", "200-299", True), ("302", "200,301-302", True), ("404", "200", False), ("000", "200-499", False)],
)
def test_ready_is_what_the_balancer_takes_for_healthy(tmp_path, answer, matcher, let_in):
    machine = made(tmp_path, matcher=matcher, ready_seconds=0)
    machine.path("/status").write_text(answer)
    assert results(machine.boot()) == ["CONTINUE" if let_in else "ABANDON"]


def test_a_second_run_installs_and_starts_nothing_again(machine):
    machine.boot()
    before = machine.read("/opt/bluegreen/instance.env")
    machine.fails(
        "aws autoscaling *", "An error occurred (ValidationError): No active Lifecycle Action found", status=254
    )
    ended = machine.boot()
    assert ended.status == 0, ended.said
    assert not [call for call in ended.calls if call[0] in ("dnf", "systemd") or "docker-compose-linux" in call[-1]]
    assert UP not in ended.calls
    assert results(ended) == ["CONTINUE"]
    assert machine.read("/opt/bluegreen/instance.env") == before


def test_a_run_after_a_failed_one_finishes_it(machine):
    machine.fails("docker compose * pull --quiet", "no such host")
    assert machine.boot().status != 0
    machine.mends()
    ended = machine.boot()
    assert results(ended) == ["CONTINUE"]
    assert not [call for call in ended.calls if call[0] == "dnf"]


def test_after_a_reboot_secrets_are_there_before_the_engine_starts_anything(machine):
    machine.boot()
    assert machine.path("/run/bluegreen/secrets/secrets.env").exists()
    (machine.path("/secrets") / "shop_licence").write_text(json.dumps({"SecretString": "LIC-2"}))
    ended = machine.reboot()
    started = [call[2] for call in ended.calls if call[0] == "systemd"]
    assert started[:3] == ["bluegreen-secrets.service", "docker.service", "bluegreen.service"]
    assert started[3:] == ["bluegreen-active.service"]
    assert ended.calls.index(secret("shop/licence")) < ended.calls.index(UP)
    assert 'LICENCE="LIC-2"' in machine.read("/run/bluegreen/secrets/secrets.env")
    assert machine.mode("/run/bluegreen/secrets/secrets.env") == 0o400
    # The user data doesn't run again: an instance that is in service tells no hook.
    assert results(ended) == []


def test_after_a_reboot_without_secrets_nothing_starts(machine):
    machine.boot()
    machine.fails("aws secretsmanager*", "AccessDeniedException")
    ended = machine.reboot()
    assert UP not in ended.calls
    assert ["systemd", "starts", "docker.service"] not in ended.calls
    assert "secret shop/database can't be read: AccessDeniedException" in machine.read("/var/log/bluegreen/boot.log")


def test_a_bundle_that_is_not_the_releases_own_is_not_run(machine):
    whole = machine.path("/s3/bundle").read_bytes()
    machine.path("/s3/bundle").write_bytes(whole[:-9] + b"x" + whole[-8:])
    ended = machine.boot()
    assert "step=bundle" in machine.read("/dev/console") and "its checksum differs" in machine.read("/dev/console")
    assert not machine.path("/opt/bluegreen/release").exists()
    assert results(ended) == ["ABANDON"]


def test_a_plugin_that_is_not_the_pinned_one_is_not_installed(machine):
    machine.path("/plugin").write_text("something else\n")
    ended = machine.boot()
    assert "isn't version 5.6.0: its checksum differs" in machine.read("/dev/console")
    assert not machine.path("/usr/local/lib/docker/cli-plugins/docker-compose").exists()
    assert results(ended) == ["ABANDON"]


def test_an_engine_that_runs_another_plugin_is_given_up(machine):
    machine.path("/version").write_text("2.12.2\n")
    machine.boot()
    assert "docker compose is version 2.12.2, not 5.6.0" in machine.read("/dev/console")


def test_a_machine_too_small_for_its_containers_is_given_up(machine):
    machine.path("/proc/meminfo").write_text("MemTotal: 800000 kB\n")
    machine.boot()
    assert "781 MiB of memory are too few for 5 containers: each would have 53 MiB" in machine.read("/dev/console")


def test_on_arm_the_plugin_for_arm_is_fetched(tmp_path):
    ended = made(tmp_path, arch="aarch64").boot()
    [fetched] = [call[-1] for call in ended.calls if "docker-compose-linux" in call[-1]]
    assert fetched.endswith("/v5.6.0/docker-compose-linux-aarch64")


def test_a_processor_without_a_plugin_is_named(tmp_path):
    machine = made(tmp_path, arch="riscv64")
    machine.boot()
    assert "no Compose plugin for riscv64" in machine.read("/dev/console")


@pytest.mark.parametrize(
    ("mirror", "call"),
    [
        ("bundle", f"s3://{PLACE.bucket}/tools/v5.6.0/docker-compose-linux-x86_64"),
        ("s3://mirror/docker", "s3://mirror/docker/docker-compose-linux-x86_64"),
        ("https://mirror.example/docker", "https://mirror.example/docker/docker-compose-linux-x86_64"),
    ],
)
def test_the_plugin_comes_from_a_mirror_with_the_same_checksum(tmp_path, mirror, call):
    machine = made(tmp_path)
    machine = Machine(tmp_path / "other", replace(FULL, plugin=replace(PLUGIN, mirror=mirror)), PLACE)
    for name in ("version", "status"):
        (machine.root / name).write_text((tmp_path / name).read_text())
    ended = machine.boot()
    assert [words for words in ended.calls if call in words], ended.said
    assert not [words for words in ended.calls if "github.com" in words[-1]]


def test_without_workers_nothing_polls(tmp_path):
    machine = made(tmp_path, workers=(), secrets=())
    ended = machine.boot()
    assert results(ended) == ["CONTINUE"]
    assert not machine.path("/etc/systemd/system/bluegreen-active.service").exists()
    assert "active-only" not in steps(ended.said)
    assert PLAIN.workers == ()


def test_the_reason_is_of_the_step_that_failed(machine):
    machine.fails("dnf * docker *", "a mirror was slow", times=1)
    machine.fails("systemctl daemon-reload")
    machine.boot()
    assert "step=units" in machine.read("/dev/console") and machine.read("/dev/console").endswith(" reason=\n")


def test_without_metadata_the_failure_is_told_all_the_same(machine):
    machine.fails("curl *latest/api/token", "curl: (7) Failed to connect")
    ended = machine.boot()
    assert ended.status != 0
    assert "step=instance" in machine.read("/dev/console") and "Failed to connect" in machine.read("/dev/console")
    [put] = [call for call in ended.calls if call[:3] == ["aws", "logs", "put-log-events"]]
    assert put[put.index("--log-stream-name") + 1] == "ip-10-0-0-1/failure"
    # Nobody knows which instance to give up: the hook's own time does it.
    assert results(ended) == []


def test_an_instance_of_no_group_says_so(machine):
    machine.fails("curl *groupName", "curl: (22) The requested URL returned error: 404")
    ended = machine.boot()
    assert ended.status != 0
    assert "step=lifecycle" in machine.read("/dev/console") and "404" in machine.read("/dev/console")
