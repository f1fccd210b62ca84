"""The demo apps: who they say they are, how they misbehave, how they stop."""

import http.client
import json
import socket
import struct
import time
from contextlib import suppress
from typing import Any

import pytest

from sandbox.traffic.apphost import AppHost
from sandbox.traffic.child import TrafficError
from sandbox.traffic.wire import App

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many


@pytest.fixture
def boot(apps: AppHost, request: pytest.FixtureRequest) -> Any:
    booted = []

    def boot(behaviour: str = "ok", **more: Any) -> tuple[str, tuple[str, int]]:
        id = f"{request.node.name}-{len(booted)}"
        booted.append(id)
        app = App(id, "127.0.0.1", 0, "web", "v2", "green", "repo@sha256:1", behaviour, **more)
        return id, apps.boot(app)

    yield boot
    for id in booted:
        apps.kill(id)


def get(address: tuple[str, int], path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_each_app_has_an_address_of_its_own(apps: AppHost, boot: Any) -> None:
    id, address = boot()
    other, elsewhere = boot()
    assert address != elsewhere
    assert [json.loads(get(where)[1])["instance"] for where in (address, elsewhere)] == [id, other]
    with pytest.raises(TrafficError, match="runs already"):
        apps.boot(App(id, "127.0.0.1", 0, "web", "v2", "green", "x"))
    with pytest.raises(TrafficError, match=f"can't listen on 127.0.0.1:{address[1]}"):
        apps.boot(App("another", *address, "web", "v2", "green", "x"))
    with pytest.raises(TrafficError, match="no behaviour 'odd'"):
        boot("odd")


def test_health_by_behaviour(boot: Any) -> None:
    _, sound = boot(health_path="/ready")
    _, sick = boot("never-healthy", health_path="/ready")
    assert [get(sound, path)[0] for path in ("/health", "/health/deep", "/ready")] == [200, 200, 200]
    assert [get(sick, path)[0] for path in ("/health", "/health/deep", "/ready", "/")] == [200, 503, 503, 200]


def test_a_slow_start_answers_503_until_it_is_warm(boot: Any) -> None:
    _, address = boot("slow-start=0.2")
    assert [get(address, path)[0] for path in ("/health", "/health/deep", "/")] == [200, 503, 503]
    time.sleep(0.2)
    assert [get(address, path)[0] for path in ("/health/deep", "/")] == [200, 200]


def test_slow_and_failing_releases(boot: Any) -> None:
    _, slow = boot("slow=0.1")
    _, failing = boot("errors=0.25")
    before = time.monotonic()
    assert get(slow)[0] == 200
    assert time.monotonic() - before >= 0.1
    assert [get(failing)[0] for _ in range(8)].count(500) == 2
    assert get(failing, "/health/deep")[0] == 200


def test_one_that_dies_is_gone_after_its_time(apps: AppHost, boot: Any) -> None:
    id, address = boot("dies=0.1")
    assert get(address)[0] == 200
    time.sleep(0.15)
    with pytest.raises(ConnectionRefusedError):
        get(address)
    assert "dies" in "".join(apps.log(id))
    assert id not in apps.running()


def test_nothing_listens_before_the_start_delay_is_over(boot: Any) -> None:
    _, address = boot(start_delay=0.15)
    with pytest.raises(ConnectionRefusedError):
        get(address)
    time.sleep(0.2)
    assert get(address)[0] == 200


def test_one_that_is_stopped_before_it_listens_never_does(apps: AppHost, boot: Any) -> None:
    id, address = boot(start_delay=0.1)
    apps.stop(id, 0.05)
    time.sleep(0.2)
    with pytest.raises(ConnectionRefusedError):
        get(address)
    assert id not in apps.running()


def test_a_stop_lets_requests_end_and_closes_what_is_idle(apps: AppHost, boot: Any) -> None:
    id, address = boot()
    running, idle, late = (http.client.HTTPConnection(*address, timeout=5) for _ in range(3))
    for connection in (idle, late):
        connection.request("GET", "/")
        connection.getresponse().read()
    running.request("GET", "/sleep/250")
    time.sleep(0.05)
    apps.stop(id, 2)
    with pytest.raises(ConnectionRefusedError):
        get(address)
    late.request("GET", "/")  # was on its way when the app was told to stop
    response = late.getresponse()
    assert (response.status, response.headers["Connection"]) == (200, "close")
    assert idle.sock.recv(1) == b""
    response = running.getresponse()
    assert (response.status, response.headers["Connection"]) == (200, "close")
    assert response.read()
    time.sleep(0.05)
    assert apps.log(id)[-1] == "stopped"
    assert id not in apps.running()


def test_a_stop_ends_with_its_grace(apps: AppHost, boot: Any) -> None:
    id, address = boot()
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request("GET", "/sleep/5000")
    time.sleep(0.05)
    apps.stop(id, 0.1)
    with pytest.raises(ConnectionResetError):
        connection.getresponse()


def test_a_kill_resets(apps: AppHost, boot: Any) -> None:
    id, address = boot()
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request("GET", "/sleep/5000")
    time.sleep(0.05)
    assert apps.running()[id] == 1
    apps.kill(id)
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    apps.kill(id)
    apps.stop("unknown", 1)
    assert apps.log("unknown") == []


def test_an_address_is_free_again_after_a_stop(apps: AppHost, boot: Any) -> None:
    id, address = boot()
    assert get(address)[0] == 200
    apps.stop(id, 0.1)
    time.sleep(0.15)
    app = App(id, *address, "web", "v3", "green", "x")
    assert apps.boot(app) == address
    assert json.loads(get(address)[1])["version"] == "v3"


def test_an_upgrade_is_not_on_offer_and_no_error(boot: Any) -> None:
    _, address = boot()
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: %b\r\nUpgrade: websocket\r\n\r\n"
    with socket.create_connection(address, timeout=5) as sock:
        sock.sendall(ask % b"upgrade" + ask % b"close")
        answers = b""
        while piece := sock.recv(1000):
            answers += piece
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200"]


def test_nonsense_doesn_t_end_the_app(boot: Any) -> None:
    _, address = boot()
    for sent in (b"\0\1\2\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        with socket.create_connection(address, timeout=5) as sock, suppress(ConnectionResetError):
            sock.sendall(sent)
            assert sock.recv(100).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection(address, timeout=5) as sock:
        sock.sendall(b"GET /sleep/50 HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert get(address)[0] == 200


def replica(address: tuple[str, int], path: str = "/") -> str | None:
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.getheader("X-Service-Replica")


def test_replicas_take_turns_and_one_has_no_number(boot: Any) -> None:
    _, several = boot(replicas=4)
    _, single = boot()
    assert sorted(replica(several) or "" for _ in range(8)) == ["1", "1", "2", "2", "3", "3", "4", "4"]
    assert replica(single) is None


def test_a_replica_that_is_busy_gets_no_other_request(boot: Any) -> None:
    _, address = boot(replicas=2)
    busy = http.client.HTTPConnection(*address, timeout=5)
    busy.request("GET", "/sleep/600")
    time.sleep(0.1)
    others = {replica(address) for _ in range(4)}
    taken = busy.getresponse()
    assert taken.read() is not None
    assert others == {"1", "2"} - {taken.getheader("X-Service-Replica")}
    cut = socket.create_connection(address)
    cut.sendall(b"GET /sleep/5000 HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.1)
    cut.close()
    time.sleep(0.1)
    assert {replica(address) for _ in range(4)} == {"1", "2"}


def test_the_environment_is_shown_by_its_names(boot: Any) -> None:
    _, address = boot(variables=("GREETING", "DATABASE_URL"))
    assert json.loads(get(address, "/env-names")[1]) == {"names": ["DATABASE_URL", "GREETING"]}


def test_news_are_what_was_said_since_the_last_time_and_few(apps: AppHost, boot: Any) -> None:
    id, address = boot(replicas=2)
    quiet, _ = boot()
    assert apps.news([id]) == {id: [(1, f"v2 listens on 127.0.0.1:{address[1]}")]}
    for _ in range(50):
        get(address, "/basket")
    get(address, "/health/deep")
    news = apps.news([id, quiet, "unknown"])
    assert list(news) == [id, quiet]
    assert 1 <= len(news[id]) <= 3
    first = json.loads(news[id][0][1])
    assert first == {"method": "GET", "path": "/basket", "status": 200, "unlogged": 0}
    assert apps.news([id]) == {}
    time.sleep(1.1)
    assert [get(address, path)[0] for path in ("/health", "/health/deep")] == [200, 200]
    assert apps.news([id]) == {}
