"""What `sandbox status` says of a sandbox with nothing in it, and of one with something."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from driver.invocation import Invocation
from sandbox.verbs import life

GROUP = {"name": "blue", "balancer": "shop", "targets": [{"state": "healthy"}, {"state": "healthy"}]}


@pytest.fixture
def status(monkeypatch):
    about = {"endpoint": "http://127.0.0.1:1", "proxy_url": "", "pid": 7, "speed": 1.0, "account": "0", "home": Path()}
    monkeypatch.setattr(life, "_running", lambda _: SimpleNamespace(started=time.time(), **about))

    def answered(**state):
        monkeypatch.setattr(life, "_ask", lambda *_: {"listeners": [], "groups": [], **state})
        return life.status(Invocation())

    return answered


def test_an_empty_sandbox_says_so_instead_of_showing_an_empty_table(status):
    result = status()
    assert result.body is None
    assert "no balancer and no target group is in it yet" in result.reason
    assert result.next[-1] == "-s dev up"


def test_what_is_in_it_is_shown(status):
    result = status(groups=[GROUP])
    assert result.body is not None
    assert "yet" not in result.reason
