"""What clients get when targets fail, and what running requests notice of a change: as behind a real load balancer."""

import http.client
import json
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psutil
import pytest

from sandbox.traffic.child import TrafficError
from sandbox.traffic.wire import Action, Rule, Share, Target

pytestmark = pytest.mark.slow  # real sockets and processes: each waits a little, and there are many

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serve(site: Any, *targets: Target, **more: Any) -> None:
    site.group("blue", *targets, **more)
    site.weigh(blue=1)


def closed_port() -> Target:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return Target("closed", *sock.getsockname(), "healthy")


def test_a_target_that_refuses_connections_is_a_502(site: Any) -> None:
    serve(site, closed_port())
    assert site.get()[0].status == 502
    assert site.elb() == {"502": 1}
    assert site.balancer.counters().groups[site.arn("blue")].connection_errors == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 40_000,
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_a_target_that_gives_no_answer_is_a_502(site: Any, rogues: Any, answer: bytes) -> None:
    serve(site, rogues.answering(answer).target)
    response, body = site.get()
    assert (response.status, response.headers["Server"]) == (502, "awselb/2.0")
    assert b"502 Bad Gateway" in body
    assert site.elb() == {"502": 1}


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsome \r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsome \r\nzz",
    ],
)
def test_a_target_that_dies_while_it_answers_leaves_no_whole_answer(site: Any, rogues: Any, begun: bytes) -> None:
    serve(site, rogues.answering(begun).target)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        site.get()
    counters = site.balancer.counters()
    assert counters.groups[site.arn("blue")].cut_short == 1
    assert counters.outstanding == {}


