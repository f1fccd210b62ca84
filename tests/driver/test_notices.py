"""Who is told of a transition, what they read, and that nothing waits for them or fails because of them."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from driver import notices
from driver.errors import Unforeseen
from driver.notices import announce
from driver.release.news import News, Notify
from tests.driver.fakes import START, serving, world

TOPIC = "arn:aws:sns:eu-central-1:111122223333:releases"
FACTS = {"from": "blue", "to": "green", "weight": 100, "generation": 6, "exit_code": 0, "gates": ["not told"]}


class Ear:
    """A loopback server that keeps what is posted to it; by its path it refuses or keeps people waiting."""

    def __init__(self):
        self.heard = []
        self.closing = threading.Event()
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/slow":
                    ear.closing.wait(10)
                ear.heard.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(500 if self.path == "/broken" else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"


@pytest.fixture
def ear():
    made = Ear()
    yield made
    made.closing.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setenv("BLUEGREEN_WHO", "ci job 4711")
    return world(serving())


def finished(made):
    announce(made.ports, "finished", what="promoted: green serves shop:2", why="promote", facts=FACTS)


def test_everyone_whom_the_settings_name_is_told(made, ear):
    made.stack.told = Notify(TOPIC, ear.url("/hook"), ear.url("/chat"))
    finished(made)
    document = {
        "schema": 1,
        "event": "finished",
        "project": "shop",
        "stack": "dev",
        "what": "promoted: green serves shop:2",
        "why": "promote",
        "who": "ci job 4711",
        "when": "2026-03-01T12:00:00Z",
        "from": "blue",
        "to": "green",
        "weight": 100,
        "generation": 6,
        "exit_code": 0,
    }
    ((topic, subject, message),) = made.cloud.published
    assert (topic, subject) == (TOPIC, "shop dev finished: promoted: green serves shop:2")
    assert json.loads(message) == document
    heard = {path: (kind.partition(";")[0], body) for path, kind, body in ear.heard}
    assert heard["/hook"] == ("application/json", document)
    text = "✓ shop · dev: promoted: green serves shop:2 (promote), by ci job 4711"
    assert heard["/chat"] == ("application/json", {"text": text})
    assert made.said == []


def test_where_nobody_is_named_nobody_is_told(made):
    finished(made)
    assert (made.cloud.published, made.said) == ([], [])


def test_one_that_hangs_delays_no_more_than_its_time_and_the_others_are_told(made, ear, monkeypatch):
    monkeypatch.setattr(notices, "PATIENCE", 0.3)
    made.stack.told = Notify(webhook=ear.url("/slow"), chat=ear.url("/chat"))
    begun = time.monotonic()
    finished(made)
    assert time.monotonic() - begun < 1.5
    assert [path for path, _, _ in ear.heard] == ["/chat"]
    assert len(made.said) == 1
    assert "the webhook at 127.0.0.1" in made.said[0]


def test_two_that_hang_take_no_longer_than_one(made, ear, monkeypatch):
    monkeypatch.setattr(notices, "PATIENCE", 0.4)
    # Whatever a socket's own limit is: one that answers byte by byte never runs into it.
    monkeypatch.setattr(notices, "_post", lambda *_: ear.closing.wait(10))
    made.stack.told = Notify(webhook=ear.url("/slow"), chat=ear.url("/slow"))
    begun = time.monotonic()
    finished(made)
    assert time.monotonic() - begun < 0.75


def test_whom_it_could_not_tell_is_said_in_one_line_and_no_address_is_given_away(made, ear):
    made.stack.told = Notify(TOPIC, ear.url("/broken"), "http://127.0.0.1:9/services/T0/secret")
    made.cloud.failing["publish"] = Unforeseen("AWS refused the topic")
    finished(made)
    (line,) = made.said
    assert line.startswith("not everyone could be told of it: the topic (AWS refused the topic); ")
    assert "the webhook at 127.0.0.1 (HTTP 500)" in line
    assert "secret" not in line


@pytest.mark.parametrize("url", ["http://", "no address at all", "http://127.0.0.1:notaport/x", "ftp://127.0.0.1:1/x"])
def test_an_address_that_is_none_is_said_and_nothing_breaks(made, url):
    made.stack.told = Notify(webhook=url)
    finished(made)
    assert len(made.said) == 1


def test_settings_that_cannot_be_read_stop_nothing(made, monkeypatch):
    def broken():
        raise Unforeseen("the settings have 2 mistakes")

    monkeypatch.setattr(made.stack, "notify", broken, raising=False)
    finished(made)
    assert made.said == ["not everyone could be told of it: Unforeseen: the settings have 2 mistakes"]


def test_a_subject_is_what_sns_takes():
    what = "blue → grün\n" + "x" * 200
    news = News("rolled back", "shop", "prod", what, "", "anna", START, {})
    assert news.subject().isascii()
    assert len(news.subject()) < 100
    assert "\n" not in news.subject()
    assert news.subject().startswith("shop prod rolled back: blue -> gr?n x")


def test_facts_that_are_missing_are_null():
    document = News("failed", "shop", "prod", "broken", "", "anna", START, {"to": "green"}).document()
    assert (document["from"], document["to"], document["exit_code"]) == (None, "green", None)
