"""Settings -> what the driver goes by."""

from __future__ import annotations

import json

import pytest

from driver.release.news import Notify
from driver.release.terms import ALL_AT_ONCE, Alarms, Command, Requests, Smoke, Strategy
from driver.stack.terms import notify, terms
from infra.settings import load

KINDS = ("errors", "latency", "unhealthy-hosts")


def settings(**given):
    config = {f"bluegreen:{key}": json.dumps(value) for key, value in given.items()}
    return load({"bluegreen:image": "shop:1.0.0", **config}, "shop", "dev")


def test_where_nothing_is_said_traffic_moves_at_once_and_the_colors_alarms_are_watched():
    plain = terms(settings())
    assert (plain.hold, plain.least, plain.most, plain.platforms) == (3600, 2, 6, ("compose",))
    assert plain.strategy == ALL_AT_ONCE
    assert plain.strategies == {
        "all-at-once": ALL_AT_ONCE,
        "canary": Strategy("canary", (10,), 300),
        "linear": Strategy("linear", (10, 20, 30, 40, 50, 60, 70, 80, 90), 180),
    }
    assert (plain.smoke, plain.command, plain.requests) == ((), None, Requests(10, "hold", 1800))
    assert plain.alarms == Alarms(
        own={
            color: {
                platform: tuple(f"shop/dev/{color}/{platform}/{kind}" for kind in KINDS)
                for platform in ("compose", "fargate", "eks")
            }
            for color in ("blue", "green")
        },
        sight=120,
    )


def test_a_bake_that_is_set_is_that_of_the_strategy_beside_it():
    found = terms(settings(promotion={"strategy": "canary", "bake": "15m"}))
    assert found.strategy == found.strategies["canary"] == Strategy("canary", (10,), 900)
    assert found.strategies["linear"].bake == 180
    assert "weights" not in found.strategies


@pytest.mark.parametrize(("bake", "seconds"), [({}, 300), ({"bake": "10m"}, 600), ({"bake": 0}, 0)])
def test_own_weights_are_a_strategy_of_the_stack(bake, seconds):
    found = terms(settings(promotion={"strategy": "weights", "weights": [5, 25, 50], **bake}))
    assert found.strategy == found.strategies["weights"] == Strategy("weights", (5, 25, 50), seconds)


@pytest.mark.parametrize(
    ("promotion", "given", "most"),
    [
        ({}, {}, 1800),
        ({"strategy": "canary", "bake": "2h"}, {}, 7200),
        ({"strategy": "canary"}, {"maxBake": 0}, 0),
        ({"strategy": "canary"}, {"maxBake": "10m"}, 600),
    ],
)
def test_how_long_a_bake_is_extended(promotion, given, most):
    found = terms(settings(promotion=promotion, gates={"requests": {"least": 7, "otherwise": "pass", **given}}))
    assert found.requests == Requests(7, "pass", most)


def test_smoke_checks_and_a_command():
    found = terms(
        settings(
            gates={
                "smoke": [{"path": "/buy", "status": 302, "body": "thanks"}, {}],
                "command": {"run": './smoke.sh --fast "a word"', "timeout": "90s"},
            }
        )
    )
    assert found.smoke == (Smoke("/buy", 302, "thanks"), Smoke("/", 200, ""))
    assert found.command == Command(("./smoke.sh", "--fast", "a word"), 90)


def test_alarms_see_as_late_as_their_periods_and_the_metrics_delay():
    given = {"periods": 3, "also": ["queue"], "missing": "pass", "noData": "hold"}
    found = terms(settings(gates={"alarms": given})).alarms
    assert (found.sight, found.also, found.missing, found.no_data) == (240, ("queue",), "pass", "hold")


def test_alarms_that_are_switched_off_are_not_looked_for_and_others_still_are():
    found = terms(settings(gates={"alarms": {"enabled": False, "also": ["queue"]}})).alarms
    assert (found.own, found.sight, found.also) == ({}, 0, ("queue",))


def test_who_is_told():
    assert not notify(settings()).anyone
    topic, webhook, chat = "arn:aws:sns:eu-central-1:111122223333:releases", "https://example.com/a", "http://[::1]:1/b"
    assert notify(settings(notify={"topic": topic})) == Notify(topic)
    assert notify(settings(notify={"webhook": webhook, "chat": chat})) == Notify("", webhook, chat)


def test_a_command_of_each_release_is_taken_as_words():
    assert terms(settings()).run == ()
    found = load({"bluegreen:image": "shop:1.0.0", "bluegreen:run": "migrate 'a b'"}, "shop", "dev")
    assert terms(found).run == ("migrate", "a b")