def test_an_old_client_can_tell_a_cut_answer_from_a_whole_one(site: Any, rogues: Any) -> None:
    serve(site, rogues.answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsome \r\n").target)
    with site.open() as sock, pytest.raises(ConnectionResetError):
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while sock.recv(1000):
            pass


def test_a_target_that_doesn_t_answer_in_time_is_a_504(site: Any, rogues: Any) -> None:
    serve(site, rogues.acting(lambda sock: time.sleep(2)).target, idle_timeout=0.2)
    before = time.monotonic()
    assert site.get()[0].status == 504
    assert 0.2 <= time.monotonic() - before < 1
    assert site.elb() == {"504": 1}


def test_a_request_that_stops_half_way_is_a_408(site: Any) -> None:
    serve(site, site.boot("a"), idle_timeout=0.2)
    answer = site.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_without_targets_it_is_a_503_also_for_a_share_of_the_requests(site: Any) -> None:
    serve(site)
    assert site.get()[0].status == 503
    site.group("green", site.boot("green", "green"))
    site.weigh(blue=1, green=1)
    assert sorted(site.get()[0].status for _ in range(6)) == [200, 200, 200, 503, 503, 503]
    site.weigh(blue=0, green=0)
    assert site.get()[0].status == 503
    only_draining = site.boot("draining")
    serve(site, replace(only_draining, state="draining"))
    assert site.get()[0].status == 503


def test_only_healthy_targets_get_requests_but_a_group_without_any_fails_open(site: Any) -> None:
    targets = [site.boot(name) for name in "abcd"]

    def seen(*states: str) -> set[str]:
        serve(site, *(replace(target, state=state) for target, state in zip(targets, states, strict=True)))
        return {site.get()[0].headers["X-Service-Instance"][0] for _ in range(8)}

    assert seen("healthy", "unhealthy", "initial", "draining") == {"a"}
    assert seen("unhealthy", "unhealthy", "initial", "draining") == {"a", "b", "c"}


def test_the_target_with_the_fewest_requests_is_next(site: Any) -> None:
    serve(site, site.boot("a"), site.boot("b"), load_balancing="least_outstanding_requests")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(site.get, "/sleep/250")
        time.sleep(0.1)
        others = {site.get()[0].headers["X-Service-Instance"] for _ in range(6)}
        busy = running.result()[0].headers["X-Service-Instance"]
    assert len(others) == 1 and busy not in others


def test_a_pooled_connection_that_was_closed_meanwhile_is_no_failure(site: Any, rogues: Any) -> None:
    """The target closes just as the next request arrives: nobody has begun to answer, so it is sent again."""

    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(OK)
        rogues.read_head(sock)

    rogue = rogues.acting(act)
    serve(site, rogue.target)
    for _ in range(5):
        assert site.get()[0].status == 200
    assert rogue.connections == 5
    assert site.elb() == {}
    # What isn't safe to send twice is not sent twice: the target may have done it.
    assert site.get(method="POST", body=b"x")[0].status == 502


def test_a_first_request_that_is_closed_on_is_not_sent_again(site: Any, rogues: Any) -> None:
    rogue = rogues.answering(b"")
    serve(site, rogue.target)
    assert site.get()[0].status == 502
    assert rogue.connections == 1


def test_what_a_target_says_unasked_reaches_no_client(site: Any, rogues: Any) -> None:
    """Half of an answer to nobody comes with the first answer, the rest later: it must not be the next one's."""

    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsto")
        rogues.read_head(sock)
        sock.sendall(b"len")
        sock.recv(1)

    serve(site, rogues.acting(act).target)
    for _ in range(3):
        assert site.get()[1] == b"ok"

    def late(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(OK)
        time.sleep(0.05)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsto")
        rogues.read_head(sock)

    serve(site, rogues.acting(late).target)
    for _ in range(3):
        assert site.get()[1] == b"ok"
        time.sleep(0.1)


def test_a_draining_target_s_idle_connections_are_closed(site: Any, rogues: Any) -> None:
    closed = threading.Event()

    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(OK)
        if sock.recv(1) == b"":
            closed.set()

    target = rogues.acting(act).target
    for change in (lambda: serve(site, replace(target, state="draining")), lambda: serve(site)):
        serve(site, target)
        assert site.get()[0].status == 200
        assert not closed.wait(0.05)
        change()
        assert closed.wait(5)
        closed.clear()


def test_connections_to_a_target_that_a_burst_took_and_nobody_needs_any_more_are_closed(site: Any) -> None:
    burst = 12
    target = site.boot("a")
    serve(site, target)
    with ThreadPoolExecutor(burst) as clients:
        answers = list(clients.map(lambda _: site.get("/sleep/300")[0].status, range(burst)))
    assert answers == [200] * burst
    assert connections_to(site) > 1
    serve(site, target, idle_timeout=0.5)
    until = time.monotonic() + 20
    while connections_to(site) > 1:
        assert site.get()[0].status == 200  # one is in use all the time
        assert time.monotonic() < until, f"{connections_to(site)} connections to the target are left"
        time.sleep(0.05)


def connections_to(site: Any) -> int:
    """How many the balancer holds to the one target of a site."""
    (target,) = site.groups["blue"].targets
    return sum(
        (one.raddr and one.raddr.port) == target.port for one in psutil.Process(site.balancer.pid).net_connections()
    )


def test_a_slow_client_slows_its_target_and_nobody_s_memory_grows(site: Any) -> None:
    serve(site, site.boot("a"))
    size = 200_000_000
    with site.open() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
        sock.recv(1000)
        time.sleep(0.2)
        assert site.color() == "blue"
        assert resident_bytes(site.balancer.pid) < 150_000_000


def test_a_slow_target_slows_its_client(site: Any, rogues: Any) -> None:
    release = threading.Event()

    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        release.wait(5)

    serve(site, rogues.acting(act).target)
    with site.open() as sock:
        sock.settimeout(0.2)
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n")
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200_000_000:
                sent += sock.send(b"x" * 1_000_000)
    release.set()
    assert sent < 50_000_000
    assert resident_bytes(site.balancer.pid) < 150_000_000


def test_an_upload_that_its_target_cuts_short_still_gets_an_answer(site: Any, rogues: Any) -> None:
    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        while sock.recv(65536):
            pass

    for rogue, status in ((rogues.acting(act), 413), (rogues.answering(b""), 502)):
        serve(site, rogue.target)
        assert site.get(method="POST", body=b"x" * 20_000_000)[0].status == status


def test_an_old_client_s_upload_that_is_answered_early(site: Any, rogues: Any) -> None:
    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nenough")
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)

    serve(site, rogues.acting(act).target)
    with site.open() as sock:
        sock.sendall(b"POST / HTTP/1.0\r\nContent-Length: 8\r\n\r\nhalf")
        answer = b""
        while not answer.endswith(b"enough"):
            answer += sock.recv(1000)
        sock.sendall(b"half")
        assert sock.recv(1) == b""


def test_big_bodies_both_ways(site: Any) -> None:
    serve(site, site.boot("a"))
    response, body = site.get("/bytes/30000000")
    assert (response.status, len(body)) == (200, 30_000_000)
    _, said = site.get("/", "POST", b"x" * 30_000_000)
    assert json.loads(said)["received"] == 30_000_000


def test_a_client_that_goes_away_ends_its_request(site: Any, rogues: Any) -> None:
    ended = threading.Event()

    def act(sock: socket.socket) -> None:
        rogues.read_head(sock)
        try:
            sock.recv(1)
        finally:
            ended.set()

    serve(site, rogues.acting(act).target)
    with site.open() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.05)
    assert ended.wait(2)
    assert site.elb() == {"460": 1}
    assert site.balancer.counters().outstanding == {}


