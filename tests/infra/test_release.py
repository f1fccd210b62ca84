"""What a release is made from: images by name, templates, and the digest over both."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest

from infra import bundle, rendering
from infra.compose_release import Plugin
from infra.digest import release_digest
from infra.images import ImageError, exact, parse_image
from infra.settings import load
from tests.infra.world import SHA, as_config

DIGEST = "sha256:" + "0" * 64
ECR = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "host", "name", "tag", "digest"),
    [
        ("shop:1.8.0", "", "shop", "1.8.0", ""),
        ("team/shop:v1_2-3", "", "team/shop", "v1_2-3", ""),
        (f"shop@{DIGEST}", "", "shop", "", DIGEST),
        (f"ghcr.io/a/shop:1@{DIGEST}", "ghcr.io", "a/shop", "1", DIGEST),
        (f"localhost:5000/shop@{DIGEST}", "localhost:5000", "shop", "", DIGEST),
        (
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop:2",
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
            "shop",
            "2",
            "",
        ),
    ],
)
def test_an_image_by_name(text: str, host: str, name: str, tag: str, digest: str) -> None:
    image = parse_image(text)
    assert (image.host, image.name, image.tag, image.digest) == (host, name, tag, digest)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no image"),
        ("Shop:1", "names no image"),
        ("shop 1", "names no image"),
        ("shop:", "names no image"),
        ("shop@sha256:12", "names no image"),
        (f"shop@{DIGEST}\n", "names no image"),
        ("shop:1;reboot", "names no image"),
        ("shop", "neither tag nor digest"),
        ("ghcr.io/a/shop:1", "isn't in ECR"),
    ],
)
def test_what_names_no_image_that_can_be_deployed(text: str, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        parse_image(text)


def test_a_machine_pulls_by_digest_whatever_the_tag_says() -> None:
    assert exact(f"ghcr.io/a/shop:1.8.0@{DIGEST}") == f"ghcr.io/a/shop@{DIGEST}"
    assert parse_image("shop:1.8.0").pinned(DIGEST) == f"shop:1.8.0@{DIGEST}"


SETTINGS: dict[str, Any] = {"image": "shop:1.0.0"}


def digest_of(release: str = f"shop@{SHA}", stack: str = "dev", **changed: Any) -> str:
    return release_digest(load(as_config({**SETTINGS, **changed}), "shop", stack), "compose", release)


def test_a_digest_is_the_same_for_the_same_release_and_no_number_to_yaml() -> None:
    assert digest_of() == digest_of()
    assert digest_of(f"shop:1.0.0@{SHA}") == digest_of(f"shop:other@{SHA}")
    assert digest_of()[0] == "r"
    assert len(digest_of()) == 12


@pytest.mark.parametrize(
    "changed",
    [
        {"port": "9000"},
        {"drain": "5"},
        {"healthCheck": {"path": "/up"}},
        {"compose": {"instanceType": "t3.small"}},
        {"compose": {"volume": 30}},
        {"compose": {"ami": "ami-00000000"}},
        {"compose": {"grace": 60}},
        {"tags": {"team": "x"}},
        {"balancer": {"idleTimeout": 5}},  # nginx keeps connections longer than the balancer
        {"compose": {"replicas": 2}},
        {"compose": {"stopGrace": 5}},
        {"compose": {"bootTimeout": 60}},
        {"compose": {"mirror": "bundle"}},
        {"compose": {"nginx": f"public.ecr.aws/nginx@{DIGEST}"}},
        {"compose": {"composeVersion": "2.40.3", "composeChecksum": "a" * 64}},
        {"environment": {"LOG_LEVEL": "debug"}},
        {"environment": {"EMPTY": ""}},
        {"secrets": {"DB": {"secret": "shop/db"}}},
        {"workers": [{"name": "mail", "command": "work"}]},
        {"cache": {"token": {"secret": "shop/cache"}}},
    ],
)
def test_every_setting_that_reaches_a_release_changes_its_digest(changed: dict[str, Any]) -> None:
    assert digest_of(**changed) != digest_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"compose": {"min": 3, "max": 9}},
        {"hold": "2h"},
        {"protect": True},
        {"balancer": {"stickiness": 5}},
        {"image": "shop:2"},
        {"compose": {"architecture": "x86_64"}},
        {"scaling": {"cpu": 60}},
        {"registry": {"forbid": ["CRITICAL"]}},
        {"logRetention": "90"},
        {"run": "./migrate.sh"},
    ],
)
def test_settings_that_reach_no_release_leave_its_digest_alone(changed: dict[str, Any]) -> None:
    assert digest_of(**changed) == digest_of()


def test_a_change_of_configuration_is_another_release_and_the_order_it_is_written_in_none() -> None:
    one = digest_of(environment={"A": "1", "B": "2"}, secrets={"C": {"secret": "s", "key": "c"}})
    assert digest_of(environment={"B": 2, "A": "1"}, secrets={"C": {"key": "c", "secret": "s"}}) == one
    assert digest_of(environment={"A": "1", "B": "3"}, secrets={"C": {"secret": "s", "key": "c"}}) != one
    assert digest_of(environment={"A": "1", "B": "2"}, secrets={"C": {"secret": "s", "key": "d"}}) != one
    # Who makes a secret says nothing of what instances read.
    made = {"C": {"secret": "s", "key": "c", "create": True}}
    assert digest_of(environment={"A": "1", "B": "2"}, secrets=made) == one


def test_what_the_settings_leave_to_the_program_is_part_of_a_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of()
    monkeypatch.setattr("infra.colors.composed.Plugin", partial(Plugin, version="9.9.9"))
    assert digest_of() != before


def test_image_stack_and_template_are_part_of_a_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert digest_of(f"shop@{DIGEST}") != digest_of()
    assert digest_of(stack="prod") != digest_of()
    before = digest_of()
    monkeypatch.setattr(bundle, "source", lambda name: f"another {name}")
    assert digest_of() != before


@pytest.mark.parametrize("value", ["a b", "a\nb", "a'b", 'a"b', "a`b", "a$b", "a\\b", "50%", "é"])
def test_a_value_that_could_break_out_of_a_script_is_refused(value: str) -> None:
    with pytest.raises(rendering.RenderingError, match="service"):
        rendering.render("bluegreen-secrets.service.j2", service=value)


def test_a_value_that_is_missing_is_an_error_and_no_gap() -> None:
    with pytest.raises(Exception, match="'service' is undefined"):
        rendering.render("bluegreen-secrets.service.j2")


def test_user_data_is_measured_before_it_is_encoded() -> None:
    assert base64.b64decode(rendering.user_data("x" * 16384)) == b"x" * 16384
    with pytest.raises(rendering.RenderingError, match="16385 bytes"):
        rendering.user_data("x" * 16385)
