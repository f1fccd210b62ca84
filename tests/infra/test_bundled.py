"""What the instances of a release boot from: its bundle by version, and the user data that fetches it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.infra.test_access import EVERYTHING, KEYS, SECRETS
from tests.infra.world import ACCOUNT, REGION, SHA, World, both_filled, bundle_of, refused, stack_file, with_standby

DEV = stack_file("dev")
GIVEN = {
    **DEV,
    "bluegreen:environment": {"LOG_LEVEL": "debug", "GREETING": 'it\'s $5 "here" #1'},
    "bluegreen:secrets": {"DB_PASSWORD": {"secret": "shop/database", "key": "password"}},
}


def stub_of(world: World, fill: str) -> dict[str, str]:
    """The lines of the stub, by name."""
    script = base64.b64decode(world.one(f"{fill}-template").inputs["userData"]).decode()
    return dict(line.split("=", 1) for line in script.splitlines() if line.startswith("BLUEGREEN_"))


def given() -> World:
    return World(secrets=dict(SECRETS)).up(GIVEN)


def test_user_data_names_the_bundle_that_lies_there(first: World) -> None:
    held = first.one("blue-1-bundle").inputs
    digest = first.deployed.record.active_slot.digest
    assert held["key"] == f"releases/blue/1/{digest}.tar.gz"
    assert stub_of(first, "blue-1") == {
        "BLUEGREEN_BUNDLE_BUCKET": held["bucket"],
        "BLUEGREEN_BUNDLE_KEY": held["key"],
        "BLUEGREEN_BUNDLE_VERSION": f"version-of-{first.one('blue-1-bundle').name}",
        "BLUEGREEN_BUNDLE_SHA256": hashlib.sha256(base64.b64decode(held["contentBase64"])).hexdigest(),
        "BLUEGREEN_REGION": REGION,
        "BLUEGREEN_HOOK": first.one("blue-1-group").inputs["initialLifecycleHooks"][0]["name"],
        "BLUEGREEN_LOG_GROUP": first.one("logs-blue").inputs["name"],
    }


def test_a_bundle_says_exactly_which_release_it_is(first: World) -> None:
    slot = first.deployed.record.active_slot
    env = dict(line.split("=", 1) for line in bundle_of(first, "blue-1")["release.env"].splitlines())
    assert env == {
        "BLUEGREEN_SERVICE": "shop",
        "BLUEGREEN_STACK": "dev",
        "BLUEGREEN_COLOR": "blue",
        "BLUEGREEN_FILL": "1",
        "BLUEGREEN_RELEASE": slot.digest,
        "BLUEGREEN_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop@{SHA}",
        "BLUEGREEN_PORT": "8080",
        "BLUEGREEN_HEALTH_PATH": "/health/deep",
    }


def test_environment_and_secrets_are_in_the_bundle_and_not_in_user_data() -> None:
    world = given()
    files = bundle_of(world, "blue-1")
    assert 'LOG_LEVEL="debug"' in files["app.env"]
    assert json.loads(files["secrets.json"]) == [{"env": "DB_PASSWORD", "secret": "shop/database", "key": "password"}]
    script = base64.b64decode(world.one("blue-1-template").inputs["userData"]).decode()
    assert not any(word in script for word in ("LOG_LEVEL", "DB_PASSWORD", "shop/database"))
    assert SECRETS["shop/database"] not in "".join(files.values())


def test_a_bundle_is_put_only_where_every_version_of_it_is_kept_and_nobody_else_reads_it(first: World) -> None:
    needed = first.one("blue-1-bundle").dependencies
    assert {"bundles-versions", "bundles-access", "bundles-encryption", "bundles-policy", "bundles-owner"} <= needed


def test_an_instance_is_held_out_until_it_answers_and_given_up_otherwise(world: World) -> None:
    world.up({**DEV, "bluegreen:compose": {**DEV["bluegreen:compose"], "bootTimeout": 600}})
    assert world.one("blue-1-group").inputs["initialLifecycleHooks"] == [
        {
            "name": "ready",
            "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "defaultResult": "ABANDON",
            "heartbeatTimeout": 600,
        }
    ]
    # The script gives up by itself before the hook does: only so a reason is told.
    assert "SECONDS + 300" in bundle_of(world, "blue-1")["boot.sh"]


def test_with_a_short_hook_the_app_has_half_of_it(world: World) -> None:
    world.up({**DEV, "bluegreen:compose": {**DEV["bluegreen:compose"], "bootTimeout": 60}})
    assert "SECONDS + 30)" in bundle_of(world, "blue-1")["boot.sh"]


def test_with_a_cache_the_app_is_told_where_it_is_and_who_it_is_to_be() -> None:
    world = World(secrets=dict(SECRETS), secret_keys=dict(KEYS)).up(EVERYTHING)
    files = bundle_of(world, "blue-1")
    for line in (
        'CACHE_HOST="master.cache.example"',
        'CACHE_PORT="6379"',
        'CACHE_URL="rediss://master.cache.example:6379/0"',
    ):
        assert line in files["app.env"]
    assert {"env": "CACHE_TOKEN", "secret": "shop/cache", "key": ""} in json.loads(files["secrets.json"])


def test_a_proxy_and_a_plugin_of_the_stacks_own_are_what_is_used(world: World) -> None:
    own = {
        "nginx": f"public.ecr.aws/nginx/nginx@{SHA}",
        "composeVersion": "2.40.3",
        "composeChecksum": "ab" * 32,
        "mirror": "bundle",
    }
    world.up({**DEV, "bluegreen:compose": {**DEV["bluegreen:compose"], **own}})
    files = bundle_of(world, "blue-1")
    assert own["nginx"] in files["compose.yaml"]
    assert f"sum={own['composeChecksum']}" in files["boot.sh"].replace('"', "")
    assert "s3://$BLUEGREEN_BUNDLE_BUCKET/tools/v2.40.3" in files["boot.sh"]


def test_another_environment_reaches_no_filled_color_but_by_a_deploy() -> None:
    """I6, at the place where it would hurt: what an instance that is launched in a week boots with."""
    world = World(secrets=dict(SECRETS))
    both_filled(world)
    world.up(GIVEN)
    for fill in ("blue-1", "green-2"):
        bundle, template = world.one(f"{fill}-bundle"), world.one(f"{fill}-template")
        assert {"contentBase64", "key", "bucket"} <= set(bundle.ignored)
        assert "userData" in template.ignored


def test_a_deploy_with_another_environment_makes_another_bundle_beside_the_old_one() -> None:
    world = World(secrets=dict(SECRETS)).up(DEV)
    with_standby(world, GIVEN)
    assert world.one("blue-1-bundle").ignored
    new = world.one("green-2-bundle")
    assert (new.ignored, new.inputs["key"].rpartition("/")[0]) == ((), "releases/green/2")
    assert "LOG_LEVEL" in bundle_of(world, "green-2")["app.env"]


def test_both_colors_have_the_same_bundle_but_for_who_they_are() -> None:
    world = World().up(DEV)
    image = world.deployed.record.active_slot.image
    with_standby(world, DEV, image=image)
    blue, green = bundle_of(world, "blue-1"), bundle_of(world, "green-2")
    assert {name for name in blue if blue[name] != green[name]} == {"release.env", *_naming_the_color(blue)}


def _naming_the_color(files: dict[str, str]) -> set[str]:
    return {name for name, text in files.items() if "blue" in text.replace("bluegreen", "").replace("BLUEGREEN", "")}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_user_data_is_small(stack: str) -> None:
    raw = base64.b64decode(World().up(stack_file(stack), stack).one("blue-1-template").inputs["userData"])
    assert len(raw) < 8 * 1024


def test_what_can_not_be_rendered_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from infra import bundle
    from infra.rendering import RenderingError

    def broken(_: Any) -> None:
        raise RenderingError("environment: no such thing")

    monkeypatch.setattr(bundle, "check", broken)
    refusal = refused(World(), dict(DEV))
    assert refusal.refused.code == "settings"
    assert "environment: no such thing" in str(refusal)
