"""A real nginx with the rendered configuration, in front of the project's own demo apps."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.bundle import nginx
from sandbox.traffic.apphost import AppHost
from tests.infra.templates import tools
from tests.infra.templates.proxy import HOST, PINNED, Apps, Echo, Nginx, free_port
from tests.infra.templates.releases import PLAIN, release

pytestmark = [tools.needs_nginx, pytest.mark.slow]
as_pinned = pytest.mark.skipif(not PINNED, reason="this nginx is older than 1.27.4, instances have 1.28")


@pytest.fixture(scope="module")
def host() -> Iterator[AppHost]:
    started = AppHost.start()
    yield started
    started.close()


@pytest.fixture
def site(tmp_path: Path, host: AppHost) -> Iterator[tuple[Nginx, Apps]]:
    apps = Apps(host)
    with Nginx(tmp_path, apps.upstreams) as server:
        yield server, apps
    for id in apps.ids:
        host.kill(id)


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Nginx]:
    server = ThreadingHTTPServer((HOST, 0), Echo)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.broke = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Nginx(tmp_path, (f"{HOST}:{server.server_port}",) * 2) as running:
        running.broke = server.broke  # type: ignore[attr-defined]
        yield running
    server.shutdown()


@pytest.mark.parametrize(
    "path", ["/health/deep", "/health", "/", "/a;b(c)", "/x?full=1&y=2", "/@:!,+*~", "/" + "h" * 1023]
)
@pytest.mark.parametrize("replicas", [1, 4, 32])
def test_nginx_takes_every_configuration(tmp_path, path, replicas):
    made = release(health_path=path, replicas=replicas, idle_timeout=4000, stop_grace=900)
    said = Nginx(tmp_path, (), made).test()
    assert "test is successful" in said and "[warn]" not in said and "[emerg]" not in said


@as_pinned
def test_what_an_instance_gets_is_what_is_tested_here(tmp_path):
    """Only addresses and folders differ."""
    ours = Nginx(tmp_path, ("198.18.8.11:8000", "198.18.8.12:8000", "198.18.8.13:8000", "198.18.8.14:8000"))
    text = ours.conf.read_text().replace(f"{tmp_path}/run", "/tmp")
    text = text.replace(f"{tmp_path}/access.log", "/dev/stdout").replace(f"{tmp_path}/error.log", "/dev/stderr")
    text = text.replace(f"listen {HOST}:{ours.port} ", "listen 8080 ")
    assert text.replace(f"{HOST}:{ours.alive}", f"{HOST}:8081") == nginx(PLAIN)


def test_requests_spread_over_all_of_them(site):
    server, _ = site
    report = server.load(rate=200, seconds=2).wait()
    assert report.failed == 0 and report.ok > 300
    counts = Counter(line["app"] for line in server.log())
    assert len(counts) == 4
    assert min(counts.values()) > 0.15 * sum(counts.values())


def test_the_least_busy_one_is_asked(tmp_path, host):
    """Taking turns would send each the same; one that takes 0.7 s for an answer is asked less."""
    apps = Apps(host, "slow")
    with Nginx(tmp_path, apps.upstreams) as server:
        assert server.load(rate=100, seconds=3).wait().failed == 0
        counts = Counter(line["app"] for line in server.log())
    slow, *others = (counts[upstream] for upstream in apps.upstreams)
    assert slow < min(others) / 2


def test_one_dies_and_no_request_fails(site):
    server, apps = site
    load = server.load()
    time.sleep(1)
    apps.host.kill(apps.ids[2])
    report = load.wait()
    assert report.sent > 800 and report.failed == 0
    late = Counter(line["app"] for line in server.log()[-200:])
    assert late[apps.upstreams[2]] <= 2 and len(late) >= 3


@as_pinned
def test_a_reload_under_load_fails_no_request(site):
    server, _ = site
    load = server.load(seconds=4)
    for _ in range(12):
        time.sleep(0.3)
        server.reload()
    report = load.wait()
    assert report.sent > 1000 and report.failed == 0


def test_a_reload_refuses_no_new_connection(site):
    server, _ = site
    statuses: Counter[int] = Counter()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            statuses[server.get("/")[0]] += 1

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for _ in range(5):
        time.sleep(0.2)
        server.reload()
    ended.set()
    for client in clients:
        client.join()
    # A client that met a closed door has died, and asked no more.
    assert set(statuses) == {200} and statuses[200] > 200


def test_a_stop_lets_requests_end(echo):
    got: list[int] = []
    asking = threading.Thread(target=lambda: got.append(echo.get("/slow")[0]))
    asking.start()
    time.sleep(0.5)
    echo.process.send_signal(signal.SIGQUIT)
    asking.join()
    assert got == [200]
    assert echo.process.wait(5) == 0


def test_a_stop_waits_no_longer_than_the_grace(tmp_path):
    with socket.create_server((HOST, 0)) as mute:
        upstream = f"{HOST}:{mute.getsockname()[1]}"
        with Nginx(tmp_path, (upstream,) * 2, release(stop_grace=1)) as server:
            client = socket.create_connection((HOST, server.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.3)
            server.process.send_signal(signal.SIGQUIT)
            assert server.process.wait(5) == 0
            client.close()


def test_nginx_answers_for_itself_and_the_apps_for_themselves(site):
    server, apps = site
    assert server.get("/health")[::2] == (200, b"ok\n")
    assert server.get("/health/deep")[0] == 200
    for id in apps.ids:
        apps.host.kill(id)
    assert server.get("/health")[0] == 200
    assert server.get("/health/deep")[0] in (502, 504)


def test_a_health_check_of_the_apps_that_is_called_health_is_theirs(tmp_path):
    closed = free_port()
    with Nginx(tmp_path, (f"{HOST}:{closed}",) * 2, release(health_path="/health")) as server:
        assert server.get("/health")[0] == 502


def test_deep_health_has_an_answer_within_the_balancers_timeout(echo):
    begun = time.monotonic()
    assert echo.get("/health/deep")[0] == 504
    # Two tries of 2 s each; the balancer waits 5 s.
    assert 1.9 < time.monotonic() - begun < 4.9


def test_the_app_learns_who_asked(echo):
    status, answered, body = echo.get(
        "/",
        X_Forwarded_For="6.6.6.6, 203.0.113.9",
        X_Forwarded_Proto="https",
        X_Forwarded_Port="443",
        Host="shop.example",
    )
    seen = json.loads(body)
    assert status == 200
    assert seen["host"] == "shop.example"
    assert seen["x-forwarded-for"] == "6.6.6.6, 203.0.113.9, 127.0.0.1"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("https", "443")
    # What the balancer added, not what the client claims.
    assert seen["x-real-ip"] == "203.0.113.9"
    assert len(seen["x-request-id"]) == 32 and answered["x-request-id"] == seen["x-request-id"]
    assert "connection" not in seen


def test_headers_as_long_as_the_balancers_pass(echo):
    seen = json.loads(echo.get("/heads", Cookie="c" * 16_000, X_Other="o" * 16_000, X_Third="t" * 16_000)[2])
    assert (len(seen["cookie"]), len(seen["x-other"]), len(seen["x-third"])) == (16_000, 16_000, 16_000)
    assert len(echo.get("/heads")[1]["x-long-3"]) == 7000


def test_a_websocket_can_be_opened(echo):
    seen = json.loads(echo.get("/", Connection="Upgrade", Upgrade="websocket")[2])
    assert (seen["connection"], seen["upgrade"]) == ("upgrade", "websocket")


def test_without_a_balancer_the_headers_are_nginxs_own(echo):
    seen = json.loads(echo.get("/")[2])
    assert seen["x-forwarded-for"] == HOST
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", str(echo.port))


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_Z", True), ('a"b', False), ("a b", False), ("", False)])
def test_a_request_keeps_its_id_if_it_is_one(echo, given, kept):
    seen = json.loads(echo.get("/", X_Request_Id=given)[2])["x-request-id"]
    assert (seen == given) is kept
    assert echo.log(1)[-1]["request"] == seen


def test_any_host_is_taken(site):
    for name in ("10.30.4.7:8080", "shop.example", "_"):
        assert site[0].get("/", Host=name)[0] == 200


def test_every_line_of_the_log_is_json(echo):
    echo.get('/a"b?c=\\d', User_Agent='x"\\\ty', X_Forwarded_For="203.0.113.9", X_Amzn_Trace_Id="Root=1-2")
    [line] = echo.log(1)
    assert (line["uri"], line["agent"], line["trace"]) == ('/a"b?c=\\d', 'x"\\\ty', "Root=1-2")
    assert (line["client"], line["status"], line["app_status"]) == ("203.0.113.9", 200, "200")
    assert line["seconds"] >= 0 and line["time"]


def test_health_checks_that_pass_are_not_logged_and_others_are(site):
    server, apps = site
    server.get("/health/deep")
    server.get("/health")
    assert server.log() == []
    for id in apps.ids:
        apps.host.kill(id)
    server.get("/health/deep")
    assert [line["uri"] for line in server.log(1)] == ["/health/deep"]


def test_what_may_have_been_done_is_not_done_twice(echo):
    assert echo.get("/breaks", method="POST", body=b"order")[0] == 502
    assert echo.broke == ["POST"]
    echo.get("/breaks")
    assert echo.broke.count("GET") == 2


def test_an_upload_reaches_the_app_and_one_too_large_is_refused(echo):
    assert echo.get("/", method="POST", body=b"x" * 5_000_000)[2].endswith(b"x" * 1000)
    with suppress(BrokenPipeError, ConnectionResetError):
        assert echo.get("/", method="POST", body=b"x" * 33 * 1024 * 1024)[0] == 413


def test_connections_are_kept_longer_than_the_balancer_keeps_them_idle():
    assert "keepalive_timeout 75s;" in nginx(PLAIN)
    assert "keepalive_timeout 4015s;" in nginx(release(idle_timeout=4000))
