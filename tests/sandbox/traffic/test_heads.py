"""What the balancer writes into requests and answers, and which requests it won't pass on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.traffic import answers, forwarding
from sandbox.traffic.forwarding import Framing
from sandbox.traffic.request import BadRequest, Headers, Request, host_and_port
from sandbox.traffic.wire import Action

names = st.text("abcdefghij-", min_size=3, max_size=8).map(lambda text: b"x" + text.encode())
values = st.text("abc ,;=\"'/", max_size=10).map(lambda text: text.strip().encode())
others = st.lists(st.tuples(names, values), max_size=5)
addresses = st.lists(st.ip_addresses(v=4).map(str), max_size=5)


def request(*headers: tuple[bytes, bytes], url: bytes = b"/a?b=c", method: bytes = b"GET") -> Request:
    return Request(method, url, [(b"Host", b"web.test"), *headers], http10=False, keep_alive=True)


def lines(head: bytes) -> list[tuple[bytes, bytes]]:
    assert head.endswith(b"\r\n\r\n")
    pairs = [line.partition(b": ") for line in head[:-4].split(b"\r\n")[1:]]
    return [(name, value) for name, _, value in pairs]


@given(others, addresses)
def test_a_request_reaches_its_target_as_it_came_and_with_who_sent_it(headers: Headers, before: list[str]) -> None:
    came = [(b"X-Forwarded-For", ip.encode()) for ip in before] + [(b"X-Forwarded-Proto", b"gopher")]
    made = request(*came[:1], *headers, *came[1:])
    head = forwarding.request_head(made, "192.0.2.7", b"https", 443)
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\nHost: web.test\r\n")
    sent = lines(head)
    assert [pair for pair in sent if pair in headers] == headers
    ours = dict(pair for pair in sent if pair not in headers)
    assert ours[b"X-Forwarded-For"].decode().split(", ") == [*before, "192.0.2.7"]
    assert (ours[b"X-Forwarded-Proto"], ours[b"X-Forwarded-Port"]) == (b"https", b"443")
    assert ours[b"X-Amzn-Trace-Id"].startswith(b"Root=1-")
    assert len(sent) == len(headers) + 5


@given(others)
def test_what_is_for_the_next_hop_only_goes_no_further(headers: Headers) -> None:
    own = [(b"Connection", b"keep-alive, X-Mine"), (b"X-Mine", b"1"), (b"Keep-Alive", b"9"), (b"Upgrade", b"x")]
    sent = lines(forwarding.request_head(request(*own, *headers), "192.0.2.7", b"http", 80))
    assert not {name.lower() for name, _ in sent} & {b"connection", b"x-mine", b"keep-alive", b"upgrade"}
    answer = forwarding.response_head(200, b"OK", [*own, *headers], Framing.CHUNKED, close=False)
    back = lines(answer)
    assert [pair for pair in back if pair[0] in (b"X-Mine", b"Keep-Alive", b"Upgrade")] == []
    assert back[-1] == (b"Connection", b"keep-alive")


def test_a_trace_goes_on_and_gets_our_own_part() -> None:
    assert forwarding.trace_id(b"", now=16).startswith(b"Root=1-00000010-")
    own, *rest = forwarding.trace_id(b"Self=1-old-x;Root=1-67891233-abc;k=v", now=16).split(b";")
    assert own.startswith(b"Self=1-00000010-")
    assert rest == [b"Root=1-67891233-abc", b"k=v"]


def test_an_upgrade_is_passed_on_but_not_to_http_2() -> None:
    def made(to: bytes) -> Request:
        return request((b"Connection", b"Upgrade"), (b"Upgrade", to))

    sent = lines(forwarding.request_head(made(b"websocket"), "192.0.2.7", b"http", 80))
    assert sent[-2:] == [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    assert made(b"h2c").upgrade == b""


@pytest.mark.parametrize(
    ("method", "http10", "status", "length", "how"),
    [
        (b"GET", False, 200, b"5", Framing.LENGTH),
        (b"GET", False, 200, None, Framing.CHUNKED),
        (b"GET", True, 200, None, Framing.CLOSE),
        (b"HEAD", False, 200, b"5", Framing.NONE),
        (b"GET", False, 304, b"5", Framing.NONE),
        (b"GET", False, 204, None, Framing.NONE),
    ],
)
def test_how_an_answer_s_end_is_told(method: bytes, http10: bool, status: int, length: bytes | None, how: int) -> None:
    asked = Request(method, b"/", [(b"Host", b"x")], http10=http10, keep_alive=True)
    assert forwarding.framing(asked, status, length) == how


@pytest.mark.parametrize(
    ("headers", "url", "status"),
    [
        ([], b"/", 400),
        ([(b"Host", b"a"), (b"host", b"b")], b"/", 400),
        ([(b"Host", b"a")], b"ftp://a/", 400),
        ([(b"Host", b"a"), (b"X-Forwarded-For", b",".join([b"192.0.2.1"] * 31))], b"/", 463),
    ],
)
def test_requests_that_are_refused(headers: Headers, url: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        Request(b"GET", url, headers, http10=False, keep_alive=True)
    assert refused.value.status == status


def test_a_whole_url_names_the_host() -> None:
    made = request(url=b"HTTP://User@Web-1.elb.test:8080?x=1")
    assert (made.scheme, made.host, made.target) == ("http", "Web-1.elb.test:8080", b"/?x=1")
    assert host_and_port(made.host, 80) == ("web-1.elb.test", 8080)
    assert host_and_port("web", 80) == ("web", 80)
    assert host_and_port("[::1]:81", 80) == ("[::1]", 81)


@pytest.mark.parametrize(
    ("template", "url", "location"),
    [
        ("https://#{host}:443/#{path}?#{query}", b"/a/b?x=1&y=2", "https://web.test:443/a/b?x=1&y=2"),
        ("https://#{host}:443/#{path}?#{query}", b"/", "https://web.test:443/"),
        ("#{protocol}://new.#{host}:#{port}/v2/#{path}", b"/a?x", "http://new.web.test:80/v2/a"),
    ],
)
def test_a_redirect_s_parts_are_filled_in(template: str, url: bytes, location: str) -> None:
    action = Action("redirect", status=301, location=template)
    head, _ = answers.redirect(action, request(url=url), "HTTP", 80)
    assert f"Location: {location}\r\n".encode() in head


def test_a_redirect_can_t_be_made_to_carry_headers() -> None:
    made = request(url=b"/a")
    made.path = "/a\r\nSet-Cookie: x"
    assert "\r" not in answers.redirect_url("/#{path}", made, "HTTP", 80)


def test_an_error_page_shows_what_it_was_told_as_text() -> None:
    _, page = answers.error(502, "<script>")
    assert b"<script>" not in page and b"502 Bad Gateway" in page
