"""Scripts and units before the tools that know their languages."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import names, stored
from infra.agent_config import LOG_GROUP
from infra.bundle import files, nginx, stub
from infra.compose_release import Plugin
from infra.settings import load
from tests.infra.templates.releases import FULL, PLACE, PLAIN, release

BASH = str(shutil.which("bash"))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
ANALYZE = shutil.which("systemd-analyze")
SHAPES = {
    "plain": PLAIN,
    "full": FULL,
    "public": release(image=f"ghcr.io/shop/shop@sha256:{'b2' * 32}", matcher="200,301-399"),
    "mirror-s3": release(plugin=Plugin(mirror="s3://mirror/docker")),
    "mirror-bundle": release(plugin=Plugin(mirror="bundle")),
    "one-processor": release(plugin=Plugin(sums={"aarch64": "a" * 64})),
    "odd-path": release(health_path="/a;b(c)&d=1?x=~!*"),
}


def scripts() -> list[tuple[str, str]]:
    found = {"stub": stub(PLACE)}
    for shape, made in SHAPES.items():
        found |= {f"{shape}/{name}": text for name, text in files(made).items() if name.endswith(".sh")}
    return list(found.items())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), scripts(), ids=[name for name, _ in scripts()])
def test_bash_and_shellcheck_have_nothing_to_say(tmp_path, name, text):
    script = tmp_path / "script.sh"
    script.write_text(text)
    assert subprocess.run([BASH, "-n", script], capture_output=True, text=True, check=False).stderr == ""
    said = subprocess.run([SHELLCHECK, "--shell=bash", script], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.parametrize(("name", "text"), scripts(), ids=[name for name, _ in scripts()])
def test_a_failure_is_not_overlooked(name, text):
    """What bash needs to be told for that; the poller alone goes on, on purpose."""
    if "active-only" in name:
        return
    assert text.startswith("#!/bin/bash\n")  # by which cloud-init knows it for a script
    assert "\nset -Eeuo pipefail\nshopt -s inherit_errexit\n" in text
    assert "\nexport HOME=/root PATH=" in text
    assert "set -x" not in text
    # `local x=$(…)` would hide the failure.
    assert not re.search(r"\b(local|readonly|export|declare)\s+\w+=[\"']?\$\(", text)


def test_secrets_are_named_but_never_held_by_what_is_rendered():
    for name, text in files(FULL).items():
        if name != "secrets.json":
            assert "shop/database" not in text, name
    assert json.loads(files(FULL)["secrets.json"]) == [
        {"env": "DATABASE_PASSWORD", "secret": "shop/database", "key": "password"},
        {"env": "LICENCE", "secret": "shop/licence", "key": ""},
    ]
    assert "secret" not in stub(PLACE).lower()


def test_the_instances_own_python_understands_the_script():
    """Amazon Linux 2023 has 3.9."""
    ast.parse(files(FULL)["fetch_secrets.py"], feature_version=(3, 9))


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path):
    dropin = files(FULL)["boot.sh"].partition("<<'DROPIN'\n")[2].partition("DROPIN\n")[0]
    assert "Requires=bluegreen-secrets.service" in dropin
    (tmp_path / "docker.service.d").mkdir()
    (tmp_path / "docker.service.d/bluegreen.conf").write_text(dropin)
    there = {
        # As Amazon's and Docker's own unit has it.
        "docker.service": "[Unit]\nAfter=network-online.target\nWants=network-online.target\n"
        "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        **{name: text for name, text in files(FULL).items() if name.endswith(".service")},
    }
    for name, text in there.items():
        # Its commands aren't on this machine, which is all that may differ.
        (tmp_path / name).write_text(re.sub(r"/usr/bin/(docker|python3)", "/bin/true", text))
    said = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *(str(tmp_path / name) for name in there)],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in said.stderr.splitlines() if str(tmp_path) in line or "bluegreen" in line] == []
    assert said.returncode == 0, said.stderr


def test_a_unit_gives_containers_the_time_that_nginx_and_the_app_may_take():
    unit = files(release(stop_grace=40))["bluegreen.service"]
    [limit] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(limit) > (40 + 5) + 40
    assert "worker_shutdown_timeout 40s;" in nginx(release(stop_grace=40))


def test_an_instance_knows_the_stack_by_the_names_that_its_role_has():
    settings = load({"bluegreen:image": "shop:1.0.0"}, FULL.service, FULL.stack)
    config = json.loads(files(FULL)["agent.json"])
    assert config["metrics"]["namespace"] == names.metrics_namespace(settings)
    assert f"RECORD={stored.folder(settings)}/record COLOR=blue FILL=3\n" in files(FULL)["active-only.sh"]


def test_the_agent_drops_no_metric_that_has_the_groups_dimension_alone():
    """Such a metric is not added up (its set is the group's own), so it would be gone."""
    measured = json.loads(files(PLAIN)["agent.json"])["metrics"]["metrics_collected"]
    further = {"cpu": {"cpu"}, "disk": {"path", "fstype"}, "mem": set(), "processes": set()}
    assert {name: "drop_original_metrics" in one for name, one in measured.items()} == {
        name: bool(dimensions) for name, dimensions in further.items()
    }


def test_the_agent_sends_every_log_that_the_instance_writes():
    config = json.loads(files(FULL)["agent.json"])
    sent = {
        one["file_path"]: one["log_stream_name"] for one in config["logs"]["logs_collected"]["files"]["collect_list"]
    }
    written = set(re.findall(r"/var/log/[\w./-]+", " ".join(files(FULL).values()) + stub(PLACE)))
    assert set(sent) == {path for path in written if path.endswith(".log")}
    assert all(stream.startswith("{instance_id}/") for stream in sent.values())
    assert len(set(sent.values())) == len(sent)
    assert LOG_GROUP in files(FULL)["agent.json"] and f"s|{LOG_GROUP}|" in files(FULL)["boot.sh"]
