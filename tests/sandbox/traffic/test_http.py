"""HTTP through the balancer as a client and a target see it, on real sockets."""

import http.client
import json
import socket
import threading
from typing import Any

import pytest

from sandbox.traffic.wire import Action, Rule, Share

GET = b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n"


@pytest.fixture
def web(site: Any) -> Any:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    return site


@pytest.fixture
def echo(site: Any, rogues: Any) -> Any:
    site.group("blue", rogues.echoing().target)
    site.weigh(blue=1)
    return site


def test_an_answer_says_who_gave_it(web: Any) -> None:
    response, body = web.get("/any/path?x=1")
    assert response.status == 200
    assert response.headers["X-Service-Color"] == "blue"
    said = json.loads(body)
    assert said["instance"] == response.headers["X-Service-Instance"]
    assert (said["service"], said["version"], said["image"]) == ("web", "v-blue", "repo@sha256:0")


def test_a_target_sees_the_request_s_host_and_sender(echo: Any) -> None:
    _, seen = echo.get("/p?q", Host="www.example.com", X_Forwarded_For="198.51.100.1", Cookie="a=b")
    head = seen.decode().split("\r\n")
    assert head[0] == "GET /p?q HTTP/1.1"
    for line in ("Host: www.example.com", "X-Forwarded-For: 198.51.100.1, 127.0.0.1", "Cookie: a=b"):
        assert line in head
    assert {"X-Forwarded-Proto: http", "X-Forwarded-Port: 80"} < set(head)
    assert any(line.startswith("X-Amzn-Trace-Id: Root=1-") for line in head)


def test_a_client_s_connection_stays_and_requests_still_spread(site: Any) -> None:
    site.group("blue", site.boot("a"), site.boot("b"))
    site.weigh(blue=1)
    connection = http.client.HTTPConnection(*site.address, timeout=5)
    seen = []
    for _ in range(6):
        connection.request("GET", "/")
        response = connection.getresponse()
        seen.append(json.loads(response.read())["instance"])
        assert connection.sock is not None
    connection.close()
    assert seen[:3] == [seen[0], seen[1], seen[0]]
    assert len(set(seen)) == 2


def test_connections_to_targets_are_used_again(site: Any, rogues: Any) -> None:
    rogue = rogues.echoing()
    site.group("blue", rogue.target)
    site.weigh(blue=1)
    for _ in range(5):
        site.get()
    assert rogue.connections == 1


def test_a_big_upload_arrives_whole(web: Any) -> None:
    body = bytes(range(256)) * 20_000
    response, said = web.get(method="POST", body=body)
    assert (response.status, json.loads(said)["received"]) == (200, len(body))


def test_a_body_arrives_as_it_was(echo: Any) -> None:
    body = bytes(range(256)) * 1000
    _, seen = echo.get(method="PUT", body=body)
    assert seen.partition(b"\r\n\r\n")[2] == body


