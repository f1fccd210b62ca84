"""Settings: every mistake at once, each with its key, what was found and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.record import RECORD_KEYS
from infra.setting_compose import Compose
from infra.setting_models import HealthCheck
from infra.settings import Settings, SettingsError, load
from tests.infra.world import as_config, stack_file

IMAGE = {"image": "shop:1.0.0"}


def settings(**given: Any) -> Settings:
    return load(as_config({**IMAGE, **given}), "shop", "dev")


def problems(**given: Any) -> dict[str, tuple[str, str]]:
    """Key -> found and allowed, of every mistake."""
    with pytest.raises(SettingsError) as caught:
        settings(**given)
    found = {
        problem.key.removeprefix("bluegreen:"): (problem.found, problem.allowed) for problem in caught.value.problems
    }
    assert len(found) == len(caught.value.problems)
    return found


def test_all_that_has_to_be_said_is_the_image() -> None:
    assert load({"bluegreen:image": "shop:1.0.0"}, "shop", "dev") == Settings(
        project="shop", stack="dev", image="shop:1.0.0"
    )


def test_defaults_are_those_of_the_systems_to_serve() -> None:
    plain = settings()
    assert plain.health_check == HealthCheck(path="/health/deep", interval=30, timeout=5, healthy=2, unhealthy=3)  # type: ignore[call-arg]
    assert (plain.compose.instance_type, plain.compose.min, plain.compose.max) == ("t3.medium", 2, 6)
    assert (plain.compose.grace, plain.port, plain.network.zones) == (300, 8080, 2)
    assert (plain.balancer.stickiness, plain.balancer.test_cidrs) == (0, ())


@pytest.mark.parametrize(
    ("stack", "hold", "nat", "protect"), [("dev", 0, "single", False), ("prod", 3600, "per-zone", True)]
)
def test_the_stacks_that_come_along(stack: str, hold: int, nat: str, protect: bool) -> None:
    found = load(as_config(stack_file(stack)), "shop", stack)
    assert (found.hold, found.network.nat, found.protect, found.balancer.protect) == (hold, nat, protect, protect)
    assert not set(RECORD_KEYS) & {key.partition(":")[2] for key in stack_file(stack)}


def test_every_mistake_is_told_at_once() -> None:
    found = problems(
        image="Shop",
        port="eighty",
        platforms=["compose", "lambda"],
        healthCheck={"path": "health", "interval": 4, "timeout": True, "healthy": 1, "unhealthy": 11, "matcher": "600"},
        network={"cidr": "10.0.0.0/8", "zones": 1, "nat": "many"},
        balancer={
            "certificate": "cert",
            "testPort": 0,
            "testCidrs": ["10.0.0.1/8"],
            "allowedCidrs": [],
            "idleTimeout": 4001,
            "stickiness": 604801,
            "path": "shop",
            "host": "a b",
            "protect": "perhaps",
        },
        compose={"instanceType": "medium", "min": 0, "max": "many", "ami": "ami-1", "grace": -1, "volume": 7},
        drain="3601",
        hold="soon",
        protect="perhaps",
        tags={"aws:team": "x"},
    )
    assert set(found) == {
        "image",
        "port",
        "platforms.1",
        *(f"healthCheck.{key}" for key in ("path", "interval", "timeout", "healthy", "unhealthy", "matcher")),
        *(f"network.{key}" for key in ("cidr", "zones", "nat")),
        *(f"balancer.{key}" for key in ("certificate", "testPort", "testCidrs.0", "allowedCidrs", "idleTimeout")),
        *(f"balancer.{key}" for key in ("stickiness", "path", "host", "protect")),
        *(f"compose.{key}" for key in ("instanceType", "min", "max", "ami", "grace", "volume")),
        "drain",
        "hold",
        "protect",
        "tags",
    }
    assert found["port"] == ('"eighty"', "a whole number from 1 to 65535")
    assert found["healthCheck.interval"] == ("4", "a whole number from 5 to 300 seconds")
    assert found["network.nat"] == ('"many"', "single, per-zone or none")
    assert all(allowed and "another kind" not in allowed for _, allowed in found.values())


@pytest.mark.parametrize(
    ("given", "key", "hint"),
    [
        ({"imge": "x"}, "imge", "did you mean bluegreen:image?"),
        ({"healthcheck": {}}, "healthcheck", "did you mean bluegreen:healthCheck?"),
        ({"healthCheck": {"intervall": 5}}, "healthCheck.intervall", "did you mean bluegreen:healthCheck.interval?"),
        (
            {"compose": {"instance_type": "t3.small"}},
            "compose.instance_type",
            "did you mean bluegreen:compose.instanceType?",
        ),
        ({"zzz": "1"}, "zzz", "one of balancer, cache"),
        ({"project": "other"}, "project", "did you mean bluegreen:protect?"),
        ({"stack": "other"}, "stack", "one of balancer, cache"),
    ],
)
def test_an_unknown_key_gets_a_suggestion(given: dict[str, Any], key: str, hint: str) -> None:
    found, allowed = problems(**given)[key]
    assert found.startswith("an unknown key")
    assert allowed.startswith(hint)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"healthCheck": {"interval": 5, "timeout": 5}},
            {"healthCheck.timeout": "less than the interval of 5 seconds"},
        ),
        ({"compose": {"min": 7}}, {"compose.min": "not more than max, which is 6"}),
        ({"compose": {"desired": 1}}, {"compose.desired": "from min (2) to max (6)"}),
        ({"balancer": {"testPort": 80}}, {"balancer.testPort": "a port other than 80, which serve production"}),
        (
            {"network": {"publicSubnets": ["subnet-00000000"]}},
            {"network.publicSubnets": "nothing, unless vpc names an existing VPC"},
        ),
        (
            {"network": {"vpc": "vpc-00000000", "zones": 3, "privateSubnets": ["subnet-00000000", "subnet-00000000"]}},
            {
                "network.zones": "nothing beside vpc, which names an existing VPC",
                "network.publicSubnets": "two subnets or more, each in a zone of its own",
                "network.privateSubnets": "two subnets or more, each in a zone of its own",
            },
        ),
        ({"platforms": ["compose", "compose"]}, {"platforms": "a list of platforms, each once: compose, fargate"}),
        ({"platforms": []}, {"platforms": "a list of platforms, each once: compose, fargate"}),
    ],
)
def test_what_does_not_fit_together_is_told_where_it_stands(given: dict[str, Any], expected: dict[str, str]) -> None:
    assert {key: allowed for key, (_, allowed) in problems(**given).items()} == expected


@pytest.mark.parametrize("text", ["[1, 2", "compose", "7", '"x"', "null"])
def test_what_should_be_an_object_and_is_not(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**as_config(IMAGE), "bluegreen:network": text}, "shop", "dev")
    (problem,) = caught.value.problems
    assert problem.key == "bluegreen:network"
    assert problem.allowed.startswith("an object of cidr, zones")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), (0, 0), ("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172800)]
)
def test_a_hold_is_a_duration(text: object, seconds: int) -> None:
    assert settings(hold=text).hold == seconds


@pytest.mark.parametrize("text", ["1.5h", "-1", "1w", "h", "", "true", "1h30m"])
def test_what_is_no_duration(text: str) -> None:
    assert problems(hold=text)["hold"][1] == "a duration such as 0, 90s, 5m, 1h"


@given(st.integers(-10, 10**6))
def test_numbers_keep_awss_limits_whether_they_come_as_text_or_not(number: int) -> None:
    limits = {"interval": (5, 300), "healthy": (2, 10), "unhealthy": (2, 10), "timeout": (2, 120)}
    for name, (least, most) in limits.items():
        for value in (number, str(number)):
            config = as_config({**IMAGE, "healthCheck": {"interval": 300, "timeout": 2, name: value}})
            try:
                found = getattr(load(config, "shop", "dev").health_check, name)
            except SettingsError as error:
                assert not least <= number <= most or (name == "interval" and number <= 2)
                assert [problem.key for problem in error.problems] == [f"bluegreen:healthCheck.{name}"]
            else:
                assert found == number
                assert least <= number <= most


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("cidr", "min", "max", "path", "vpc", "x")), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(sorted([*Settings.model_fields, "healthCheck", "oddity"])), json_values, max_size=4)
)
def test_whatever_is_set_is_taken_or_told(given: dict[str, Any]) -> None:
    config = {f"bluegreen:{key}": json.dumps(value) for key, value in {**IMAGE, **given}.items()}
    try:
        found = load(config, "shop", "dev")
    except SettingsError as error:
        assert error.problems
        assert all(
            problem.key.startswith("bluegreen:") and problem.found and problem.allowed for problem in error.problems
        )
    else:
        assert (found.project, found.stack) == ("shop", "dev")


def test_record_keys_and_other_namespaces_are_none_of_its_business() -> None:
    others = {f"bluegreen:{key}": "{broken" for key in RECORD_KEYS}
    assert load({**as_config(IMAGE), **others, "aws:region": "x", "shop:port": "0"}, "shop", "dev") == settings()


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().port = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        settings().compose.max = 100  # type: ignore[misc]


def test_own_tags_can_not_be_overridden() -> None:
    assert problems(tags={"bluegreen:stack": "prod"})["tags"][1].endswith("none beginning with aws: or bluegreen:")
    assert settings(tags={"team": "x"}).own_tags == {
        "team": "x",
        "bluegreen:project": "shop",
        "bluegreen:stack": "dev",
    }


def test_true_is_no_number_and_a_number_no_truth() -> None:
    found = problems(compose={"min": True}, balancer={"stickiness": True, "protect": 7})
    assert set(found) == {"compose.min", "balancer.stickiness", "balancer.protect"}


def test_compose_takes_whole_numbers_from_json() -> None:
    assert settings(compose={"min": 3.0, "max": "4"}).compose == Compose(min=3, max=4)  # type: ignore[call-arg]
