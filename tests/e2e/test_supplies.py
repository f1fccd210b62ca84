"""A stack with all that it can have besides its colors, made and taken away through the command line."""

from __future__ import annotations

import pytest

from sandbox.project import set_config
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SETTINGS = {
    "network": {"cidr": "10.20.0.0/16", "zones": 2, "nat": "single", "endpoints": True},
    "cache": {"token": {"secret": "shop/cache", "key": "token"}, "replicas": 0},
    "secrets": {"API_KEY": {"secret": "shop/new", "create": True}},
    "compose": {"instanceType": "t3.medium", "min": 2, "max": 4, "mirror": "bundle"},
}


BEHIND = {name: SETTINGS[name] for name in ("network", "cache", "secrets")}
"""What a release needs and an `up` alone makes."""


def endpoints(play) -> int:
    """How many there are; AWS goes on showing those that were deleted for a while."""
    found = play.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return sum(one["State"] != "deleted" for one in found)


def test_cache_endpoints_and_secrets_come_with_up_and_a_release_uses_them():
    with played() as play:
        secrets = play.client("secretsmanager")
        secrets.create_secret(Name="shop/cache", SecretString='{"token": "a-token-of-the-cache"}')
        for key, value in SETTINGS.items():
            set_config(play.stage.project, "dev", f"bluegreen:{key}", value)
        play.run("up")
        secrets.put_secret_value(SecretId="shop/new", SecretString="x")
        assert endpoints(play) == 11
        with play.load() as clients:
            play.run("deploy", "shop:2.0.0")
            play.run("promote")
        assert clients.stop()["failed"] == 0
        assert play.run("preview").document["outcome"] == "no changes"
        play.run("destroy")
        assert play.client("s3").list_buckets()["Buckets"] == []
        assert endpoints(play) == 0


def test_a_deploy_before_the_up_that_its_settings_need_is_refused():
    with played() as play:
        play.client("secretsmanager").create_secret(Name="shop/cache", SecretString='{"token": "a-token"}')
        file = play.stage.project / "Pulumi.dev.yaml"
        was = file.read_text()
        for key, value in BEHIND.items():
            set_config(play.stage.project, "dev", f"bluegreen:{key}", value)
            refused = play.run("deploy", "shop:2.0.0", expect=3).document
            assert refused["outcome"] == "refused", refused
            assert "since the last `up`" in refused["why"], refused
            assert refused["next"] == "bluegreen -s dev up", refused
            assert play.weights() == {"blue": 100, "green": 0}
            file.write_text(was)
        # And what it names helps.
        set_config(play.stage.project, "dev", "bluegreen:secrets", BEHIND["secrets"])
        play.run("up")
        play.client("secretsmanager").put_secret_value(SecretId="shop/new", SecretString="x")
        play.run("deploy", "shop:2.0.0")
