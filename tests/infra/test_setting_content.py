"""What an app is given, and what a stack has besides its colors: every bad value with its key and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from infra.setting_compose import architecture
from infra.settings import Settings, load
from tests.infra.test_settings import problems, settings
from tests.infra.world import as_config

SHA = "sha256:" + "ab" * 32
ECR = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/database-a1B2c3"
NO_OTHER_HOST = "s3://… or bundle: instances without a way out reach no other host for the Compose binary"
TOKEN = {"secret": "shop/cache", "key": "token"}


def test_numbers_and_truths_become_the_text_that_was_meant() -> None:
    found = settings(environment={"WORKERS": 4, "DEBUG": True, "EMPTY": "", "TEXT": "a 'b' \"c\" $d #e\n\tf é"})
    assert found.environment == {
        "WORKERS": "4",
        "DEBUG": "true",
        "EMPTY": "",
        "TEXT": "a 'b' \"c\" $d #e\n\tf é",
    }


@pytest.mark.parametrize(
    "value", [1.1, None, [1], {"a": "b"}, "a\0b", "a\rb", "\x1b[0m", "\x7f", "x" * 8193, "é" * 4097]
)
def test_a_value_that_would_not_arrive_as_it_is_written(value: Any) -> None:
    ((key, (_, allowed)),) = problems(environment={"NAME": value}).items()
    assert key == "environment.NAME"
    assert allowed.startswith("text of up to 8 KB")


@pytest.mark.parametrize("value", ["x" * 8192, "é" * 4096])
def test_a_value_of_just_8_kb(value: str) -> None:
    assert settings(environment={"NAME": value}).environment["NAME"] == value


@pytest.mark.parametrize(
    "name", ["", "1A", "A-B", "A B", "A.B", "É", "A=B", "PORT", "port", "BLUEGREEN_X", "COMPOSE_FILE", "DOCKER_HOST"]
)
@pytest.mark.parametrize("key", ["environment", "secrets"])
def test_a_name_that_breaks_or_is_taken(key: str, name: str) -> None:
    value = {"environment": "x", "secrets": {"secret": "s"}}[key]
    ((at, (_, allowed)),) = problems(**{key: {name: value}}).items()
    assert at == key
    assert "none of them PORT or beginning with BLUEGREEN_" in allowed


@pytest.mark.parametrize("name", ["PORTAL", "MY_BLUEGREEN_X", "_", "a1", "X" * 128])
def test_a_name_that_only_looks_taken(name: str) -> None:
    assert settings(environment={name: "x"}).environment == {name: "x"}


def test_a_whole_environment_that_is_too_large() -> None:
    ((key, (found, allowed)),) = problems(environment={f"N{number}": "x" * 8000 for number in range(9)}).items()
    assert (key, found, allowed) == ("environment", '"72018 bytes"', "up to 65536 bytes in all")


@pytest.mark.parametrize("name", ["shop/db", "a", "A_b+c=d.e@f-g", ARN])
def test_a_secret_by_name_or_arn(name: str) -> None:
    assert settings(secrets={"DB": {"secret": name, "key": "password"}}).secrets["DB"].arn == name.startswith("arn:")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "shop:db",
        "é",
        "x" * 513,
        ARN.removesuffix("-a1B2c3"),  # an ARN without its six characters names no secret
        f"{ARN}:password::",  # ECS's own form
        "arn:aws:ssm:eu-central-1:111122223333:parameter/shop",
    ],
)
def test_what_names_no_secret(name: str) -> None:
    ((key, (_, allowed)),) = problems(secrets={"DB": {"secret": name}}).items()
    assert key == "secrets.DB.secret"
    assert "belongs in key" in allowed


@pytest.mark.parametrize("key", ["", "a b", "a'b", 'a"b', "$a", "a\nb", "x" * 129])
def test_what_is_no_key_of_a_secret(key: str) -> None:
    ((at, (_, allowed)),) = problems(secrets={"DB": {"secret": "s", "key": key}}).items()
    assert at == "secrets.DB.key"
    assert allowed.startswith("a key of the secret's JSON")


def test_a_secret_needs_a_name_and_knows_no_value() -> None:
    assert problems(secrets={"DB": {"key": "password"}})["secrets.DB.secret"][0] == "nothing"
    assert problems(secrets={"DB": {"secret": "s", "value": "x"}})["secrets.DB.value"][0].startswith("an unknown key")


def test_a_variable_is_named_once() -> None:
    found = problems(environment={"A": "x", "B": "y"}, secrets={"A": {"secret": "s"}})
    assert found == {"secrets.A": ('"A"', "a name that environment doesn't have too")}
    taken = problems(environment={"CACHE_URL": "x"}, secrets={"CACHE_TOKEN": {"secret": "s"}}, cache={"token": TOKEN})
    assert set(taken) == {"environment.CACHE_URL", "secrets.CACHE_TOKEN"}
    assert settings(environment={"CACHE_URL": "x"}).environment == {"CACHE_URL": "x"}


def test_the_caches_token_is_one_of_the_secrets() -> None:
    found = settings(cache={"token": TOKEN}, secrets={"DB": {"secret": "s"}})
    assert {name: secret.secret for name, secret in found.all_secrets.items()} == {
        "DB": "s",
        "CACHE_TOKEN": "shop/cache",
    }
    assert (found.cache and found.cache.line) == "8.0"
    assert settings(cache={"token": TOKEN, "engine": "redis"}).cache.line == "7.1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"secrets": {"DB": {"secret": ARN, "create": True}}},
            {"secrets.DB.create": "nothing beside an ARN, which names a secret that exists"},
        ),
        (
            {"cache": {"token": {**TOKEN, "create": True}}},
            {"cache.token.create": "nothing: a cache can't be made with a secret that has no value yet"},
        ),
        ({"cache": {}}, {"cache.token": "an object of secret, key, create"}),
        ({"cache": {"token": TOKEN, "engine": "memcached"}}, {"cache.engine": "valkey or redis"}),
        ({"cache": {"token": TOKEN, "replicas": 6}}, {"cache.replicas": "a whole number from 0 to 5 replicas"}),
        (
            {"cache": {"token": TOKEN, "nodeType": "t4g.micro"}},
            {"cache.nodeType": "a node type such as cache.t4g.micro"},
        ),
        ({"scaling": {}}, {"scaling.cpu": "a percentage, or requests, or both"}),
        ({"scaling": {"cpu": 96}}, {"scaling.cpu": "a whole number from 10 to 95 percent"}),
        (
            {"scaling": {"requests": 0}},
            {"scaling.requests": "a whole number from 1 to 1000000 requests a minute for each instance"},
        ),
        (
            {"registry": {"forbid": ["SEVERE"]}},
            {
                "registry.forbid.0": "severities of ECR's scan: CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL, UNDEFINED",
            },
        ),
        ({"registry": {"keep": 0}}, {"registry.keep": "a whole number from 1 to 1000 images"}),
        (
            {"workers": [{"name": "mail", "command": "work"}, {"name": "mail", "command": "other"}]},
            {"workers": "workers of different names"},
        ),
        (
            {"workers": [{"name": "app", "command": "work"}]},
            {"workers.0.name": "another name: each instance has a service of this one"},
        ),
        ({"workers": [{"name": "mail", "command": ""}]}, {"workers.0.command": "a command"}),
        (
            {"compose": {"architecture": "arm64"}},
            {"compose.instanceType": "a type with arm64; this one has x86_64"},
        ),
        (
            {"compose": {"architecture": "x86_64", "instanceType": "t4g.small"}},
            {"compose.instanceType": "a type with x86_64; this one has arm64"},
        ),
        (
            {"compose": {"composeVersion": "2.40.3"}},
            {"compose.composeChecksum": "a value: version and checksum go together"},
        ),
        (
            {"compose": {"composeChecksum": "a" * 64}},
            {"compose.composeVersion": "a value: version and checksum go together"},
        ),
        (
            {"compose": {"stopGrace": 28}},
            {"compose.stopGrace": "up to 27: nginx and then the app end within the drain of 60 seconds, 5 to spare"},
        ),
        (
            {"compose": {"stopGrace": 1}, "drain": "5"},
            {"compose.stopGrace": "nothing: nginx and then the app end within the drain of 5 seconds, 5 to spare"},
        ),
        ({"compose": {"replicas": 0}}, {"compose.replicas": "a whole number from 1 to 32 containers on each instance"}),
        ({"compose": {"bootTimeout": 29}}, {"compose.bootTimeout": "a whole number from 30 to 7200 seconds"}),
        (
            {"compose": {"nginx": "nginx:1.28"}},
            {"compose.nginx": "an image with its sha256 digest, as registry.example/nginx@sha256:…"},
        ),
        (
            {"compose": {"mirror": "http://files.example/compose"}},
            {
                "compose.mirror": "s3://bucket/folder or https://host/folder, where the Compose binary lies under its "
                "release's name, or bundle for the folder tools/v<version> of the bundles' own bucket"
            },
        ),
        (
            {"network": {"nat": "none"}},
            {"network.nat": "single or per-zone, or endpoints: true; else instances can't fetch their image"},
        ),
        (
            {"network": {"endpoints": True}},
            {
                "compose.mirror": NO_OTHER_HOST,
                "compose.nginx": "an image in ECR, by digest: instances without a way out reach no other registry",
            },
        ),
        (
            {
                "network": {"endpoints": True},
                "compose": {"mirror": "https://files.example", "nginx": f"public.ecr.aws/nginx/nginx@{SHA}"},
            },
            {
                "compose.mirror": NO_OTHER_HOST,
                "compose.nginx": "an image in ECR, by digest: instances without a way out reach no other registry",
            },
        ),
    ],
)
def test_what_can_not_work_is_told_where_it_stands(given: dict[str, Any], expected: dict[str, str]) -> None:
    assert {key: allowed for key, (_, allowed) in problems(**given).items()} == expected


def test_retention_is_one_that_cloudwatch_knows() -> None:
    assert settings(logRetention="90").log_retention == 90
    assert problems(logRetention="31")["logRetention"][1].startswith("days, one of 1, 3, 5, 7, 14, 30")


def test_endpoints_take_the_place_of_nat_unless_both_are_asked_for() -> None:
    within = {"compose": {"mirror": "s3://files/compose", "nginx": f"{ECR}/nginx@{SHA}"}}
    assert settings(network={"endpoints": True}, **within).network.gateways == "none"
    both = settings(network={"endpoints": True, "nat": "single"}).network
    assert (both.gateways, both.closed) == ("single", False)
    assert settings().network.gateways == "single"


@pytest.mark.parametrize("kind", ["t3.medium", "m7g.large"])
def test_an_architecture_that_fits_is_taken(kind: str) -> None:
    assert settings(compose={"instanceType": kind, "architecture": architecture(kind)}).compose.instance_type == kind


def test_what_is_not_set_adds_nothing() -> None:
    plain: Settings = load(as_config({"image": "shop:1.0.0"}), "shop", "dev")
    assert (plain.environment, plain.secrets, plain.workers, plain.run) == ({}, {}, (), "")
    assert (plain.cache, plain.scaling, plain.registry.create, plain.network.endpoints) == (None, None, False, False)
    assert (plain.compose.replicas, plain.compose.boot_timeout, plain.log_retention) == (4, 900, 30)


@pytest.mark.parametrize(("drain", "grace"), [("0", 1), ("7", 1), ("30", 12), ("60", 27), ("65", 30), ("3600", 30)])
def test_containers_end_within_the_drain_unless_told_otherwise(drain: str, grace: int) -> None:
    assert settings(drain=drain).stop_grace == grace
    assert settings(drain="120", compose={"stopGrace": 57}).stop_grace == 57


@pytest.mark.parametrize("key", ["a b", "a/b", "", ".", "..", "_index", "a\tb", "x" * 129])
def test_a_tag_that_instance_metadata_can_not_show_is_refused_for_ec2_would_launch_nothing(key: str) -> None:
    assert "keys of 1 to 128 letters, digits" in problems(tags={key: "x"})["tags"][1]
