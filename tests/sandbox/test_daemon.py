"""The daemon's life, for real: processes, locks and ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import boto3
import pytest

from sandbox import daemon
from sandbox.daemon import SandboxError
from sandbox.running import Lock, read_running, write_running
from tests.sandbox.cloud.conftest import Network, Site, user_data

slow = pytest.mark.slow


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "sandbox"
    if daemon.find(tmp_path / "sandbox"):
        daemon.stop(tmp_path / "sandbox")


def state(running):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(running.endpoint + "/_sandbox/state", timeout=5) as answer:
        return json.load(answer)


def children(pid):
    """Of a process, by /proc or ps."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def eventually(claim, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@slow
def test_started_found_and_stopped(home):
    running = daemon.start(home, speed=20)
    assert daemon.find(home) == running
    assert (running.speed, running.account, running.home) == (20.0, "000000000000", home)
    assert state(running)["endpoint"] == running.endpoint
    processes = [running.pid, *children(running.pid)]
    assert len(processes) == 3
    assert daemon.stop(home) == running
    assert daemon.find(home) is None
    eventually(lambda: not any(alive(pid) for pid in processes))
    with pytest.raises(SandboxError, match="none runs in") as none:
        daemon.stop(home)
    assert none.value.next == "bluegreen sandbox start"


@slow
def test_children_die_with_a_killed_daemon_and_the_next_start_cleans_up(home):
    first = daemon.start(home)
    processes = [first.pid, *children(first.pid)]
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in processes))
    assert daemon.find(home) is None
    assert daemon.died(home) == first.pid
    second = daemon.start(home)
    assert second.pid != first.pid
    assert daemon.find(home) == second
    assert daemon.died(home) is None


@slow
def test_a_sandbox_that_lost_a_child_ends_and_says_so(home):
    running = daemon.start(home)
    os.kill(children(running.pid)[0], signal.SIGKILL)
    eventually(lambda: daemon.find(home) is None)
    eventually(lambda: not alive(running.pid))
    assert "process has ended: the sandbox can't go on" in (home / "sandbox.log").read_text()


@slow
def test_a_second_start_is_refused_and_two_at_once_give_one(home):
    outcomes = []

    def attempt():
        try:
            outcomes.append(daemon.start(home))
        except SandboxError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refusals = [outcome for outcome in outcomes if isinstance(outcome, SandboxError)]
    (running,) = [outcome for outcome in outcomes if not isinstance(outcome, SandboxError)]
    assert len(refusals) == 1
    assert running.endpoint in refusals[0].why
    with pytest.raises(SandboxError, match=f"one runs already in .*process {running.pid}"):
        daemon.start(home)
    assert daemon.find(home) == running


@slow
def test_an_attached_sandbox_ends_with_its_process(home):
    code = (
        "import sys; from pathlib import Path; from sandbox import daemon;"
        f"print(daemon.start(Path({str(home)!r}), detach=False).pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=daemon.ROOT
    )
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.communicate()
    eventually(lambda: not alive(pid))
    assert daemon.find(home) is None


@slow
def test_a_persons_aws_settings_do_not_reach_it(home, monkeypatch):
    with monkeypatch.context() as settings:
        settings.setenv("AWS_PROFILE", "nobody")
        settings.setenv("MOTO_ACCOUNT_ID", "111122223333")
        running = daemon.start(home)
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    client = boto3.client("ec2", region_name="eu-central-1", endpoint_url=running.endpoint, **keys)
    assert {vpc["OwnerId"] for vpc in client.describe_vpcs()["Vpcs"]} == {"000000000000"}


@slow
def test_a_given_port_is_taken(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert daemon.start(home, port=port).endpoint == f"http://127.0.0.1:{port}"


@slow
def test_the_demo_serves_with_real_traffic(home):
    """From an empty account to answers through the balancer, and a rule change in force at once."""
    running = daemon.start(home, speed=60)

    clients = {}

    def aws(service):
        if service not in clients:
            keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
            clients[service] = boto3.client(service, region_name="eu-central-1", endpoint_url=running.endpoint, **keys)
        return clients[service]

    def push(tag):
        body = json.dumps({"repository": "shop", "tag": tag}).encode()
        request = urllib.request.Request(running.endpoint + "/_sandbox/push", data=body)
        return json.load(urllib.request.urlopen(request, timeout=5))["image"]

    site = Site(None, aws, Network(aws))
    site.scaling_group(name="blue", data=user_data(push("v1"), "blue"))
    site.scaling_group(name="green", data=user_data(push("v2"), "green"))
    eventually(lambda: site.health(site.blue) == site.health(site.green) == [("healthy", None)] * 2, 20)
    url = state(running)["listeners"][0]["url"]

    def color():
        return json.load(urllib.request.urlopen(url, timeout=5))["color"]

    assert {color() for _ in range(10)} == {"blue"}
    for weights, expected in (((0, 100), "green"), ((100, 0), "blue")) * 5:
        aws("elbv2").modify_rule(RuleArn=site.rule, Actions=[site.forward(*weights)])
        assert {color() for _ in range(5)} == {expected}


def test_a_taken_port_is_refused(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port}") as refused:
            daemon.start(home, port=port)
    assert "--port 0" in refused.value.next
    assert daemon.find(home) is None


@pytest.mark.parametrize("speed", [0, -1, 1001, float("nan")])
def test_an_impossible_speed_is_refused(home, speed):
    with pytest.raises(SandboxError, match="is not above 0"):
        daemon.start(home, speed=speed)


def test_an_unusable_home_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="can't be used"):
        daemon.start(tmp_path / "file" / "home")


def test_what_a_dead_sandbox_left_is_no_sandbox(home):
    running = {
        "endpoint": "http://127.0.0.1:1",
        "proxy_url": "http://127.0.0.1:2",
        "pid": 4_000_000,
        "speed": 1.0,
        "started": 0.0,
        "home": str(home),
        "account": "000000000000",
    }
    home.mkdir()
    write_running(home, running)
    assert daemon.find(home) is None
    assert daemon.died(home) == 4_000_000
    with pytest.raises(SandboxError, match="process 4000000 is dead; cleaned up"):
        daemon.stop(home)
    assert read_running(home) is None


def test_the_lock_is_one_process_s(home):
    lock = Lock(home)
    assert not lock.held
    assert lock.acquire()
    assert Lock(home).held
    code = (
        "import sys; from pathlib import Path; from sandbox.running import Lock;"
        f"sys.exit(Lock(Path({str(home)!r})).acquire(patience=0.1))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=daemon.ROOT, check=False).returncode == 0


@pytest.mark.parametrize("text", ['{"endpoint": ', "[]", '{"pid": 1}', ""])
def test_a_torn_or_foreign_file_is_no_sandbox(home, text):
    home.mkdir()
    (home / "sandbox.json").write_text(text)
    assert Lock(home).acquire()
    assert daemon.find(home) is None
    assert daemon.died(home) is None


def test_the_environment_points_at_the_sandbox_and_at_nothing_real(home):
    running = daemon.Running("http://127.0.0.1:1", "http://127.0.0.1:2", 1, 20.0, 0.0, home, "000000000000")
    environ = running.environ("eu-central-1")
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environ["AWS_REGION"] == "eu-central-1"
    assert environ["PULUMI_BACKEND_URL"] == f"file://{home}/state"
    assert environ["BLUEGREEN_CLOCK_SPEED"] == "20"
    assert "AWS_REGION" not in running.environ()
