"""`bluegreen sandbox` as a user types it: started, found, disturbed, killed, stopped."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from tests.e2e.play import ROOT, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def sandbox(tmp_path):
    """Runs the command in a scratch copy of the project; what it started is stopped at the end."""
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy2(file, tmp_path / file.name)

    def run(*argv, expect=0, **environ):
        command = [sys.executable, "-m", "driver", "--output", "json", "sandbox", *argv]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, done
        return json.loads(done.stdout)

    yield run
    subprocess.run([sys.executable, "-m", "driver", "sandbox", "stop"], cwd=tmp_path, capture_output=True, check=False)


def test_it_is_started_once_found_and_stopped(sandbox, tmp_path):
    started = sandbox("start", "--speed", "30")
    assert started["account"] == "000000000000"
    refused = sandbox("start", expect=2)
    assert str(started["pid"]) in refused["reason"]
    assert sandbox("status")["endpoint"] == started["endpoint"]
    assert sandbox("push", "shop:1.0.0")["digest"].startswith("sha256:")
    stopped = sandbox("stop")
    assert stopped["pid"] == started["pid"]
    assert "start" in sandbox("status", expect=2)["next"]
    assert "start" in sandbox("stop", expect=2)["next"]
    assert not (tmp_path / ".bluegreen/sandbox/state").exists()


def test_what_env_prints_is_for_a_shell(sandbox, tmp_path):
    sandbox("start")
    variables = sandbox("env")["environ"]
    plain = subprocess.run(
        [sys.executable, "-m", "driver", "sandbox", "env"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    script = f"{plain.stdout}\necho $AWS_ENDPOINT_URL $BLUEGREEN_PROJECT"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert said == [variables["AWS_ENDPOINT_URL"], variables["BLUEGREEN_PROJECT"]]
    assert all(shlex.split(line)[0] == "export" for line in plain.stdout.splitlines())


def test_one_that_was_killed_is_told_and_started_anew(sandbox):
    pid = sandbox("start")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "it lives on")
    assert str(pid) in sandbox("status", expect=2)["reason"]
    assert sandbox("start")["pid"] != pid


def test_a_taken_port_is_named(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = sandbox("start", "--port", port, expect=2)
        assert port in refused["reason"]
        assert refused["next"] == "bluegreen sandbox start --port 0"


def test_a_shell_that_still_has_a_stopped_sandboxs_environment_can_start_another(sandbox):
    sandbox("start")
    variables = sandbox("env")["environ"]
    sandbox("stop", **variables)
    assert "none runs" in sandbox("status", expect=2, **variables)["reason"]
    assert sandbox("start", **variables)["endpoint"] != variables["AWS_ENDPOINT_URL"]


def test_an_unknown_fault_lists_those_there_are(sandbox):
    assert "instance-dies" in sandbox("fault", "nonsense", expect=2)["reason"]
    assert "instance-dies" in sandbox("fault")["faults"]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
