"""Images that are not let in, images that are held on to, and configuration that goes out as a release."""

from __future__ import annotations

import pytest

from sandbox.project import set_config
from tests.e2e.play import played

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SETTINGS = {
    "registry": {"forbid": ["CRITICAL"]},
    "environment": {"LOG_LEVEL": "debug"},
    "secrets": {"DB_PASSWORD": {"secret": "shop/database", "key": "password"}},
    "scaling": {"cpu": 60, "requests": 1000},
    "workers": [{"name": "mail", "command": "work --fast"}],
}


def tags(play):
    found = play.client("ecr").list_images(repositoryName="shop")["imageIds"]
    return {one["imageTag"]: one["imageDigest"] for one in found if one["imageTag"].startswith("live-")}


def scanned(play, tag):
    play.client("ecr").start_image_scan(repositoryName="shop", imageId={"imageTag": tag})


def test_what_a_scan_found_what_stays_and_what_an_instance_may_read():
    # Workers run on instances only.
    with played(settings={"bluegreen:platforms": ["compose"]}) as play:
        first = tags(play)
        assert len(first) == 1
        for key, value in SETTINGS.items():
            set_config(play.stage.project, "dev", f"bluegreen:{key}", value)

        refused = play.run("deploy", "shop:2.0.0", expect=3).document
        assert "nobody has scanned" in refused["what"], refused
        play.stage.push("shop:3-vulnerable")
        for tag in ("2.0.0", "3-vulnerable"):
            scanned(play, tag)
        refused = play.run("deploy", "shop:3-vulnerable", expect=3).document
        assert "1 CRITICAL" in refused["why"], refused

        refused = play.run("deploy", "shop:2.0.0", expect=None)
        assert refused.code != 0
        assert "shop/database" in refused.out, refused.out
        play.client("secretsmanager").create_secret(Name="shop/database", SecretString='{"password": "x"}')
        with play.load() as clients:
            play.run("deploy", "shop:2.0.0")
            assert len(tags(play)) == 2
            play.run("promote")
            scanned(play, "3.0.0")
            play.run("rollback")
            play.run("promote", "--again")
            assert play.run("deploy", "shop:3.0.0", "--end-hold").code == 0
        assert clients.stop()["failed"] == 0
        # What the record names is held, and nothing else.
        record = play.run("status").document
        assert len(tags(play)) == 2, (tags(play), record)
        assert not set(first.values()) & set(tags(play).values())
        policies = play.client("autoscaling").describe_policies()["ScalingPolicies"]
        assert {one["TargetTrackingConfiguration"]["TargetValue"] for one in policies} == {60.0, 1000.0}
