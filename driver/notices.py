"""Telling people of a transition: SNS, a webhook, a chat. A release never waits for them, nor fails because of them."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from driver.release.news import Event, News, Notify
from driver.who import who

if TYPE_CHECKING:
    from driver.ports import Ports

PATIENCE = 3.0
"""Seconds for all of them together, in real time: whoever is told does not live in a sandbox's."""


def announce(ports: Ports, event: Event, *, what: str, why: str, facts: Mapping[str, Any]) -> None:
    """Tells of one event everyone whom the settings name, side by side. Says in one line whom it could not tell."""
    try:
        failed = _sent(ports, event, what, why, facts)
    except Exception as error:  # a release has other worries than who hears of it
        failed = [f"{type(error).__name__}: {error}"]
    if failed:
        ports.tell(f"not everyone could be told of it: {'; '.join(failed)}")


def _sent(ports: Ports, event: Event, what: str, why: str, facts: Mapping[str, Any]) -> list[str]:
    notify = ports.stack.notify()
    if not notify.anyone:
        return []
    news = News(event, ports.stack.project, ports.stack.name, what, why, who(), ports.clock.now(), facts)
    calls = [_Call(name, send) for name, send in _sends(ports, notify, news).items()]
    deadline = time.monotonic() + PATIENCE
    for call in calls:
        call.start()
    for call in calls:
        call.join(max(0.0, deadline - time.monotonic()))
    return [f"{call.name} ({call.trouble})" for call in calls if call.trouble]


def _sends(ports: Ports, notify: Notify, news: News) -> dict[str, Callable[[], None]]:
    sends: dict[str, Callable[[], None]] = {}
    if notify.topic:
        sends["the topic"] = lambda: ports.cloud.publish(notify.topic, news.subject(), news.text())
    if notify.webhook:
        sends[f"the webhook at {_host(notify.webhook)}"] = lambda: _post(notify.webhook, news.text())
    if notify.chat:
        sends[f"the chat at {_host(notify.chat)}"] = lambda: _post(notify.chat, json.dumps({"text": news.line()}))
    return sends


class _Call(threading.Thread):
    """One of them. A daemon: one that hangs keeps no command from ending."""

    def __init__(self, name: str, send: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._send = send
        self._failure = ""

    def run(self) -> None:
        try:
            self._send()
        except Exception as error:
            self._failure = _reason(error)

    @property
    def trouble(self) -> str:
        """Why it is not known to have arrived; empty where it is."""
        return f"no answer within {PATIENCE:.0f} s" if self.is_alive() else self._failure


def _post(url: str, text: str) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "bluegreen"}
    request = urllib.request.Request(url, text.encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        answer.read(1024)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = getattr(error, "reason", error)
    return " ".join(f"{reason}".split()) or type(error).__name__


def _host(url: str) -> str:
    """All that may be said of an address: those of chats are passwords."""
    return urlsplit(url).hostname or "no host"