def test_a_chunked_upload_arrives_whole(web: Any) -> None:
    connection = http.client.HTTPConnection(*web.address, timeout=5)
    connection.request("POST", "/", iter([b"a" * 70_000, b"b", b"c" * 1_000_000]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["received"] == 1_070_001
    connection.request("GET", "/")
    assert connection.getresponse().read()
    connection.close()


def test_a_target_s_chunked_answer_is_passed_on_in_chunks(site: Any, rogues: Any) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n"
    )
    site.group("blue", rogues.answering(answer, answer).target)
    site.weigh(blue=1)
    response, body = site.get()
    assert (response.headers["Transfer-Encoding"], body) == ("chunked", b"abcdefg")
    old = site.raw(b"GET / HTTP/1.0\r\n\r\n")
    head, _, body = old.partition(b"\r\n\r\n")
    assert body == b"abcdefg" and b"Transfer-Encoding" not in head and b"Connection: close" in head


def test_an_answer_that_ends_with_its_connection(site: Any, rogues: Any) -> None:
    site.group("blue", rogues.answering(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nall of it").target)
    site.weigh(blue=1)
    response, body = site.get()
    assert (response.status, body, response.headers["X-A"]) == (200, b"all of it", "b")


@pytest.mark.parametrize(
    ("method", "answer", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", None),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", None),
    ],
)
def test_answers_without_a_body_leave_the_connections_in_use(
    site: Any, rogues: Any, method: str, answer: bytes, length: str | None
) -> None:
    rogue = rogues.answering(answer, answer, answer)
    site.group("blue", rogue.target)
    site.weigh(blue=1)
    connection = http.client.HTTPConnection(*site.address, timeout=5)
    for _ in range(3):
        connection.request(method, "/")
        response = connection.getresponse()
        assert (response.read(), response.headers["Content-Length"]) == (b"", length)
    connection.close()
    assert rogue.connections == 1


def test_continue_is_said_at_once_and_not_passed_on(echo: Any) -> None:
    with echo.open() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        seen = b""
        while not seen.endswith(b"\r\n\r\nok"):
            seen += sock.recv(65536)
    assert seen.startswith(b"HTTP/1.1 200") and b"Expect" not in seen


def test_a_target_s_interim_answer_is_not_the_answer(site: Any, rogues: Any) -> None:
    both = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    site.group("blue", rogues.answering(both).target)
    site.weigh(blue=1)
    response, body = site.get()
    assert (response.status, body, response.headers["Link"]) == (200, b"ok", None)


def test_pipelined_requests_are_answered_in_their_order(site: Any) -> None:
    site.group("blue", site.boot("a"))
    site.weigh(blue=1)
    sleeps = [b"GET /sleep/%d HTTP/1.1\r\nHost: x\r\n\r\n" % ms for ms in (60, 0)]
    missing = b"GET /status/418 HTTP/1.1\r\nHost: x\r\n\r\n"
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    answers = site.raw(sleeps[0] + missing + post + sleeps[1] + LAST)
    statuses = [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"418", b"200", b"200", b"200"]
    assert b'"received": 3' in answers


def test_a_thousand_pipelined_requests(site: Any) -> None:
    site.serve(Action("fixed-response", status=200, body="hello"))
    assert site.raw(GET * 1000 + LAST).count(b"hello") == 1001


def test_http_1_0_closes_unless_it_asks_not_to(web: Any) -> None:
    assert b"Connection: close" in web.raw(b"GET / HTTP/1.0\r\n\r\n")
    answers = web.raw(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n")
    assert answers.count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 17_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 12_000, 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 70_000, 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ],
)
def test_bad_requests_are_refused_and_counted(web: Any, sent: bytes, status: int) -> None:
    assert web.raw(sent).startswith(b"HTTP/1.1 %d " % status)
    assert web.elb() == {str(status): 1}
    assert web.color() == "blue"


def test_a_bad_request_behind_a_good_one_takes_nothing_from_it(web: Any) -> None:
    answers = web.raw(b"GET /sleep/30 HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n")
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


def test_bytes_after_a_last_request_are_ignored(web: Any) -> None:
    assert web.raw(LAST + GET).count(b"HTTP/1.1 ") == 1


def test_websockets_pass_through(site: Any, rogues: Any) -> None:
    def act(sock: socket.socket) -> None:
        assert b"Upgrade: websocket" in rogues.read_head(sock)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi ")
        while data := sock.recv(65536):
            sock.sendall(data.upper())

    site.group("blue", rogues.acting(act).target)
    site.weigh(blue=1)
    with site.open() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly ")
        got = b""
        while not got.endswith(b"EARLY "):
            got += sock.recv(1000)
        assert got.startswith(b"HTTP/1.1 101 ") and got.endswith(b"\r\n\r\nhi EARLY ")
        payload = bytes(range(65, 91)) * 100_000
        threading.Thread(target=sock.sendall, args=(payload,)).start()
        got = b""
        while len(got) < len(payload):
            got += sock.recv(65536)
        assert got == payload


def test_a_declined_upgrade_is_an_ordinary_answer(web: Any) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"
    assert web.raw(ask % b"websocket").startswith(b"HTTP/1.1 200 OK")
    # Behind another request, too, and then the connection ends: what might follow it is nobody's guess.
    answers = web.raw(GET + ask % b"websocket")
    assert answers.count(b"200 OK") == 2 and answers.count(b"Connection: close") == 1
    # HTTP/2 is not on offer: the request is answered as it is and the connection goes on.
    assert web.raw(ask % b"h2c" + LAST).count(b"200 OK") == 2


def test_rules_by_priority_then_the_default(site: Any) -> None:
    for color in ("blue", "green"):
        site.group(color, site.boot(color, color))

    def rule(priority: int, color: str, *paths: str, **more: Any) -> Rule:
        conditions = {"hosts": (), "headers": ()} | more
        action = Action("forward", (Share(site.arn(color), 1),))
        return Rule(f"rule-{site.number}-{priority}", priority, paths, **conditions, action=action)

    site.rules = (
        rule(20, "blue", "/api/*", "/v?"),
        rule(10, "green", "/api/new*"),
        rule(30, "green", headers=(("X-Try", ("green*",)),)),
        rule(40, "blue", hosts=("*.blue.test",)),
    )
    site.serve(Action("fixed-response", status=404, content_type="application/json", body="{}"))
    assert site.get("/api/new/x")[0].headers["X-Service-Color"] == "green"
    assert site.get("/api/old?/api/new")[0].headers["X-Service-Color"] == "blue"
    assert site.get("/v2")[0].headers["X-Service-Color"] == "blue"
    assert site.color(X_Try="GREEN please") == "green"
    assert site.color(Host="www.Blue.test:81") == "blue"
    response, body = site.get("/")
    assert (response.status, body, response.headers["Content-Type"]) == (404, b"{}", "application/json; charset=utf-8")
    counters = site.balancer.counters()
    assert counters.rules[f"rule-{site.number}-20"].requests == 2
    assert counters.listeners[site.listener.arn].fixed_responses == 1
    assert counters.listeners[site.listener.arn].requests == 5


def test_redirects_say_where_to(site: Any) -> None:
    site.serve(Action("redirect", status=301, location="https://#{host}:443/#{path}?#{query}"))
    response, _ = site.get("/a?b", Host="web.test")
    assert (response.status, response.headers["Location"]) == (301, "https://web.test:443/a?b")
    # The body of an upload that nobody wants is read all the same, so that the answer can be.
    response, _ = site.get("/", "POST", b"x" * 3_000_000, Host="web.test")
    assert response.status == 301


def test_a_client_that_was_given_a_group_stays_there(site: Any) -> None:
    for color in ("blue", "green"):
        site.group(color, site.boot(color, color))
    site.weigh(sticky=60, blue=1, green=0)
    response, _ = site.get()
    first, cors = response.headers.get_all("Set-Cookie")
    assert first.startswith("AWSALBTG=") and cors.startswith("AWSALBTGCORS=") and "Secure" in cors
    site.weigh(sticky=60, blue=0, green=1)
    assert site.color() == "green"
    assert site.color(Cookie=first.partition(";")[0]) == "blue"
    assert site.color(Cookie="AWSALBTG=made-up") == "green"
    site.weigh(blue=0, green=1)
    assert site.color(Cookie=first.partition(";")[0]) == "green"


def test_a_client_that_was_given_a_target_stays_there(site: Any) -> None:
    site.group("blue", *(site.boot(name) for name in "abc"), stickiness_seconds=60)
    site.weigh(blue=1)
    response, _ = site.get()
    cookie = response.headers.get_all("Set-Cookie")[0].partition(";")[0]
    assert cookie.startswith("AWSALB=")
    again = {site.get(Cookie=cookie)[0].headers["X-Service-Instance"] for _ in range(4)}
    assert again == {response.headers["X-Service-Instance"]}