def test_a_running_request_ends_on_its_target_whatever_the_table_says(site: Any) -> None:
    old, new = site.boot("old"), site.boot("new", "green")
    serve(site, old)
    connection = http.client.HTTPConnection(*site.address, timeout=5)
    connection.request("GET", "/sleep/200")
    time.sleep(0.05)
    assert site.balancer.counters().outstanding == {old.id: 1}
    site.group("green", new)
    del site.groups["blue"]
    site.weigh(green=1)
    site.apps.stop(old.id, 2)
    assert site.color() == "green"
    response = connection.getresponse()
    assert (response.status, response.headers["X-Service-Color"]) == (200, "blue")
    response.read()
    connection.request("GET", "/")  # the same connection, now to where the table sends it
    assert connection.getresponse().headers["X-Service-Color"] == "green"
    connection.close()


def test_a_removed_listener_lets_requests_end_and_closes_its_connections(site: Any) -> None:
    serve(site, site.boot("a"))
    running, idle = (http.client.HTTPConnection(*site.address, timeout=5) for _ in range(2))
    idle.request("GET", "/")
    idle.getresponse().read()
    running.request("GET", "/sleep/150")
    time.sleep(0.05)
    address = site.address
    site.balancer.apply(replace_listeners(site))
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=1)
    assert idle.sock.recv(1) == b""
    response = running.getresponse()
    assert (response.status, response.headers["Connection"]) == (200, "close")
    assert response.read()


def replace_listeners(site: Any) -> Any:
    from sandbox.traffic.wire import Table

    return Table(0, (), tuple(site.groups.values()))


def test_a_table_that_can_t_be_applied_leaves_the_one_before(site: Any) -> None:
    serve(site, site.boot("a"))
    rule = Rule("r", 1, (), (), (), Action("forward", (Share("nowhere", 1),)))
    site.rules = (rule,)
    with pytest.raises(TrafficError, match="nowhere"):
        site.serve()
    site.rules = ()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        was = site.listener
        site.listener = replace(was, port=port)
        with pytest.raises(TrafficError, match=f"127.0.0.1:{port}"):
            site.serve()
        site.listener = was
    assert site.color() == "blue"
    site.serve()


def test_a_listener_s_port_passes_on_to_the_one_that_replaces_it(site: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site.listener = replace(site.listener, port=port)
    serve(site, site.boot("a"))
    connection = http.client.HTTPConnection(*site.address, timeout=5)
    for suffix in ("", "-again"):
        site.listener = replace(site.listener, arn=f"listener-{site.number}{suffix}")
        site.serve()
        connection.request("GET", "/")
        assert connection.getresponse().read()
    assert site.address == ("127.0.0.1", port)
    connection.close()


def test_a_client_that_resets_its_connection_harms_nobody(site: Any) -> None:
    serve(site, site.boot("a"))
    for _ in range(20):
        with site.open() as sock:
            sock.sendall(b"GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(100)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert site.color() == "blue"
    time.sleep(0.05)
    assert site.balancer.counters().outstanding == {}


def resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * 4096
    except OSError:
        pytest.skip("memory is read from /proc")
