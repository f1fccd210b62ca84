"""Settings of shifts, gates and messages: what is taken, what is told, and that no mistake hides another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Settings, SettingsError, load
from tests.infra.world import as_config, stack_file

IMAGE = {"image": "shop:1.0.0"}


def settings(**given: Any) -> Settings:
    return load(as_config({**IMAGE, **given}), "shop", "dev")


def allowed(**given: Any) -> dict[str, str]:
    """Key -> what is allowed there, of every mistake."""
    with pytest.raises(SettingsError) as caught:
        settings(**given)
    return {problem.key.removeprefix("bluegreen:"): problem.allowed for problem in caught.value.problems}


def test_what_holds_where_nothing_is_said() -> None:
    plain = settings()
    assert (plain.promotion.strategy, plain.promotion.seconds, plain.promotion.weights) == ("all-at-once", 0, ())
    gates = plain.gates
    assert (gates.requests.least, gates.requests.otherwise, gates.requests.max_bake) == (10, "hold", None)
    assert (gates.smoke, gates.command.run) == ((), "")
    alarms = gates.alarms
    assert (alarms.enabled, alarms.errors, alarms.latency, alarms.unhealthy_hosts, alarms.periods) == (True, 5, 1, 1, 1)
    assert (alarms.also, alarms.missing, alarms.no_data) == ((), "fail", "pass")
    assert plain.notify.model_dump() == {"topic": None, "webhook": None, "chat": None}


@pytest.mark.parametrize(("stack", "strategy", "bake"), [("dev", "all-at-once", 0), ("prod", "canary", 300)])
def test_the_stacks_that_come_along(stack: str, strategy: str, bake: int) -> None:
    found = load(as_config(stack_file(stack)), "shop", stack)
    assert (found.promotion.strategy, found.promotion.seconds) == (strategy, bake)
    assert found.gates.alarms.enabled
    assert found.gates.smoke


def test_everything_that_can_be_set_is_taken() -> None:
    found = settings(
        promotion={"strategy": "weights", "weights": [5, "25", 50], "bake": "10m"},
        gates={
            "requests": {"least": 500, "otherwise": "pass", "maxBake": "10m"},
            "smoke": [{"path": "/buy?item=1", "status": 201, "body": "thank you"}, {}],
            "command": {"run": './smoke.sh --fast "a word"', "timeout": "2m"},
            "alarms": {
                "errors": 0.5,
                "latency": "0.25",
                "unhealthyHosts": 2,
                "periods": 3,
                "also": ["queue is long"],
                "missing": "pass",
                "noData": "hold",
                "enabled": False,
            },
        },
        notify={
            "topic": "arn:aws:sns:eu-central-1:111122223333:releases",
            "webhook": "https://hooks.example.com/a?b=c",
            "chat": "http://127.0.0.1:8080/chat",
        },
    )
    assert (found.promotion.weights, found.promotion.seconds) == ((5, 25, 50), 600)
    assert (found.gates.requests.max_bake, found.gates.command.timeout) == (600, 120)
    assert [(smoke.path, smoke.status, smoke.body) for smoke in found.gates.smoke] == [
        ("/buy?item=1", 201, "thank you"),
        ("/", 200, ""),
    ]
    assert (found.gates.alarms.errors, found.gates.alarms.latency) == (0.5, 0.25)


def test_every_mistake_is_told_at_once_with_its_key() -> None:
    found = allowed(
        promotion={"strategy": "slow", "weights": [0, 100, True, "x"], "bake": "25h", "step": 1},
        gates={
            "requests": {"least": -1, "otherwise": "fail", "maxBake": "1w"},
            "smoke": [{"path": "buy", "status": 199, "body": "x" * 257}, {"status": 200, "expect": 1}],
            "command": {"run": 'a "b', "timeout": 0},
            "alarms": {
                "errors": 101,
                "latency": 0,
                "unhealthyHosts": 0,
                "periods": 61,
                "also": ["", "x" * 256],
                "missing": "hold",
                "noData": "warn",
                "enabled": "perhaps",
            },
        },
        notify={"topic": "releases", "webhook": "http://hooks.example.com", "chat": "chat"},
    )
    assert set(found) == {
        *(f"promotion.{key}" for key in ("strategy", "weights.0", "weights.1", "weights.2", "weights.3", "bake")),
        "promotion.step",
        *(f"gates.requests.{key}" for key in ("least", "otherwise", "maxBake")),
        *(f"gates.smoke.0.{key}" for key in ("path", "status", "body")),
        "gates.smoke.1.expect",
        "gates.command.run",
        "gates.command.timeout",
        *(f"gates.alarms.{key}" for key in ("errors", "latency", "unhealthyHosts", "periods", "also.0", "also.1")),
        *(f"gates.alarms.{key}" for key in ("missing", "noData", "enabled")),
        *(f"notify.{key}" for key in ("topic", "webhook", "chat")),
    }
    assert all(text and "another kind" not in text for text in found.values())
    assert found["gates.alarms.errors"] == "a number from 0.01 to 100 percent of the answers"
    assert found["promotion.bake"].startswith("a duration from 0 to 24h")
    assert found["promotion.weights.0"] == "up to 20 rising percentages from 1 to 99"


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({"promotion": {"strategy": "weights"}}, "promotion.weights", "rising percentages such as"),
        ({"promotion": {"weights": [5]}}, "promotion.weights", "nothing, unless strategy is weights"),
        ({"promotion": {"strategy": "weights", "weights": [25, 5]}}, "promotion.weights", "rising percentages, each"),
        ({"promotion": {"strategy": "weights", "weights": [5, 5]}}, "promotion.weights", "rising percentages, each"),
        ({"promotion": {"strategy": "weights", "weights": list(range(1, 22))}}, "promotion.weights", "up to 20"),
        ({"promotion": {"bake": "5m"}}, "promotion.bake", "nothing with strategy all-at-once"),
        (
            {"promotion": {"strategy": "canary"}, "gates": {"requests": {"maxBake": "299s"}}},
            "gates.requests.maxBake",
            "0, or no less than the bake of strategy canary, which is 300 seconds",
        ),
        ({"gates": {"command": {"timeout": 5}}}, "gates.command.run", "a command, which timeout is for"),
        ({"gates": {"command": {"run": "  "}}}, "gates.command.run", "a command line"),
    ],
)
def test_what_does_not_fit_together(given: dict[str, Any], key: str, text: str) -> None:
    found = allowed(**given)
    assert set(found) == {key}
    assert found[key].startswith(text)


def test_a_bake_may_be_extended_not_at_all_or_at_least_to_itself() -> None:
    for most in (0, 300, "30m"):
        assert settings(promotion={"strategy": "canary"}, gates={"requests": {"maxBake": most}})
    assert settings(promotion={"strategy": "canary", "bake": "2h"}).gates.requests.max_bake is None


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com",
        "https://hooks.example.com:8443/T0/B0?x=1",
        "http://localhost:9",
        "http://127.0.0.2/x",
        "http://[::1]:80/",
    ],
)
def test_an_address_that_messages_may_go_to(address: str) -> None:
    assert settings(notify={"webhook": address}).notify.webhook == address


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com/",
        "http://user@localhost/",
        "https://user:word@example.com/",
        "https://",
        "https:///path",
        "ftp://localhost/",
        "https://example.com/a b",
        "https://example.com:port/",
        "https://example.com:99999/",
        "http://[::1",
        "",
        "https://exämple.com/",
        "https://example.com/\n",
    ],
)
def test_an_address_that_none_may_go_to(address: str) -> None:
    assert set(allowed(notify={"chat": address})) == {"notify.chat"}


@pytest.mark.parametrize(
    "topic",
    [
        "arn:aws:sns:eu-central-1:111122223333:releases.fifo",
        "arn:aws:sqs:eu-central-1:111122223333:releases",
        "arn:aws:sns::111122223333:releases",
        "arn:aws:sns:eu-central-1:1111:releases",
        "arn:aws:sns:eu-central-1:111122223333:",
    ],
)
def test_what_is_no_topic(topic: str) -> None:
    assert set(allowed(notify={"topic": topic})) == {"notify.topic"}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_limit_is_a_finite_number(value: str) -> None:
    config = {"bluegreen:image": "shop:1", "bluegreen:gates": f'{{"alarms": {{"latency": {value}}}}}'}
    with pytest.raises(SettingsError) as caught:
        load(config, "shop", "dev")
    assert [problem.key for problem in caught.value.problems] == ["bluegreen:gates.alarms.latency"]


@given(st.lists(st.integers(-1, 101), max_size=24))
def test_weights_rise_from_1_to_99(weights: list[int]) -> None:
    good = 1 <= len(weights) <= 20 and all(1 <= weight <= 99 for weight in weights) and sorted({*weights}) == weights
    config = {"image": "shop:1", "promotion": json.dumps({"strategy": "weights", "weights": weights})}
    try:
        assert load(as_config(config), "shop", "dev").promotion.weights == tuple(weights)
        assert good
    except SettingsError as error:
        assert not good
        assert all(problem.key.startswith("bluegreen:promotion.weights") for problem in error.problems)


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"compose": {"min": 7, "max": 6, "grace": -1}}, {"compose.min", "compose.grace"}),
        ({"compose": {"min": 3, "max": 4, "desired": 9, "volume": 1}}, {"compose.desired", "compose.volume"}),
        ({"compose": {"min": 3, "max": "x", "desired": 9}}, {"compose.max"}),
        ({"compose": {"min": 7, "desired": 9, "typo": 1}}, {"compose.min", "compose.desired", "compose.typo"}),
        ({"healthCheck": {"interval": 5, "timeout": 9, "healthy": 1}}, {"healthCheck.timeout", "healthCheck.healthy"}),
        ({"balancer": {"testPort": 80, "stickiness": -1}}, {"balancer.testPort", "balancer.stickiness"}),
        (
            {"network": {"vpc": "vpc-00000000", "zones": 3, "nat": "many"}},
            {"network.zones", "network.nat", "network.publicSubnets", "network.privateSubnets"},
        ),
        ({"network": {"vpc": "mine", "zones": 3, "publicSubnets": []}}, {"network.vpc"}),
        (
            {
                "image": "Shop",
                "compose": {"min": 9, "max": "x"},
                "promotion": {"strategy": "canary", "speed": 1},
                "gates": {"requests": {"maxBake": 1, "least": -1}, "alarms": {"errors": 0}},
            },
            {
                "image",
                "compose.max",
                "promotion.speed",
                "gates.requests.maxBake",
                "gates.requests.least",
                "gates.alarms.errors",
            },
        ),
        (
            {
                "promotion": {"strategy": "canary", "weights": [5]},
                "gates": {"requests": {"maxBake": 1}, "smoke": [{"status": 1}]},
            },
            {"promotion.weights", "gates.requests.maxBake", "gates.smoke.0.status"},
        ),
    ],
)
def test_a_mistake_hides_no_other(given: dict[str, Any], keys: set[str]) -> None:
    assert set(allowed(**given)) == keys
