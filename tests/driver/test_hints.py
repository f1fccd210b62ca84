"""What people are told to type works as it stands, and what they read is grammar."""

from __future__ import annotations

import json
import os

import pytest
from moto import mock_aws

from driver.await_health import await_health
from driver.cli import cli
from driver.cloud.account import Credentials
from driver.cloud.aws import AwsCloud
from driver.counting import many
from driver.ending import ended
from driver.errors import Refused, ReleaseFailed
from driver.gates import health
from driver.images import missing
from driver.observe import observe
from driver.ports import Changes
from driver.release.moves import Await
from driver.release.plan import plan
from driver.release.requests import Deploy
from driver.report.commands import commands
from infra.images import parse_image
from tests.driver.fakes import release, serving, world


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 targets"), (1, "1 target"), (2, "2 targets"), (1234, "1,234 targets")]
)
def test_one_is_not_many(number, said):
    assert many(number, "target") == said


def test_a_command_of_pulumis_names_the_stack_where_it_is_about_one():
    hints = (
        "$ pulumi config set aws:region eu-central-1",
        "$ pulumi cancel",
        "$ pulumi whoami -v",
        "$ pulumi -s dev config rm bluegreen:basedOn",
    )
    assert commands(hints, "prod") == (
        "pulumi -s prod config set aws:region eu-central-1",
        "pulumi -s prod cancel",
        "pulumi whoami -v",
        "pulumi -s dev config rm bluegreen:basedOn",
    )
    assert commands(hints[:1], None) == ("pulumi config set aws:region eu-central-1",)


def test_a_platform_is_added_behind_those_that_are_listed():
    made = world(serving())
    refused = plan(observe(made.cloud, made.clock.now()), Deploy(release("3", "fargate")), made.stack.settings)
    assert refused.next[0] == "$ pulumi config set --path 'bluegreen:platforms[1]' fargate"


def test_an_image_is_pushed_to_the_registry_that_lacks_it():
    home = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    assert missing("shop:9", parse_image("shop:9"), home).next[0] == f"$ docker push {home}/shop:9"
    local = missing("shop:9", parse_image("shop:9"), home, local=True)
    assert local.next[0] == "sandbox push shop:9"
    assert commands(local.next, "dev")[0] == "bluegreen sandbox push shop:9"
    by_digest = f"shop@sha256:{'0' * 64}"
    assert missing(by_digest, parse_image(by_digest), home).next == (
        "$ aws ecr describe-images --repository-name shop",
    )


@pytest.mark.slow
def test_the_cloud_names_its_own_registry(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(), pytest.raises(Refused) as caught:
        AwsCloud("shop", "dev", Credentials(region="eu-central-1")).image("shop:9")
    assert caught.value.next[0] == "$ docker push 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:9"


def test_a_profile_that_is_set_to_nothing_is_none(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "")
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "")
    AwsCloud("shop", "dev", Credentials(region="eu-central-1"))
    assert "AWS_PROFILE" not in os.environ


def test_a_single_target_is_one():
    made = world(serving())
    made.cloud.targets["arn:tg/green"] = made.cloud.targets["arn:tg/green"][:1]
    assert health(observe(made.cloud, made.clock.now()), "green").why == "1 target is registered, 2 needed"
    made.cloud.ail("green", 1)
    with pytest.raises(ReleaseFailed, match=r"0 of 1 target$") as caught:
        await_health(made.ports, Await("green", 1), made.clock.elapsed() + 4)
    assert "come up" not in caught.value.why


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-central-1\n")
    monkeypatch.setattr("driver.interrupts.INTERRUPTS.install", lambda: None)
    monkeypatch.setenv("BLUEGREEN_PROJECT", str(tmp_path))


def destroyed(made, monkeypatch, capsys):
    monkeypatch.setattr("driver.session.AwsCloud", lambda *_: made.cloud)
    monkeypatch.setattr("driver.session.Session.stack", made.stack)
    code = ended(cli, ["-s", "dev", "-y", "--output", "json", "destroy"])
    return code, json.loads(capsys.readouterr().out)


def test_where_nothing_is_there_nothing_is_destroyed(checkout, monkeypatch, capsys):
    made = world()
    made.stack.emptied = True
    code, document = destroyed(made, monkeypatch, capsys)
    assert (code, document["outcome"]) == (0, "nothing to do")
    assert document["reason"] == "nothing of shop · dev is there"


def test_a_stack_of_another_backend_is_not_taken_for_nothing(checkout, monkeypatch, capsys):
    made = world(serving())
    made.stack.emptied = True
    code, document = destroyed(made, monkeypatch, capsys)
    assert code == 2
    assert "another backend" in document["reason"]


def test_what_was_destroyed_is_counted(checkout, monkeypatch, capsys):
    made = world(serving())
    made.stack.destroy = lambda: Changes({"delete": 1})
    code, document = destroyed(made, monkeypatch, capsys)
    assert (code, document["reason"]) == (0, "1 resource of shop · dev is gone")
