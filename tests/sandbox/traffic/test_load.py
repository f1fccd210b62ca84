"""The load generator: an even rate, each outcome by its name, and latencies that a stall can't hide."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from sandbox.traffic.child import TrafficError
from sandbox.traffic.load import Load
from sandbox.traffic.load_loop import Aim, LoadLoop
from sandbox.traffic.load_report import Outcome, Report, Tally

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def load_of(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a load in this process, which is quicker to start."""

    def load_of(address: tuple[str, int], rate: float = 200, seconds: float = 0.1, timeout: float = 0.3) -> Report:
        aim = Aim(*address, "web.test", "/", rate, seconds, timeout)
        asyncio.run(LoadLoop(aim).run())
        return Report.of(json.loads(capsys.readouterr().out.splitlines()[-1]))

    return load_of


def test_a_rate_is_kept_and_every_answer_counted(site: Any, load_of: Any) -> None:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    report = load_of(site.address, rate=500, seconds=0.4, timeout=5)
    assert (report.sent, report.ok, report.failed) == (200, 200, 0)
    assert report.by_color == {"blue": 200}
    assert report.by_version == {"v-blue": 200}
    assert 0 < report.latency_ms["p50"] <= report.latency_ms["p99"] < 300
    assert report.seconds >= 0.39


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (b"HTTP/1.1 503 Down\r\nX-Service-Color: blue\r\nConnection: close\r\n\r\n", "5xx", 503),
        (b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "4xx", 404),
        (b"", "reset", 0),
        (OK[:-1], "reset", 200),
        (b"what?\r\n\r\n", "garbled", 0),
    ],
)
def test_each_failure_has_its_name(rogues: Any, load_of: Any, answer: bytes, kind: str, status: int) -> None:
    report = load_of(rogues.answering(answer).target_address)
    assert (report.sent, report.ok, report.by_kind) == (20, 0, {kind: 20})
    first = report.failures[0]
    assert (first["kind"], first["status"], len(report.failures)) == (kind, status, 20)
    assert first["color"] == ("blue" if kind == "5xx" else "")


@pytest.mark.slow
def test_a_generator_that_was_late_itself_doesn_t_hide_it(site: Any) -> None:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    load = Load.start(site.connect, "web", rate=200, seconds=1)
    site.wait_for_requests(5)
    load._process.send_signal(signal.SIGSTOP)
    time.sleep(0.4)
    load._process.send_signal(signal.SIGCONT)
    report = load.wait()
    assert (report.ok, report.sent) == (200, 200)
    assert report.latency_ms["p95"] > 200


def test_refused_and_timed_out(rogues: Any, load_of: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()
    assert load_of(nobody).by_kind == {"refused": 20}
    silent = rogues.acting(lambda sock: time.sleep(2)).target_address
    report = load_of(silent, timeout=0.15)
    assert report.by_kind == {"timeout": 20}
    assert report.seconds < 2


def test_a_stall_shows_in_the_latency_of_all_that_was_due_in_it(rogues: Any, load_of: Any) -> None:
    stall_ends: list[float] = []

    def act(sock: socket.socket) -> None:
        while True:
            rogues.read_head(sock)
            stall_ends.append(time.monotonic() + 0.3)
            time.sleep(max(0, stall_ends[0] - time.monotonic()))
            sock.sendall(OK)

    report = load_of(rogues.acting(act).target_address, rate=100, seconds=0.5, timeout=5)
    assert (report.ok, report.failed) == (50, 0)
    assert report.latency_ms["p95"] > 200


@pytest.mark.slow
def test_seconds_and_a_stop(site: Any) -> None:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    seconds: list[dict[str, Any]] = []
    load = Load.start(site.connect, "web", rate=50, path="/sleep/50", on_second=seconds.append)
    until = time.monotonic() + 20
    while not seconds and time.monotonic() < until:
        time.sleep(0.02)
    report = load.stop()
    assert load.latest == seconds[-1]
    assert 45 <= seconds[0]["sent"] <= 60 and seconds[0]["by_color"] == {"blue": seconds[0]["ok"]}
    assert seconds[0]["latency_ms"]["p50"] >= 49
    assert (report.failed, report.ok) == (0, report.sent)


@pytest.mark.parametrize("how", ["signal", "eof"])
def test_on_the_command_line(site: Any, how: str) -> None:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    command = [sys.executable, "-m", "sandbox.traffic.load", f"--connect={site.connect}", "--host=x", "--rate=100"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    site.wait_for_requests(5)
    if how == "signal":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    final = json.loads(process.stdout.read().splitlines()[-1])
    assert process.wait(5) == 0
    assert final["final"] and final["ok"] == final["sent"] > 0
    process.stdout.close()
    process.stdin.close()


def test_a_load_that_was_killed_has_no_report(site: Any) -> None:
    load = Load.start("127.0.0.1:1", "x")
    load._process.kill()
    with pytest.raises(TrafficError, match="without a report"):
        load.stop()


def test_percentiles_are_off_by_two_percent_at_most() -> None:
    tally = Tally()
    for ms in range(1, 1001):
        tally.sent()
        tally.ended(Outcome(0, "ok", 200, "blue", "v1", ms / 1000))
    line = tally.next_second(1.0)
    for percent in (50, 95, 99):
        assert line["latency_ms"][f"p{percent}"] == pytest.approx(percent * 10, rel=0.02)
    assert tally.next_second(2.0)["latency_ms"]["p50"] is None
