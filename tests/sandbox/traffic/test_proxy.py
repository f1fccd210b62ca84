"""The forward proxy: listeners by the names and ports that AWS gives them."""

import http.client
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.traffic.balancer import Balancer
from sandbox.traffic.child import TrafficError
from sandbox.traffic.wire import Action, Table


@pytest.fixture
def ask(site: Any, rogues: Any) -> Any:
    """Asks the proxy for a URL; the listener on 80 is an app, the one on 443 says what its target sees."""
    site.group("blue", site.boot("a"))
    site.group("echo", rogues.echoing().target)
    site.weigh(blue=1)
    plain = replace(site.listener, default=site.action)
    site.weigh(echo=1)
    secure = replace(plain, arn="secure", listen_port=443, protocol="HTTPS", default=site.action)
    site.balancer.apply(Table(1, (plain, secure), tuple(site.groups.values())))
    connection = http.client.HTTPConnection(urlsplit(site.balancer.proxy_url).netloc, timeout=5)

    def ask(url: str, method: str = "GET") -> tuple[int, bytes]:
        connection.request(method, url)
        response = connection.getresponse()
        return response.status, response.read()

    yield ask
    connection.close()


def test_a_listener_is_reached_by_its_name_and_port(site: Any, ask: Any) -> None:
    name = site.listener.dns_name
    status, body = ask(f"http://{name}/x")
    assert status == 200 and b'"color": "blue"' in body
    assert ask(f"http://{name.upper()}:80/x") == (status, body)
    for url in (f"https://{name}/x?y", f"http://{name}:443/x?y"):
        status, seen = ask(url)
        assert seen.startswith(b"GET /x?y HTTP/1.1\r\n")
        assert f"Host: {urlsplit(url).netloc}\r\n".encode() in seen
        assert b"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n" in seen


def test_a_name_that_isn_t_there_is_refused_with_those_that_are(site: Any, ask: Any) -> None:
    status, body = ask("http://elsewhere.test:8080/")
    assert status == 502
    assert b"elsewhere.test:8080" in body and f"{site.listener.dns_name}:443".encode() in body


def test_what_is_no_request_to_a_proxy_is_refused(site: Any, ask: Any) -> None:
    assert ask("/")[0] == 400
    status, body = ask("web.test:443", "CONNECT")
    assert status == 405 and b"plain HTTP" in body


def test_a_proxy_port_that_is_taken(site: Any) -> None:
    port = urlsplit(site.balancer.proxy_url).port
    assert port is not None
    with pytest.raises(TrafficError, match=f"port {port}"):
        Balancer.start(port)


def test_a_removed_listener_s_name_is_gone(site: Any, ask: Any) -> None:
    site.serve(Action("fixed-response", status=404))
    assert ask(f"http://{site.listener.dns_name}:443/")[0] == 502
